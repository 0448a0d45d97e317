"""Output items of OpenAI's hosted Evals; the shape is told in `openai_evals`."""

from collections.abc import Mapping
from typing import Any, Final

from secondtake.backend.importers.builder import Error, RunBuilder, Span
from secondtake.backend.importers.conversations import problem_of_messages
from secondtake.backend.importers.files import shape_of
from secondtake.backend.importers.scalars import count_of, number_of, text_of
from secondtake.backend.importers.usages import openai_usage_columns
from secondtake.runner.narrow import is_list, is_object

FORMAT: Final = "openai-evals"
OBJECT: Final = "eval.run.output_item"

_PARAMETERS: Final = ("temperature", "top_p", "seed", "max_completion_tokens")
_OF_SAMPLE: Final = (*_PARAMETERS, "input", "output", "model", "finish_reason", "usage", "error")
_OF_ITEM: Final = ("sample", "datasource_item")


def problem_of(item: Mapping[str, Any]) -> str | None:
    """Say why an item cannot be taken; None when it can."""
    if item.get("object") != OBJECT and "datasource_item" not in item:
        return f"it is {shape_of(item)}, not an {OBJECT}"
    results: Any = item.get("results") or []
    if not is_list(results) or not all(map(is_object, results)):
        return "its results are not a list of objects"
    sample = item.get("sample")
    if sample is None:
        return None
    if not is_object(sample):
        return f"its sample is {shape_of(sample)}, not an object"
    for name in ("input", "output"):
        problem = problem_of_messages(_messages(sample, name))
        if problem is not None:
            return f"in the {name} of its sample, {problem}"
    return None


def build(item: Mapping[str, Any], provenance: Mapping[str, Any], builder: RunBuilder) -> None:
    """Add the events of one item."""
    sample: Mapping[str, Any] = item.get("sample") or {}
    error = _error_of(sample.get("error"))
    ids = {"eval": "eval_id", "eval_run": "run_id", "result": "status"}
    tags = {tag: text for tag, key in ids.items() if (text := text_of(item.get(key)))}
    builder.start(
        name=FORMAT,
        source=f"import:{FORMAT}",
        config=None,
        inputs=item.get("datasource_item"),
        provenance=provenance,
        rest={key: value for key, value in item.items() if key not in _OF_ITEM},
        labels={"case_id": text_of(item.get("datasource_item_id"))},
        tags=tags,
    )
    answers = _messages(sample, "output")
    if sample:
        _add_call(sample, answers, error, builder)
    _add_scores(item.get("results") or [], builder)
    builder.finish(
        status="error" if error else "ok",
        output=answers[-1].get("content") if answers else None,
        error=error,
    )


def _add_call(
    sample: Mapping[str, Any],
    answers: list[Mapping[str, Any]],
    error: Error | None,
    builder: RunBuilder,
) -> None:
    """Add what was sampled: several messages of one answer follow each other."""
    for message in (*_messages(sample, "input"), *answers[:-1]):
        builder.message(message)
    builder.llm_call(
        *answers[-1:],
        model=text_of(sample.get("model")),
        parameters={key: sample[key] for key in _PARAMETERS if sample.get(key) is not None},
        span=Span(error=error),
        extra={key: value for key, value in sample.items() if key not in _OF_SAMPLE},
        finish_reason=text_of(sample.get("finish_reason")),
        **_usage_columns(sample.get("usage")),
    )


def _usage_columns(usage: Any) -> dict[str, Any]:
    """Return the token columns. A total of 0 says that nothing was counted, not that all is 0."""
    if not is_object(usage) or not count_of(usage.get("total_tokens")):
        return {"usage": usage} if is_object(usage) else {}
    details = {"cached_tokens": usage.get("cached_tokens")}
    return {**openai_usage_columns({**usage, "prompt_tokens_details": details}), "usage": usage}


def _add_scores(results: list[Mapping[str, Any]], builder: RunBuilder) -> None:
    for place, result in enumerate(results):
        score, passed = result.get("score"), result.get("passed")
        number = number_of(score)
        builder.score(
            name=text_of(result.get("name")) or text_of(result.get("type")) or "grader",
            value=number,
            scorer=f"{FORMAT} grader {place}",
            raw=score if number is None else None,
            label={True: "pass", False: "fail"}.get(passed) if isinstance(passed, bool) else None,
            reason=text_of(result.get("reason")),
        )


def _messages(sample: Mapping[str, Any], name: str) -> Any:
    """Return messages with a role each: the definition lets an answer leave its role out."""
    said: Any = sample.get(name) or []
    if name != "output" or not is_list(said):
        return said
    return [
        {**message, "role": message.get("role") or "assistant"} if is_object(message) else message
        for message in said
    ]


def _error_of(error: Any) -> Error | None:
    """Return how sampling failed; an object whose members are all empty is no error."""
    if not is_object(error):
        return None
    code, message = text_of(error.get("code")), text_of(error.get("message"))
    return Error(type=code or "Error", message=message) if code or message else None

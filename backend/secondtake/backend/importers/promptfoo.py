"""Imports results of promptfoo: the file of `promptfoo eval -o results.json` (or `.jsonl`).

The shape is that of promptfoo's `src/types/index.ts`: `{evalId, results: EvaluateSummaryV3, config,
metadata}` with `results.version` 3, and its version 2, which has a `table` and no `prompts`; a bare
summary, as the first versions wrote it, and one `EvaluateResult` a line are read as well. Each
`EvaluateResult` is a run with one LLM call: a prompt, rendered with its vars, given to a provider,
and what assertions said of the answer.

What promptfoo's own code says of its figures (`src/models/evalResult.ts`, `getTokenUsage` of the
providers), and how they are read therefore:

* `cost` and `latencyMs` of a result are 0 where they are not known: such a 0 is unknown here, but
  for a `response.cost` that is there.
* `tokenUsage.prompt` and `.completion` are 0 where the provider did not report them: a prompt of 0
  tokens is unknown, and so is a completion of 0 tokens, unless the total says that it was none.
* An answer from promptfoo's own cache (`response.cached`) has `{cached: total, total}` alone. That
  is no count of cached input: both totals are unknown, and the call was served from a cache.
* `prompt` contains cached tokens where `completionDetails.cacheReadInputTokens` is there, and with
  OpenAI; else what it contains depends on promptfoo's version, and no convention is said.
* An `error` is also the reason of a failed assertion: a run failed when `failureReason` is 2, or,
  where that is not said, when there is an error and no answer.
* `timestamp` is when the whole evaluation was begun: it is kept in `extra` and is no time of a run.

The provider's id is taken apart, `openai:chat:gpt-4o` into provider and model; of a script, a URL
or an `echo` the model is unknown. The tokens that graders used stay in `extra`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from secondtake.backend.importers.builder import Error, RunBuilder, Span
from secondtake.backend.importers.files import SourceFile, shape_of, stem_of
from secondtake.backend.importers.frame import Importer, Origin
from secondtake.backend.importers.json_lines import BrokenLine, read_json_or_lines
from secondtake.backend.importers.promptfoo_calls import (
    answer_of,
    call_columns,
    provider_and_model,
    sent_messages,
)
from secondtake.backend.importers.promptfoo_scores import add_scores
from secondtake.backend.importers.recognising import hint_at
from secondtake.backend.importers.scalars import milliseconds_of, text_of
from secondtake.runner.errors import UsageError
from secondtake.runner.narrow import is_list, is_object

FORMAT: Final = "promptfoo"
ERROR: Final = 2
"""`ResultFailureReason.ERROR`."""
NAME_CHARS: Final = 200

_OF_RESULT: Final = ("prompt", "vars", "response", "latencyMs", "cost", "namedScores", "score")
_OF_RESPONSE: Final = ("output", "tokenUsage", "cost", "cached", "finishReason")


def read_file(path: Path) -> SourceFile:
    """Read a result file of promptfoo, plain or gzipped.

    Raises:
        UsageError: it is missing, broken, or holds no result of promptfoo.
    """
    text = read_json_or_lines(path)
    records = _whole(text.values[0]) if text.is_whole else [_record(v, {}) for v in text.values]
    problems = [problem_of(record) for record in records]
    if all(problems):
        first = f" (of the first: {problems[0]})" if problems else ""
        raise UsageError(
            f"{path} is no result of promptfoo: it holds {_shape(text.values[0])}{first}. Name a "
            f"file that `promptfoo eval -o` wrote.{hint_at(text.values[0], but=FORMAT)}"
        )
    stem = stem_of(path).removesuffix(".jsonl")
    return SourceFile(path=path, stem=stem, sha256=text.sha256, records=records)


def problem_of(record: Any) -> str | None:
    """Say why a record cannot be taken; None when it can."""
    if isinstance(record, BrokenLine):
        return record.problem
    result = record["result"]
    if not is_object(result):
        return f"it is {shape_of(result)}, not an object"
    if "success" not in result or not ("prompt" in result or "vars" in result):
        return f"it is {shape_of(result)}, without prompt or vars and success"
    for name in ("response", "provider", "vars", "gradingResult", "testCase", "namedScores"):
        value = result.get(name)
        is_named = name == "provider" and isinstance(value, str)
        if value is not None and not is_object(value) and not is_named:
            return f"its {name} is {shape_of(value)}, not an object"
    return None


def is_empty(record: Mapping[str, Any]) -> bool:
    """Tell whether nothing was said."""
    return not record["result"].get("response")


def build(record: Mapping[str, Any], origin: Origin, builder: RunBuilder) -> None:
    """Add the events of one record."""
    result, of_eval = record["result"], record["eval"]
    error = _error_of(result)
    _start(result, of_eval, origin, builder, failed=error is not None)
    response: Mapping[str, Any] = result.get("response") or {}
    answer = answer_of(response)
    provider, model = provider_and_model(_provider_id(result))
    builder.llm_call(
        *([answer] if answer is not None and error is None else []),
        model=model,
        sent=sent_messages(result.get("prompt")),
        span=Span(duration_ms=milliseconds_of(result.get("latencyMs")) or None, error=error),
        extra={key: value for key, value in response.items() if key not in _OF_RESPONSE},
        provider=provider,
        **call_columns(result, provider=provider),
    )
    add_scores(result, builder)
    builder.finish(status="error" if error else "ok", output=response.get("output"), error=error)


def _start(
    result: Mapping[str, Any],
    of_eval: Mapping[str, Any],
    origin: Origin,
    builder: RunBuilder,
    *,
    failed: bool,
) -> None:
    case: Mapping[str, Any] = result.get("testCase") or {}
    description = case.get("description") or result.get("description")
    prompt = result.get("prompt")
    found = {
        "prompt": prompt.get("label") if is_object(prompt) else None,
        "provider": _label(result) or _provider_id(result),
        "test": description,
        "eval": of_eval.get("evalId"),
        "result": "error" if failed else "pass" if result["success"] is True else "fail",
    }
    builder.start(
        name=(text_of(of_eval.get("description")) or FORMAT)[:NAME_CHARS],
        source=IMPORTER.source,
        config=of_eval.get("config"),
        inputs=result.get("vars"),
        provenance={
            "format": FORMAT,
            "file": origin.file.path.name,
            "sha256": origin.file.sha256,
            "index": origin.index,
        },
        rest={
            **{key: value for key, value in result.items() if key not in _OF_RESULT},
            "eval": {key: value for key, value in of_eval.items() if key != "config"},
        },
        labels={"case_id": text_of(result.get("testIdx")) or text_of(description)},
        tags={tag: text[:NAME_CHARS] for tag, value in found.items() if (text := text_of(value))},
    )


def _whole(value: Any) -> list[Any]:
    """Return the records of a file that is one JSON value."""
    if not is_object(value):
        return [_record(item, {}) for item in value] if is_list(value) else []
    summary: Any = value if is_list(value.get("results")) else value.get("results")
    if not is_object(summary) or not is_list(summary.get("results")):
        return [_record(value, {})] if "promptIdx" in value else []
    config = value.get("config")
    metadata = value.get("metadata")
    of_eval = {
        "evalId": value.get("evalId"),
        "version": summary.get("version"),
        "timestamp": summary.get("timestamp"),
        "description": config.get("description") if is_object(config) else None,
        "config": config if is_object(config) else None,
        "metadata": metadata if is_object(metadata) else None,
    }
    return [_record(item, of_eval) for item in summary["results"]]


def _record(result: Any, of_eval: Mapping[str, Any]) -> Any:
    return result if isinstance(result, BrokenLine) else {"result": result, "eval": dict(of_eval)}


def _provider_id(result: Mapping[str, Any]) -> str | None:
    provider = result.get("provider")
    return text_of(provider.get("id")) if is_object(provider) else text_of(provider)


def _label(result: Mapping[str, Any]) -> str | None:
    provider = result.get("provider")
    return text_of(provider.get("label")) if is_object(provider) else None


def _error_of(result: Mapping[str, Any]) -> Error | None:
    """Return how a run failed; None when it did not, whatever assertions said of its answer."""
    response: Mapping[str, Any] = result.get("response") or {}
    message = text_of(response.get("error")) or text_of(result.get("error"))
    reason = result.get("failureReason")
    has_answer = response.get("output") is not None or bool(result.get("gradingResult"))
    if reason == ERROR or (reason is None and message is not None and not has_answer):
        return Error(type="Error", message=message)
    return None


def _shape(value: Any) -> str:
    return "lines that are no JSON" if isinstance(value, BrokenLine) else shape_of(value)


IMPORTER: Final = Importer(
    format=FORMAT,
    help="results of promptfoo: `promptfoo eval -o results.json` (.json, .jsonl, .gz)",
    read_file=read_file,
    problem_of=problem_of,
    is_empty=is_empty,
    build=build,
)
"""What the registry holds."""

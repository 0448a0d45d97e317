"""The steps of a trajectory of SWE-agent: which message each belongs to, and what was carried out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from secondtake.backend.dialects.attributes import json_of
from secondtake.backend.importers.builder import Span
from secondtake.backend.importers.moments import duration_ms_of
from secondtake.runner.narrow import is_list
from secondtake.runner.replay.tool_messages import pair_results, parse_arguments

Json = Mapping[str, Any]

SENT: Final = (
    "role", "content", "tool_calls", "tool_call_id", "name", "thinking_blocks",
    "reasoning_content",
)  # fmt: skip
"""The fields of a message that a model is sent; the others are SWE-agent's own."""


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The steps of a run."""

    by_place: dict[int, Json]
    """By the place in the history of the message that asked for them."""
    left_over: list[Json]
    """Steps that no message of the history belongs to."""


def sent_form(message: Json) -> dict[str, Any]:
    """Return a message in OpenAI's chat form, without what SWE-agent notes beside it."""
    made = {key: message[key] for key in SENT if message.get(key) is not None}
    ids = _ids_of(message)
    if message["role"] == "tool" and ids and "tool_call_id" not in made:
        made["tool_call_id"] = str(ids[0])
    return made


def paired_steps(history: Sequence[Json], steps: Sequence[Json]) -> Steps:
    """Find the message that each step belongs to: in order, and with the same command.

    A step whose answer is not in the history (a format that had to be asked for again, a run that
    was stopped) belongs to none.
    """
    by_place: dict[int, Json] = {}
    left_over: list[Json] = []
    after = 0
    for place, message in enumerate(history):
        if message["role"] != "assistant" or message.get("is_demo"):
            continue
        found = next((i for i in range(after, len(steps)) if _is_of(steps[i], message)), None)
        if found is not None:
            left_over += steps[after:found]
            by_place[place] = steps[found]
            after = found + 1
    return Steps(by_place=by_place, left_over=[*left_over, *steps[after:]])


def calls_of(message: Json, step: Json | None, answers: Iterable[Json]) -> list[dict[str, Any]]:
    """Return the arguments for `RunBuilder.tool_call` of each command of a message.

    Args:
        message: of the assistant.
        step: that carried it out; None when the file has none, and then what the model was told
            is the result.
        answers: the messages until the next one of the assistant.
    """
    asked: list[Json] = message.get("tool_calls") or []
    if not asked:
        return _text_call(step)
    told = [
        {"tool_call_id": call_id, "content": answer.get("content")}
        for answer in answers
        if answer["role"] == "tool"
        for call_id in (_ids_of(answer) or [answer.get("tool_call_id")])
    ]
    # A step has one observation and one time; of several calls they would be nobody's.
    alone = step if len(asked) == 1 else None
    return [
        {
            "tool": call["function"]["name"],
            "call_id": None if call.get("id") is None else str(call["id"]),
            "arguments": parse_arguments(call["function"].get("arguments")),
            "result": _result(alone, answer),
            **_beside(alone, keeps_action=True),
        }
        for call, answer in zip(asked, pair_results(asked, told), strict=True)
    ]


def _text_call(step: Json | None) -> list[dict[str, Any]]:
    action: Any = step.get("action") if step is not None else None
    words = action.split(maxsplit=1) if isinstance(action, str) else []
    if step is None or not words:
        return []
    return [
        {
            "tool": words[0],
            "call_id": None,
            "arguments": {"action": action},
            "result": step.get("observation"),
            **_beside(step, keeps_action=False),
        }
    ]


def _beside(step: Json | None, *, keeps_action: bool) -> dict[str, Any]:
    """Return how long a step took, and what the shell was like after it."""
    if step is None:
        return {}
    known = ("response", "observation", "thought", "query", "execution_time", "state")
    extra = {key: item for key, item in step.items() if key not in known and item is not None}
    if not keeps_action:
        extra.pop("action", None)
    if step.get("state") is not None:
        extra["state"] = json_of(step["state"])
    took_ms = duration_ms_of(step.get("execution_time"))
    return {"span": Span(duration_ms=took_ms), "extra": extra}


def _result(step: Json | None, answer: Json | None) -> Any:
    if step is not None and "observation" in step:
        return step["observation"]
    return answer["content"] if answer is not None else None


def _is_of(step: Json, message: Json) -> bool:
    """Tell whether a step carried a message out: by its command, the answer may have been edited."""
    action = message.get("action") or None
    if action is not None:
        return bool(action == step.get("action"))
    said = message.get("content") or None
    return said is not None and bool(said == step.get("response"))


def _ids_of(message: Json) -> list[Any]:
    ids: Any = message.get("tool_call_ids")
    return ids if is_list(ids) else []

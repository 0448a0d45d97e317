"""The commands of a run of mini-swe-agent: what was asked for, and what came of it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from secondtake.backend.dialects.attributes import text_of
from secondtake.backend.importers.builder import Error, Span
from secondtake.backend.importers.moments import moment_of
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.replay.tool_messages import pair_results, parse_arguments

Json = Mapping[str, Any]

TOOL: Final = "bash"
FINAL_OUTPUT: Final = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
"""What a command prints that ends the run."""

_FENCED: Final = re.compile(r"```(?:mswea_bash_command|bash)\s*\n(.*?)\n```", re.DOTALL)
_RETURN_CODE: Final = re.compile(r"\s*<returncode>(-?\d{1,10})</returncode>")


def command_of(message: Json) -> str | None:
    """Return the command of an assistant message, by the agent's rule: the only one in fences."""
    content = message.get("content")
    found = _FENCED.findall(content) if isinstance(content, str) else []
    return found[0].strip() if len(found) == 1 else None


def commands_of(message: Json, answers: Sequence[Json]) -> list[dict[str, Any]]:
    """Return the arguments for `RunBuilder.tool_call` of each command that was carried out.

    Args:
        message: of the assistant.
        answers: the messages until the next one of the assistant.
    """
    asked: list[Json] = message.get("tool_calls") or []
    if asked:
        told = [answer for answer in answers if answer["role"] == "tool"]
        ended = [answer for answer in answers if answer["role"] == "exit"]
        found = pair_results(asked, told)
        if found and found[-1] is None and ended:
            found[-1] = ended[0]  # the command that ended the run was answered by its end
        return [
            _call(
                call["function"]["name"],
                parse_arguments(call["function"].get("arguments")),
                answer,
                call_id=None if call.get("id") is None else str(call["id"]),
            )
            for call, answer in zip(asked, found, strict=True)
            if answer is not None
        ]
    commands = _text_commands(message)
    return [
        _call(TOOL, {"command": command}, answer, call_id=None)
        for command, answer in zip(commands, answers, strict=False)
    ]


def _text_commands(message: Json) -> list[str]:
    extra: Any = message.get("extra")
    actions: Any = extra.get("actions") if is_object(extra) else None
    if is_list(actions):
        commands = [action.get("command") for action in actions if is_object(action)]
        return [command for command in commands if isinstance(command, str)]
    command = command_of(message)
    return [] if command is None else [command]


def _call(tool: str, arguments: Any, answer: Json, *, call_id: str | None) -> dict[str, Any]:
    given: Any = answer.get("extra")
    extra: Json = given if is_object(given) else {}
    content = answer.get("content")
    raw = extra.get("raw_output")
    code = extra.get("returncode")
    if code is None and isinstance(content, str):
        found = _RETURN_CODE.match(content)
        code = int(found[1]) if found else None
    exception = text_of(extra.get("exception_info"))
    kind = text_of(extra.get("exception_type")) or "Error"
    moment = extra.get("timestamp", answer.get("timestamp"))
    kept = {
        key: item
        for key, item in extra.items()
        if key not in ("raw_output", "returncode", "timestamp", "exception_info", "traceback")
    }
    if code is not None:
        kept["returncode"] = code
    return {
        "tool": tool,
        "call_id": call_id,
        "arguments": arguments,
        "result": content if raw is None else raw,
        "span": Span(
            ended_at=moment_of(moment),
            error=Error(type=kind, message=exception) if exception else None,
        ),
        "extra": kept,
    }

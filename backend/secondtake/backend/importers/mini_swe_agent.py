"""Imports the trajectories of mini-swe-agent: `.traj.json` files, each the run of one agent.

Three forms are read: a bare list of chat messages; `{info, messages, trajectory_format}` of version
1, where an assistant message has the answer of the provider in `extra.response`; and that of
version 2 (`mini-swe-agent-1.1`), where messages have `extra` with actions, cost, output and
`timestamp`, tools may be called as functions, and a last message of the role `exit` says how it ended.

Each assistant message is an LLM call. Tokens are those of the provider's answer as LiteLLM wrote it
down (OpenAI's names and convention: `prompt_tokens` contains the cached ones); the cost is the one
that the agent computed. A cost of 0 is its word for "not known".

Commands are tool calls of `bash`: those that the model called as a function, those that
`extra.actions` lists, and in files without it the one command between fences, which is the agent's
own rule (a message with none or several was answered with a complaint, and nothing was run). The
result is what the model was told, or `extra.raw_output` where there is one. A command that nothing
answered is not said to have run.

A timestamp is taken when an answer or an output has come: it is the end of the call, and the start
of the first message's run. When a call began is not said.

Messages that are items of OpenAI's Responses API have no role; such a file is refused.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from secondtake.backend.dialects.attributes import text_of, usd_of
from secondtake.backend.importers.builder import Error, RunBuilder, Span
from secondtake.backend.importers.conversations import problem_of_message
from secondtake.backend.importers.files import (
    SourceFile,
    parse_json,
    read_bytes,
    sha256_of,
    shape_of,
    stem_of,
)
from secondtake.backend.importers.frame import Importer, Origin
from secondtake.backend.importers.mini_swe_agent_commands import (
    FINAL_OUTPUT,
    command_of,
    commands_of,
)
from secondtake.backend.importers.moments import moment_of
from secondtake.backend.importers.recognising import format_of, found_instead
from secondtake.runner.errors import UsageError
from secondtake.runner.events import RunStatus
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.providers.usage import openai_chat_tokens

FORMAT: Final = "mini-swe-agent"

Json = Mapping[str, Any]

_EXIT: Final = "exit"
_NOT_SENT: Final = frozenset({"extra", "timestamp"})
_ENDS: Final[Mapping[str, RunStatus]] = {
    "Submitted": "ok",
    "LimitsExceeded": "budget_exceeded",
    "TimeExceeded": "budget_exceeded",
    "KeyboardInterrupt": "cancelled",
    "UserInterruption": "cancelled",
}
"""The exit statuses that are no errors; all others name an exception."""


def read_file(path: Path) -> SourceFile:
    """Read a trajectory of mini-swe-agent, plain or gzipped.

    Raises:
        UsageError: it is missing, broken, or no trajectory of mini-swe-agent.
    """
    data = read_bytes(path)
    value = parse_json(path, data)
    is_whole = is_object(value) and "messages" in value and ("info" in value or _says_format(value))
    if not is_whole and not (is_list(value) and format_of(value) == FORMAT):
        raise UsageError(
            f"{path} is no trajectory of mini-swe-agent: it holds "
            f"{found_instead(value, asked=FORMAT)}. A trajectory is a list of chat messages, or an "
            "object with info, messages and trajectory_format."
        )
    stem = stem_of(path).removesuffix(".traj")
    return SourceFile(path=path, stem=stem, sha256=sha256_of(data), records=[value])


def problem_of(record: Any) -> str | None:
    """Say why a record cannot be taken; None when it can."""
    if is_object(record):
        if not is_object(record.get("info") or {}):
            return "its info is not an object"
        messages: Any = record.get("messages")
    else:
        messages = record
    if not is_list(messages):
        return f"its messages are {shape_of(messages)}, not a list"
    for place, message in enumerate(messages):
        problem = _message_problem(message)
        if problem is not None:
            return f"message {place} {problem}"
    return None


def is_empty(record: Any) -> bool:
    """Tell whether nothing was said."""
    return not _messages_of(record)


def build(record: Any, origin: Origin, builder: RunBuilder) -> None:
    """Add the events of one record."""
    messages = _messages_of(record)
    info: Json = (record.get("info") or {}) if is_object(record) else {}
    config = _object(_object(info.get("config")).get("model"))
    model = text_of(config.get("model_name"))
    times = [time for message in messages if (time := _time_of(message)) is not None]
    _start(record, origin, builder, info=info, started_at=times[0] if times else None)
    for place, message in enumerate(messages):
        if message["role"] == "assistant":
            _add_call(message, builder, model=model, config=config)
            for call in commands_of(message, _answers_after(messages, place)):
                builder.tool_call(**call)
        elif message["role"] != _EXIT:
            builder.message(_sent_form(message))
    status, error = _end_of(record, info)
    builder.finish(
        status=status,
        output=_output_of(messages, info),
        error=error,
        ended_at=times[-1] if times else None,
    )


def _start(
    record: Any, origin: Origin, builder: RunBuilder, *, info: Json, started_at: datetime | None
) -> None:
    messages = _messages_of(record)
    whole: Json = record if is_object(record) else {}
    case_id = text_of(whole.get("instance_id"))
    named = {
        "exit_status": text_of(info.get("exit_status")),
        "mini_version": text_of(info.get("mini_version")),
    }
    provenance: dict[str, Any] = {
        "format": FORMAT,
        "file": origin.file.path.name,
        "sha256": origin.file.sha256,
        "index": origin.index,
    }
    if named["exit_status"] is None:
        provenance["end"] = "not said"
    apart = ("config", "submission", "exit_status")
    task = next((m.get("content") for m in messages if m["role"] == "user"), None)
    builder.start(
        name=f"{FORMAT} {origin.file.stem}",
        source=IMPORTER.source,
        config=info.get("config"),
        inputs={"task": task, **({"instance_id": case_id} if case_id else {})},
        provenance=provenance,
        rest={
            **{key: item for key, item in whole.items() if key not in ("info", "messages")},
            **({"info": {k: v for k, v in info.items() if k not in apart}} if info else {}),
        },
        labels={
            "agent": text_of(_object(info.get("config")).get("agent_type")),
            "case_id": case_id,
        },
        tags={key: text for key, text in named.items() if text is not None},
        started_at=started_at,
    )


def _add_call(message: Json, builder: RunBuilder, *, model: str | None, config: Json) -> None:
    extra = _object(message.get("extra"))
    response = _object(extra.get("response"))
    choices: Any = response.get("choices")
    choice = _object(choices[0]) if is_list(choices) and choices else _object(None)
    usage = response.get("usage")
    tokens = openai_chat_tokens(_with_writes(usage)) if is_object(usage) else None
    counted = {} if tokens is None else vars(tokens).copy()
    if counted:
        counted["usage_convention"] = counted.pop("convention")
        counted["usage_note"] = counted.pop("note")
    cost_usd = usd_of(extra.get("cost")) or None
    apart = ("choices", "usage", "id", "model", "service_tier")
    builder.llm_call(
        _sent_form(message),
        model=model,
        parameters=_object(config.get("model_kwargs")) or None,
        span=Span(ended_at=_time_of(message)),
        extra={
            **{k: v for k, v in extra.items() if k not in ("response", "timestamp", "actions")},
            **{f"response.{k}": v for k, v in response.items() if k not in apart and v is not None},
        },
        provider=_provider_of(model),
        served_model=text_of(response.get("model")),
        response_id=text_of(response.get("id")),
        service_tier=text_of(response.get("service_tier")),
        finish_reason=text_of(choice.get("finish_reason")),
        usage=usage if is_object(usage) else None,
        cost_usd=cost_usd,
        cost_basis="recorded" if cost_usd is not None else None,
        **counted,
    )


def _with_writes(usage: Json) -> Json:
    """Return a usage with cache writes where OpenAI has them; LiteLLM has Anthropic's name."""
    details = _object(usage.get("prompt_tokens_details"))
    written = usage.get("cache_creation_input_tokens")
    if not written or "cache_write_tokens" in details:
        return usage
    return {**usage, "prompt_tokens_details": {**details, "cache_write_tokens": written}}


def _provider_of(model: str | None) -> str | None:
    """Return the provider that stands before a model's name, as LiteLLM writes it."""
    provider, slash, _ = (model or "").partition("/")
    return provider if slash and provider else None


def _end_of(record: Any, info: Json) -> tuple[RunStatus, Error | None]:
    """Return how a run ended.

    The file is written after every step, and the exit status at the end. A bare list says nothing.
    """
    said = text_of(info.get("exit_status"))
    if said is None:
        return ("interrupted" if is_object(record) and info else "ok"), None
    status: RunStatus = _ENDS.get(said, "error")
    if status in ("ok", "cancelled"):
        return status, None
    messages = _messages_of(record)
    last = messages[-1] if messages else _object(None)
    extra = _object(last.get("extra"))
    told = (extra.get("exception_str"), last.get("content"), info.get("submission"))
    message = next((text for text in told if isinstance(text, str) and text), None)
    traceback = text_of(extra.get("traceback")) or text_of(info.get("traceback"))
    return status, Error(type=said, message=message, traceback=traceback)


def _output_of(messages: Sequence[Json], info: Json) -> Any:
    """Return what the run handed in; in a bare list what followed the command that ends it."""
    if "submission" in info:
        return info["submission"] or None
    asked = messages[-2] if len(messages) > 1 else _object(None)
    told = messages[-1] if messages else _object(None)
    if asked.get("role") == "assistant" and told.get("role") == "user":
        return told.get("content") if FINAL_OUTPUT in (command_of(asked) or "") else None
    return told.get("content") if told.get("role") == "assistant" else None


def _answers_after(messages: Sequence[Json], place: int) -> list[Json]:
    """Return the messages between an assistant message and the next one."""
    answers: list[Json] = []
    for message in messages[place + 1 :]:
        if message["role"] == "assistant":
            break
        answers.append(message)
    return answers


def _sent_form(message: Json) -> dict[str, Any]:
    return {k: v for k, v in message.items() if k not in _NOT_SENT and v is not None}


def _time_of(message: Json) -> datetime | None:
    return moment_of(_object(message.get("extra")).get("timestamp")) or moment_of(
        message.get("timestamp")
    )


def _message_problem(message: Any) -> str | None:
    if is_object(message) and (message.get("object") == "response" or "call_id" in message):
        return "is an item of OpenAI's Responses API, which this importer does not read"
    return problem_of_message(message)


def _messages_of(record: Any) -> list[Json]:
    messages: list[Json] = record["messages"] if is_object(record) else record
    return messages


def _says_format(value: Json) -> bool:
    return str(value.get("trajectory_format", "")).startswith(FORMAT)


def _object(value: Any) -> Json:
    return value if is_object(value) else {}


IMPORTER: Final = Importer(
    format=FORMAT,
    help="trajectories of mini-swe-agent (.traj.json)",
    read_file=read_file,
    problem_of=problem_of,
    is_empty=is_empty,
    build=build,
)
"""What the registry holds."""

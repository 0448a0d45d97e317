"""Imports conversations: one JSON value a line, each a run.

A line is one of

    {"messages": [{"role", "content", ...}, ...], "tools": [...]}      as in fine-tuning files
    [{"role", "content", ...}, ...]                                    the messages alone
    {"prompt": text or messages, "completion" or "response": text or message}

An object may also say `id`, `name`, `model`, `usage` (OpenAI's, with its names), `cost_usd`,
`parameters`, `score` (a number), `scores` ({name: number}), `tags` ({name: value} or [name]),
`session_id` or `session`, `user_id` or `user`. What else it says is kept in `extra`.

Each assistant message is an LLM call that was sent all messages before it. `usage` and `cost_usd`
belong to the last of them when there is one alone, else to none: they are then kept in `extra`.
There are no times, so there are none in the rows. A file that is a JSON list of such objects is
read as well. A line that is no JSON is skipped and said.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from secondtake.backend.importers.builder import RunBuilder
from secondtake.backend.importers.conversations import add_conversation, problem_of_messages
from secondtake.backend.importers.files import SourceFile, shape_of, stem_of
from secondtake.backend.importers.frame import Importer, Origin
from secondtake.backend.importers.json_lines import BrokenLine, read_json_or_lines
from secondtake.backend.importers.recognising import hint_at
from secondtake.backend.importers.scalars import amount_of, number_of, text_of
from secondtake.backend.importers.usages import openai_usage_columns
from secondtake.runner.errors import UsageError
from secondtake.runner.narrow import is_list, is_object

FORMAT: Final = "chat-jsonl"

_ANSWERS: Final = ("completion", "response")
_READ: Final = (
    "messages", "prompt", *_ANSWERS, "tools", "id", "name", "model", "parameters", "score",
    "scores", "tags", "session_id", "session", "user_id", "user",
)  # fmt: skip
"""What has a place of its own in the rows."""


def read_file(path: Path) -> SourceFile:
    """Read a file of conversations, plain or gzipped.

    Raises:
        UsageError: it is missing, broken, or holds no conversation.
    """
    text = read_json_or_lines(path)
    records = text.values
    if text.is_whole and is_list(records[0]) and not _is_conversation(records[0]):
        records = records[0]
    problems = [problem_of(record) for record in records]
    if all(problems):
        first = f" (of the first: {problems[0]})" if problems else ""
        raise UsageError(
            f"{path} is no file of conversations{first}: a line is an object with messages, or "
            f"with prompt and completion, or a list of messages.{hint_at(records, but=FORMAT)}"
        )
    stem = stem_of(path).removesuffix(".jsonl")
    return SourceFile(path=path, stem=stem, sha256=text.sha256, records=records)


def problem_of(record: Any) -> str | None:
    """Say why a record cannot be taken; None when it can."""
    if isinstance(record, BrokenLine):
        return record.problem
    if is_list(record):
        problem = problem_of_messages(record)
        return "it is an empty list" if not record else problem
    if not is_object(record):
        return f"it is {shape_of(record)}, not an object or a list of messages"
    if "messages" in record:
        problem = problem_of_messages(record["messages"])
        return problem and f"in its messages, {problem}"
    return _problem_of_pair(record)


def is_empty(record: Any) -> bool:
    """Tell whether nothing was said."""
    return not messages_of(record)


def build(record: Any, origin: Origin, builder: RunBuilder) -> None:
    """Add the events of one record."""
    told: Mapping[str, Any] = record if is_object(record) else {}
    messages = messages_of(record)
    answers = [message for message in messages if message["role"] == "assistant"]
    columns = _columns(told) if len(answers) == 1 else {}
    _start(told, origin, builder, messages, read={*_READ, *columns})
    tools, parameters = told.get("tools"), told.get("parameters")
    add_conversation(
        messages,
        builder,
        model=text_of(told.get("model")),
        tools=tools if is_list(tools) else None,
        parameters=parameters if is_object(parameters) else None,
        **columns,
    )
    for name, value in _scores(told):
        number = number_of(value)
        builder.score(
            name=name, value=number, scorer=FORMAT, raw=None if number is not None else value
        )
    builder.finish(status="ok", output=answers[-1].get("content") if answers else None)


def messages_of(record: Any) -> list[Mapping[str, Any]]:
    """Return the messages of a record that has no problem."""
    if is_list(record):
        return record
    if "messages" in record:
        messages: list[Mapping[str, Any]] = record["messages"]
        return messages
    prompt, answer = record["prompt"], record[_answer_key(record)]
    asked = prompt if is_list(prompt) else [{"role": "user", "content": prompt}]
    said = answer if is_object(answer) else {"content": answer}
    return [*asked, {"role": "assistant", **said}]


def _start(
    told: Mapping[str, Any],
    origin: Origin,
    builder: RunBuilder,
    messages: Sequence[Mapping[str, Any]],
    *,
    read: Collection[str],
) -> None:
    asked = [message.get("content") for message in messages if message["role"] == "user"]
    builder.start(
        name=text_of(told.get("name")) or FORMAT,
        source=IMPORTER.source,
        config=None,
        inputs={"prompt": asked[0]} if asked else None,
        provenance={
            "format": FORMAT,
            "file": origin.file.path.name,
            "sha256": origin.file.sha256,
            "index": origin.index,
        },
        rest={key: item for key, item in told.items() if key not in read},
        labels={
            "case_id": text_of(told.get("id")),
            "session_id": text_of(told.get("session_id")) or text_of(told.get("session")),
            "user_id": text_of(told.get("user_id")) or text_of(told.get("user")),
        },
        tags=_tags(told.get("tags")),
    )


def _columns(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an object says of its one LLM call, as columns."""
    columns = openai_usage_columns(told.get("usage"))
    cost_usd = amount_of(told.get("cost_usd"))
    if cost_usd is not None:
        columns |= {"cost_usd": cost_usd, "cost_basis": "recorded"}
    return columns


def _scores(told: Mapping[str, Any]) -> list[tuple[str, Any]]:
    scores = told.get("scores")
    named = list(scores.items()) if is_object(scores) else []
    if told.get("score") is not None and "score" not in dict(named):
        named.append(("score", told["score"]))
    return [(name, value) for name, value in named if name.strip()]


def _tags(tags: Any) -> dict[str, str]:
    """Return tags by name; one that stands alone has an empty value."""
    if is_object(tags):
        return {key: text_of(value) or "" for key, value in tags.items()}
    return {tag: "" for tag in tags if isinstance(tag, str)} if is_list(tags) else {}


def _problem_of_pair(record: Mapping[str, Any]) -> str | None:
    key = _answer_key(record)
    if "prompt" not in record or key is None:
        return f"it is {shape_of(record)}, without messages, or prompt and completion"
    prompt, answer = record["prompt"], record[key]
    if is_list(prompt):
        problem = problem_of_messages(prompt)
        if problem is not None:
            return f"in its prompt, {problem}"
    elif not isinstance(prompt, str):
        return f"its prompt is {shape_of(prompt)}, not a text or a list of messages"
    if is_object(answer):
        problem = problem_of_messages([{**answer, "role": "assistant"}])
        return problem and f"in its {key}, {problem}"
    if not isinstance(answer, str):
        return f"its {key} is {shape_of(answer)}, not a text or a message"
    return None


def _answer_key(record: Mapping[str, Any]) -> Any:
    return next((key for key in _ANSWERS if key in record), None)


def _is_conversation(value: Sequence[Any]) -> bool:
    return bool(value) and all(is_object(item) and "role" in item for item in value)


IMPORTER: Final = Importer(
    format=FORMAT,
    help="conversations, one JSON object or list of messages a line (.jsonl, .jsonl.gz)",
    read_file=read_file,
    problem_of=problem_of,
    is_empty=is_empty,
    build=build,
)
"""What the registry holds."""

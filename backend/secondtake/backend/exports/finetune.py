"""Exports conversations as training files for OpenAI's fine-tuning: `{"messages", "tools"}` a line.

A run gives one line for each of its conversations that was led to an end: the messages up to an
answer that no later call went on from. A run of one agent is one line, a run of three prompts three.
Failed calls have no answer and give none. Which runs are good enough is for the one who exports to
say, by score or by tag.

A message has what the API takes of it: role, content, tool calls, `tool_call_id` and name. What a
provider answered besides, as its reasoning, is left out. So are whole conversations that could not
be trained on: with a message whose content was not recorded, with images and the like, that are
stored apart, and with one that was not recorded at all.
"""

import json
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from secondtake.backend.exports.frame import Exporter, Writer, Written
from secondtake.backend.exports.rows import Row, RunRows, content_of
from secondtake.backend.exports.target import new_file
from secondtake.runner.narrow import is_list, is_object

NO_CONTENT: Final = "conversations without recorded content"
BINARY: Final = "conversations with images or other binary parts"
TORN: Final = "conversations with a message that was not recorded"


class _Examples:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lines = 0
        self._left_out: Counter[str] = Counter()

    def add(self, line: str) -> None:
        """Write the conversations of one run."""
        for example in examples_of(RunRows(line)):
            if isinstance(example, str):
                self._left_out[example] += 1
                continue
            self._file.write(json.dumps(example, ensure_ascii=False).encode())
            self._file.write(b"\n")
            self._lines += 1

    def written(self) -> Written:
        """Return how many lines there are, and what was left out."""
        return Written(items=self._lines, left_out=dict(self._left_out))


def examples_of(rows: RunRows) -> Iterator[Mapping[str, Any] | str]:
    """Yield the examples of a run; in the place of one that is left out, why."""
    continued = _continued(rows)
    seen: set[str] = set()
    for call in rows.rows("llm_calls"):
        answers: Sequence[str] = call["output_message_ids"] or ()
        if not answers or answers[0] in continued or answers[0] in seen:
            continue
        seen.add(answers[0])
        yield _example(rows, call, list(rows.turns_back(answers[0]))[::-1])


def _continued(rows: RunRows) -> set[str]:
    """Return the turns that some call was sent."""
    found: set[str] = set()
    for call in rows.rows("llm_calls"):
        for turn in rows.turns_back(call["input_message_id"]):
            if turn["message_id"] in found:
                break  # and so are all before it
            found.add(turn["message_id"])
    return found


def _example(rows: RunRows, call: Row, turns: Sequence[Row]) -> Mapping[str, Any] | str:
    if not turns or turns[0]["parent_id"] is not None:
        return TORN
    if any(content_of(turn) is None and not turn["tool_calls"] for turn in turns):
        return NO_CONTENT
    if any(_has_blob(content_of(turn)) for turn in turns):
        return BINARY
    example: dict[str, Any] = {"messages": [_message(turn) for turn in turns]}
    tools = rows.tools.get(call["tools_hash"] or "")
    if tools:
        example["tools"] = tools
    return example


def _message(turn: Row) -> dict[str, Any]:
    message = {"role": turn["role"], "content": content_of(turn)}
    names = ("tool_calls", "tool_call_id", "name")
    return {**message, **{name: turn[name] for name in names if turn[name] is not None}}


def _has_blob(value: Any) -> bool:
    if is_object(value):
        return "$blob" in value or any(map(_has_blob, value.values()))
    return is_list(value) and any(map(_has_blob, value))


@contextmanager
def _opened(target: Path, force: bool) -> Generator[Writer]:
    with new_file(target, force=force) as file:
        yield _Examples(file)


EXPORTER: Final = Exporter(
    format="openai-finetune",
    help="a training file for OpenAI: one conversation a line, of runs chosen by score or tag",
    item="example",
    is_folder=False,
    tables=("messages", "tool_definitions", "llm_calls"),
    open=_opened,
)
"""What the registry holds."""

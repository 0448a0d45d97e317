"""Tool calls in messages: what they ask, which message answers which, and how results are written.

A recording says how its program did these: the forms are learned from it, once for a whole run,
so that a single message that fits no form is a difference and not a form of its own.
"""

import ast
import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from secondtake.runner.events import ToolCall
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.tools.registry import UNPARSED

LITERAL_LENGTH_MAX: Final = 100_000
"""Longer text is not tried as a Python literal: Python's parser may exhaust the stack."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a tool came to."""

    result: Any = None
    error_type: str | None = None
    """None when it did not fail."""
    error_message: str | None = None

    @classmethod
    def of(cls, call: ToolCall) -> "Outcome":
        """Return what a recorded call came to."""
        return cls(result=call.result, error_type=call.error_type, error_message=call.error_message)

    @property
    def is_bare_error(self) -> bool:
        """Whether it failed, and what its message said is not the result."""
        return self.error_type is not None and self.result is None


Form = Callable[[Outcome], Any]
"""Makes the content of a tool message of what the tool came to."""


def parse_arguments(text: Any) -> Any:
    """Return a tool call's arguments: JSON, else a Python dict, else the text itself."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if len(text) > LITERAL_LENGTH_MAX:
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an odd escape in somebody else's text
            value: Any = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
    return value if is_object(value) else text


def argument_forms(raw: Any) -> list[Any]:
    """Return the values that a recording may have the arguments of a tool call as.

    The likeliest is first: what they say, then nothing as an empty object, then what is no JSON
    under its key, then the text.
    """
    parsed = parse_arguments(raw)
    forms: list[Any] = [{} if parsed is None or parsed == "" else parsed]
    return [*forms, {UNPARSED: raw}, raw] if isinstance(raw, str) else forms


def calls_in(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the tool calls that a message asks for."""
    calls: Any = message.get("tool_calls")
    return [call for call in calls if is_object(call)] if is_list(calls) else []


def tool_of(call: Mapping[str, Any]) -> str:
    """Return the name of the tool that a call asks for."""
    function: Any = call.get("function")
    return str(function.get("name")) if is_object(function) else ""


def arguments_in(call: Mapping[str, Any]) -> Any:
    """Return the arguments of a tool call as the model wrote them."""
    function: Any = call.get("function")
    return function.get("arguments") if is_object(function) else None


def is_tool_message(message: Mapping[str, Any]) -> bool:
    """Tell whether a message brings the result of a tool."""
    return message.get("role") in ("tool", "function")


def pair_results(
    calls: Sequence[Mapping[str, Any]], answers: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any] | None]:
    """Return the tool message that answers each call: by id, else by position; None for none."""
    left = list(answers)
    paired: list[Mapping[str, Any] | None] = [None] * len(calls)
    for place, call in enumerate(calls):
        call_id = call.get("id")
        same = [a for a in left if call_id is not None and a.get("tool_call_id") == call_id]
        if same:
            paired[place] = same[0]
            left = [answer for answer in left if answer is not same[0]]
    for place, call in enumerate(calls):
        if paired[place] is not None:
            continue
        fits = [a for a in left if call.get("id") is None or a.get("tool_call_id") is None]
        if fits:
            paired[place] = fits[0]
            left = [answer for answer in left if answer is not fits[0]]
    return paired


RESULT_FORMS: Final[tuple[Form, ...]] = (
    lambda came: came.result,
    lambda came: json.dumps(came.result, ensure_ascii=False),
    lambda came: json.dumps(came.result),
    lambda came: orjson.dumps(came.result).decode(),
    lambda came: str(came.result),
)
ERROR_FORMS: Final[tuple[Form, ...]] = (
    lambda came: f"Error: {came.error_message}",
    lambda came: f"Error: the tool failed with {came.error_type}: {came.error_message}",
    lambda came: came.error_message,
    lambda came: f"{came.error_type}: {came.error_message}",
    lambda came: f"Error: {came.error_type}: {came.error_message}",
)


class ResultForms:
    """How the program of a recording wrote what its tools came to."""

    def __init__(self, seen: Iterable[tuple[Outcome, Any]]) -> None:
        """Learn from what tools came to and the content of the messages that said so."""
        votes: dict[bool, Counter[int]] = {True: Counter(), False: Counter()}
        for came, content in seen:
            for place, form in enumerate(ERROR_FORMS if came.is_bare_error else RESULT_FORMS):
                if form(came) == content:
                    votes[came.is_bare_error][place] += 1
        self._result = _first(votes[False], RESULT_FORMS)
        self._error = _first(votes[True], ERROR_FORMS)

    def content(self, came: Outcome) -> Any:
        """Return what the message says that brings this result."""
        if came.is_bare_error:
            return (self._error or ERROR_FORMS[0])(came)
        if self._result is not None:
            return self._result(came)
        is_said = came.result is None or isinstance(came.result, str) or _is_parts(came.result)
        return came.result if is_said else RESULT_FORMS[1](came)


def tool_message(call: Mapping[str, Any], content: Any, form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the message that brings a result, in the form of another one."""
    made = {name: value for name, value in form.items() if name != "content"}
    if "tool_call_id" in form:
        made["tool_call_id"] = call.get("id") or form["tool_call_id"]
    if "name" in form:
        made["name"] = tool_of(call)
    return {**made, "content": content}


def _first(votes: Counter[int], forms: tuple[Form, ...]) -> Form | None:
    """Return the form that fits most; of several the first. None when none ever fitted."""
    if not votes:
        return None
    best = max(votes.values())
    return forms[min(place for place, count in votes.items() if count == best)]


def _is_parts(value: Any) -> bool:
    return is_list(value) and all(is_object(part) and "type" in part for part in value)

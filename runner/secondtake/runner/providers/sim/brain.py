"""One request to a simulated model, answered: the pure heart of the package.

    answer(model="strong", messages=[...], tools=[...], parameters={...}) -> Answer

The same arguments give the same answer in any process. What steers it: the last user message
and what tools returned since (`conversation`), the tools offered (`choosing`), `response_format`
or JSON asked for in words (`fill`), else prose (`prose`). Honoured parameters: `temperature`,
`seed`, `max_tokens`, `max_completion_tokens`, `stop`, `n`, `tool_choice`,
`parallel_tool_calls`, `response_format`.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, cast

from secondtake.runner.jsonable import canonical_bytes, to_json_value
from secondtake.runner.narrow import is_mapping
from secondtake.runner.providers.sim.choosing import Call, choose_calls
from secondtake.runner.providers.sim.conversation import Conversation, read_conversation
from secondtake.runner.providers.sim.fill import fill_answer, json_text
from secondtake.runner.providers.sim.prose import write_answer
from secondtake.runner.providers.sim.skill import SKILLS, Dice
from secondtake.runner.providers.sim.texts import Composer
from secondtake.runner.providers.sim.tokens import (
    count_call_tokens,
    count_prompt_tokens,
    count_tokens,
    split_tokens,
)
from secondtake.runner.providers.sim.wishes import Wishes, read_wishes

FinishReason = Literal["stop", "length", "tool_calls"]

STEERING: Final = ("response_format", "tool_choice", "parallel_tool_calls")
"""Parameters that change the words beside temperature and seed."""
SHORT: Final = 40
"""An answer of fewer tokens needs no hidden reasoning."""


class UnknownModelError(ValueError):
    """There is no simulated model of that name."""


@dataclass(frozen=True, kw_only=True)
class WrittenCall:
    """A tool call as it goes over the wire."""

    id: str
    name: str
    arguments: str
    """JSON text."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One answer to a request."""

    text: str | None
    calls: tuple[WrittenCall, ...] = ()
    finish_reason: str = "stop"
    reasoning_tokens: int = 0
    """Hidden reasoning; billed, never shown."""

    @property
    def visible_tokens(self) -> int:
        """The tokens of the text and the calls."""
        calls = sum(count_call_tokens(call.name, call.arguments) for call in self.calls)
        return calls + count_tokens(self.text or "")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """All choices of one request and what they used."""

    response_id: str
    choices: tuple[Choice, ...]
    prompt_tokens: int

    @property
    def completion_tokens(self) -> int:
        """All output tokens of all choices, reasoning included."""
        return sum(c.visible_tokens + c.reasoning_tokens for c in self.choices)

    @property
    def reasoning_tokens(self) -> int:
        """The hidden ones among the output tokens."""
        return sum(choice.reasoning_tokens for choice in self.choices)


def answer(
    *,
    model: str,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] = (),
    parameters: Mapping[str, Any] | None = None,
) -> Answer:
    """Answer one request.

    Args:
        model: `strong`, `fast` or `weak`.
        messages: The conversation in OpenAI's form.
        tools: Tool definitions in OpenAI's form.
        parameters: What else the request says; unknown names are ignored.

    Raises:
        UnknownModelError: there is no such model.
    """
    given = dict(parameters or {})
    skill = SKILLS.get(model)
    if skill is None:
        names = ", ".join(f"sim/{name}" for name in SKILLS)
        raise UnknownModelError(f"There is no simulated model sim/{model}; use one of {names}.")
    temperature = float(given.get("temperature") or 0.0)
    key = _request_key(model, messages, tools, given, temperature=temperature)
    conversation = read_conversation(messages)
    wishes = read_wishes(conversation.instructions, _whole(conversation))
    choices: list[Choice] = []
    for index in range(max(1, int(given.get("n") or 1))):
        own_key = key if index == 0 else f"{key}/{index}"
        dice = Dice(own_key, skill=skill, temperature=temperature)
        choice = _choose(conversation, wishes, tools, given, dice)
        choices.append(_finished(choice, given, dice))
    return Answer(
        response_id=f"chatcmpl-sim-{key[:24]}",
        choices=tuple(choices),
        prompt_tokens=count_prompt_tokens(messages, tools),
    )


def _choose(
    conversation: Conversation,
    wishes: Wishes,
    tools: Sequence[Mapping[str, Any]],
    parameters: Mapping[str, Any],
    dice: Dice,
) -> Choice:
    calls = choose_calls(
        conversation,
        tools,
        dice,
        tool_choice=parameters.get("tool_choice"),
        parallel=parameters.get("parallel_tool_calls") is not False,
    )
    if calls:
        written = tuple(_written(call, index, dice) for index, call in enumerate(calls))
        return Choice(text=None, calls=written, finish_reason="tool_calls")
    schema, strict = _wished_schema(parameters.get("response_format"), wishes)
    if schema is None:
        return Choice(text=write_answer(conversation, wishes, dice))
    composer = Composer(conversation=conversation, wishes=_inside(wishes), dice=dice)
    value = fill_answer(schema, composer)
    slips = dice.happens("invalid_json", dice.skill.invalid_json) and not conversation.is_repair
    return Choice(text=_broken_json(value, dice) if slips and strict else json_text(value))


def _wished_schema(response_format: Any, wishes: Wishes) -> tuple[Mapping[str, Any] | None, bool]:
    """Return the schema of the answer (None for prose), and whether a schema was given at all."""
    fallback = {
        "type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"],
    }  # fmt: skip
    model_schema = getattr(response_format, "model_json_schema", None)
    if callable(model_schema):
        return cast(Mapping[str, Any], model_schema()), True
    if is_mapping(response_format):
        form = response_format
        named = cast(Mapping[str, Any], form.get("json_schema") or {})
        schema = named.get("schema") or form.get("response_schema") or form.get("schema")
        if is_mapping(schema):
            return schema, True
        if form.get("type") == "json_object":
            described = wishes.schema if wishes.schema else fallback
            return (described if described.get("type") == "object" else fallback), False
    if wishes.form == "json":
        return wishes.schema or fallback, True
    return None, False


def _broken_json(value: Any, dice: Dice) -> str:
    """Return the answer as a careless model gives it: a field left out, or prose around it."""
    if is_mapping(value) and value and dice.happens("invalid_json/how", 0.6):
        shortened = dict(value)
        shortened.pop(sorted(shortened)[int(dice.share("invalid_json/which") * len(shortened))])
        return json_text(shortened)
    return f"Here is the JSON:\n{json_text(value)}\nLet me know if you need anything else."


def _inside(wishes: Wishes) -> Wishes:
    """Return the wishes for words inside a JSON answer, which are prose themselves."""
    return replace(wishes, form="answer") if wishes.form == "json" else wishes


def _written(call: Call, index: int, dice: Dice) -> WrittenCall:
    digest = hashlib.sha256(f"{dice.key}/call/{index}".encode()).hexdigest()
    return WrittenCall(
        id=f"call_{digest[:24]}", name=call.name, arguments=json_text(dict(call.arguments))
    )


def _finished(choice: Choice, parameters: Mapping[str, Any], dice: Dice) -> Choice:
    """Apply stop sequences and the token limit, then add the hidden reasoning.

    Reasoning takes only what a token limit leaves over.
    """
    limit = parameters.get("max_completion_tokens") or parameters.get("max_tokens")
    if choice.text is not None:
        text = _stopped(choice.text, parameters.get("stop"))
        tokens = split_tokens(text)
        if limit and len(tokens) > int(limit):
            return replace(choice, text="".join(tokens[: int(limit)]), finish_reason="length")
        choice = replace(choice, text=text)
    visible = choice.visible_tokens
    reasoning = int(visible * dice.skill.reasoning_share) if visible >= SHORT else 0
    room = max(0, int(limit) - visible) if limit else reasoning
    return replace(choice, reasoning_tokens=min(reasoning, room))


def _stopped(text: str, stop: Any) -> str:
    sequences = [stop] if isinstance(stop, str) else list(stop or ())
    found = [text.find(str(sequence)) for sequence in sequences if str(sequence)]
    ends = [at for at in found if at >= 0]
    return text[: min(ends)] if ends else text


def _whole(conversation: Conversation) -> str:
    """All that may describe the form of the answer: the system message and the task."""
    return re.sub(r"[ \t]+", " ", f"{conversation.system.text}\n{conversation.task.text}")


def _request_key(
    model: str,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]],
    parameters: Mapping[str, Any],
    *,
    temperature: float,
) -> str:
    steering: dict[str, Any] = {name: _schema_of(parameters.get(name)) for name in STEERING}
    if temperature > 0:
        steering["temperature"] = temperature
        steering["seed"] = parameters.get("seed")
    request = [model, list(messages), list(tools), steering]
    return hashlib.sha256(canonical_bytes(to_json_value(request))).hexdigest()


def _schema_of(value: Any) -> Any:
    schema = getattr(value, "model_json_schema", None)
    return schema() if callable(schema) else value

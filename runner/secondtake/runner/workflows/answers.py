"""Structured answers: from the text of a model to a value that fits a JSON Schema."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from secondtake.runner.errors import SecondTakeError

FENCE: Final = re.compile(r"^\s*```[a-zA-Z]*\s*\n(?P<inside>.*?)\n?\s*```\s*$", re.DOTALL)
MAX_ERRORS: Final = 5


class AnswerError(SecondTakeError):
    """An answer is not JSON, or does not fit the schema."""


def response_format(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameter that asks a model for an answer of this form."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    return {"type": "json_schema", "json_schema": {"name": plain, "schema": dict(schema)}}


def read_answer(text: str, schema: Mapping[str, Any]) -> Any:
    """Return the value of an answer; a single code fence around it is let pass.

    Raises:
        AnswerError: not JSON, or it does not fit; the text tells a model what to mend.
    """
    fenced = FENCE.match(text)
    try:
        value = json.loads(fenced["inside"] if fenced else text, parse_constant=_refuse)
    except RecursionError:
        raise AnswerError("the answer is nested too deep") from None
    except ValueError as error:
        raise AnswerError(f"the answer is not JSON: {error}") from None
    if problems := _problems(value, schema):
        raise AnswerError(f"the answer does not fit the schema: {'; '.join(problems)}")
    return value


def _problems(value: Any, schema: Mapping[str, Any]) -> list[str]:
    from jsonschema import Draft202012Validator
    from referencing import Registry

    # An empty registry: the default one would fetch a remote `$ref` over the network.
    registry: Registry[Any] = Registry()
    validator: Any = Draft202012Validator(schema, registry=registry)
    errors = sorted(validator.iter_errors(value), key=lambda error: str(error.json_path))
    texts = [f"{error.json_path}: {error.message[:300]}" for error in errors[:MAX_ERRORS]]
    if len(errors) > MAX_ERRORS:
        texts.append(f"and {len(errors) - MAX_ERRORS} more")
    return texts


def repair_request(error: AnswerError, schema: Mapping[str, Any]) -> str:
    """Return what is said to a model whose answer did not fit."""
    return (
        f"That answer cannot be used: {error.message}.\n"
        "Answer again with JSON only, without any other text, that fits this JSON Schema:\n"
        f"{json.dumps(schema, ensure_ascii=False)}"
    )


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON value")

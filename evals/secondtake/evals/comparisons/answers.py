"""When two answers are the same, and how an answer is shown."""

import hashlib
import json
import re
import unicodedata
from typing import Any, Final

from secondtake.evals.diffs.features import canonical
from secondtake.evals.diffs.texts import indented_json
from secondtake.runner.narrow import is_list, is_object

_FENCE: Final = re.compile(r"\A```(?:json)?\s*\n(.*)\n\s*```\Z", re.DOTALL | re.IGNORECASE)
_BEGINS_JSON: Final = ("{", "[")


def answer_key(answer: Any) -> str | None:
    """Return what is equal for equal answers, 32 hexadecimal digits; None of no answer.

    Texts are equal when they differ in nothing but letter case, white space, the Unicode form of
    their characters, or one full stop at the end. Other values are equal as JSON: the order of keys
    does not count, 1 is 1.0, and texts inside are compared as texts. A text that holds a JSON object
    or list, in a code fence or bare, counts as that value. Nothing else is interpreted: `12` is not
    `twelve`, and a rephrased sentence is another answer.
    """
    if answer is None:
        return None
    value = _read(answer)
    return hashlib.sha256(canonical(_normal(value))).hexdigest()[:32]


def answer_text(answer: Any) -> str:
    """Return an answer as text: a text as it is, any other value as indented JSON."""
    return answer if isinstance(answer, str) else indented_json(answer)


def normal_text(text: str) -> str:
    """Return what of a text counts when answers are compared."""
    plain = " ".join(unicodedata.normalize("NFC", text).split()).casefold()
    return plain.removesuffix(".").rstrip()


def _read(answer: Any) -> Any:
    """Return the JSON object or list that a text holds; anything else as it is."""
    if not isinstance(answer, str):
        return answer
    text = answer.strip()
    fenced = _FENCE.match(text)
    text = fenced[1].strip() if fenced else text
    if not text.startswith(_BEGINS_JSON):
        return answer
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return answer
    return value


def _normal(value: Any) -> Any:
    if isinstance(value, str):
        return normal_text(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if is_object(value):
        return {name: _normal(item) for name, item in value.items()}
    if is_list(value):
        return [_normal(item) for item in value]
    return value

"""Values of runs that are compared: long texts are cut, and still differ where the whole does."""

import hashlib
import json
from typing import Any, Final

from secondtake.runner.narrow import is_list, is_object

TEXT_CHARS: Final = 20_000
"""A text is compared by word up to here, and by its digest as a whole."""
VALUE_CHARS: Final = 500_000
"""A JSON value with more characters is compared as one text."""

_DIGEST_DIGITS: Final = 12


def cut_note(total_chars: int, kept_chars: int, digest: str) -> str:
    """Return what stands behind the beginning of a long text.

    The digest, of any function, makes two texts differ that begin alike.
    """
    return (
        f"\n[... the first {kept_chars:,} of {total_chars:,} characters; "
        f"digest of the whole {digest[:_DIGEST_DIGITS]}]"
    )


def comparable_value(value: Any, *, max_chars: int = VALUE_CHARS) -> Any:
    """Return a JSON value whose texts are cut; one that is long even so as the text it begins with.

    Args:
        value: JSON.
        max_chars: of the whole value as JSON.
    """
    short = _with_short_texts(value)
    if not is_object(short) and not is_list(short):
        return short
    text = json.dumps(short, ensure_ascii=False, sort_keys=True)
    if len(text) <= max_chars:
        return short
    return _cut(json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2))


def _with_short_texts(value: Any) -> Any:
    if isinstance(value, str):
        return _cut(value)
    if is_object(value):
        return {key: _with_short_texts(item) for key, item in value.items()}
    if is_list(value):
        return [_with_short_texts(item) for item in value]
    return value


def _cut(text: str) -> str:
    if len(text) <= TEXT_CHARS:
        return text
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()
    return text[:TEXT_CHARS] + cut_note(len(text), TEXT_CHARS, digest)

"""Numbers, values and steps as this room's sentences name them.

The screens format what they show themselves, in `secondtake.backend.formats`, which is above this
room. The few forms that a sentence needs are here, and a test holds the two together.
"""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from secondtake.evals.diffs.features import canonical
from secondtake.evals.diffs.model import Step
from secondtake.runner.narrow import is_container, is_list

VALUE_CHARACTERS_MAX: Final = 40
PARTING_CHARACTERS: Final = 20
"""Of what two texts have in common, shown before the place where they part."""
SMALLEST_USD: Final = Decimal("0.000001")


def dollars(amount_usd: Decimal) -> str:
    """Return money of zero or more: `$0`, `$12.34`, `$0.023`, `$0.00012`, `<$0.000001`."""
    if amount_usd == 0:
        return "$0"
    if amount_usd < SMALLEST_USD:
        return f"<${SMALLEST_USD:f}"
    two_significant = min(1 - amount_usd.adjusted(), 6)
    for places, below in ((two_significant, Decimal("0.01")), (3, 1), (2, 1000)):
        rounded = amount_usd.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
        if rounded < below:
            return f"${rounded:,f}"
    return f"${amount_usd.quantize(Decimal(1), ROUND_HALF_EVEN):,f}"


def duration(milliseconds: float) -> str:
    """Return a time of zero or more: `842 ms`, `3.1 s`, `2m 05s`, `1h 12m`."""
    if round(milliseconds) < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    minutes = round(seconds / 60)
    return f"{minutes // 60}h {minutes % 60:02}m"


def counted(number: int, one: str) -> str:
    """Return a number with its noun: `1 call`, `2 calls`."""
    return f"{number:,} {one if number == 1 else one + 's'}"


def joined(parts: list[str]) -> str:
    """Return an enumeration: `a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def value_words(value: Any) -> str:
    """Return a JSON value in one short line: `'heat'`, `3`, `4 items`, `an object of 2 keys`."""
    if isinstance(value, str):
        return f"'{clipped(value)}'"
    if is_container(value):
        text = canonical(value).decode()
        if len(text) <= VALUE_CHARACTERS_MAX:
            return text
        if is_list(value):
            return counted(len(value), "item")
        return f"an object of {counted(len(value), 'key')}"
    return "nothing" if value is None else canonical(value).decode()


def change_words(a: Any, b: Any) -> str:
    """Return two values as `'heat' → 'heat pumps'`; long texts from where they part."""
    if isinstance(a, str) and isinstance(b, str):
        start = _parting(a, b)
        words_a, words_b = _quoted(a, start), _quoted(b, start)
        return f"{words_a} → {words_b}" + (" (white space)" if words_a == words_b else "")
    words_a, words_b = value_words(a), value_words(b)
    if words_a == words_b:
        return f"{words_a}, others than before"
    return f"{words_a} → {words_b}"


def _parting(a: str, b: str) -> int:
    """Return where to begin to show two texts: a little before they part, at a word."""
    shorter = min(len(a), len(b))
    size = _common_length(a, b, shorter)
    if size <= PARTING_CHARACTERS or max(len(a), len(b)) <= VALUE_CHARACTERS_MAX:
        return 0
    start = a.find(" ", max(0, size - PARTING_CHARACTERS), size)
    return start + 1 if start >= 0 else size - PARTING_CHARACTERS // 2


def _common_length(a: str, b: str, high: int) -> int:
    """Return how many characters two texts begin with alike; bisected, texts may be huge."""
    low = 0
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _quoted(text: str, start: int) -> str:
    return f"'{'…' if start else ''}{clipped(text[start : start + 5 * VALUE_CHARACTERS_MAX])}'"


def clipped(text: str, characters_max: int = VALUE_CHARACTERS_MAX) -> str:
    """Return the beginning of a text, in one line."""
    line = " ".join(text[: 4 * characters_max].split())
    if len(line) <= characters_max and len(text) <= 4 * characters_max:
        return line
    return line[: characters_max - 1].rstrip() + "…"


def step_words(step: Step) -> str:
    """Return which step it is: "LLM call 2 in `plan`", "tool call 3 `search` in `plan`"."""
    words = f"LLM call {step.number}" if step.kind == "llm" else _tool_words(step)
    return words if step.node is None else f"{words} in `{clipped(step.node)}`"


def _tool_words(step: Step) -> str:
    return f"tool call {step.number} `{clipped(step.name)}`"

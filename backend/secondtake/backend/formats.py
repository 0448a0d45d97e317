"""How money, time, tokens, dates and foreign text are written. The only place that decides."""

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

UNKNOWN: Final = "—"
"""What we do not know is never shown as 0."""
SIMULATED: Final = "*"
"""Behind a price that a simulated model made up."""
SIMULATED_NOTE: Final = "* simulated: no money was spent"

LIST_PLACES: Final = 4
"""Decimal places of money in a list of runs."""
CALL_PLACES: Final = 5
"""Decimal places of money by call."""

_SMALLEST: Final = Decimal("0.000001")
_MANIFOLD: Final = 10
"""From here on a change is said as a multiple."""
_SECOND_MS: Final = 1000
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_COLUMN_UNITS: Final = (
    (10, (1, "ms", 2)),
    (_SECOND_MS, (1, "ms", 0)),
    (100 * _SECOND_MS, (_SECOND_MS, "s", 2)),
    (float("inf"), (_SECOND_MS, "s", 0)),
)
"""Of a column of times whose largest is below so many milliseconds: unit and decimal places."""

# Controls, among them the escapes that drive a terminal; what turns text round; half characters.
_HOSTILE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def money(amount_usd: Decimal | None, *, places: int | None = None) -> str:
    """Return dollars: `—`, `$0`, `$1,234`, `$12.34`, `$0.023`, `$0.00012`, `<$0.000001`.

    Args:
        amount_usd: None is unknown.
        places: the decimal places of the whole column or diff; by default the amount decides.
    """
    if amount_usd is None:
        return UNKNOWN
    if amount_usd == 0:
        return "$0"
    sign = "\N{MINUS SIGN}" if amount_usd < 0 else ""
    size = abs(amount_usd)
    if places is None:
        return f"<{sign}${_SMALLEST:f}" if size < _SMALLEST else f"{sign}${_digits(size)}"
    rounded = _rounded(size, places)
    return f"{sign}${rounded:,f}" if rounded else f"<{sign}${Decimal(1).scaleb(-places):f}"


def money_column(amounts_usd: Iterable[Decimal | None], *, places: int = LIST_PLACES) -> list[str]:
    """Return a column of dollars, all with the same decimal places."""
    return [money(amount, places=places) for amount in amounts_usd]


def duration(milliseconds: float | None) -> str:
    """Return a time: `0.42 ms`, `842 ms`, `3.42 s`, `15.2 s`, `2m 05s`, `1h 12m`."""
    if milliseconds is None:
        return UNKNOWN
    if milliseconds == 0:
        return "0 ms"
    if round(milliseconds, 2) < 1:
        return f"{milliseconds:.2f} ms" if milliseconds >= 0.005 else "<0.01 ms"
    if round(milliseconds) < _SECOND_MS:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / _SECOND_MS
    if round(seconds, 2) < 10:
        return f"{seconds:.2f} s"
    if round(seconds, 1) < _MINUTE_S:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S}m {whole % _MINUTE_S:02}s"
    minutes = round(seconds / _MINUTE_S)
    return f"{minutes // 60}h {minutes % 60:02}m"


def tokens(count: int | None) -> str:
    """Return a number of tokens: `9,412`, `12.0k`, `1.24M`."""
    if count is None:
        return UNKNOWN
    if count < 10_000:
        return f"{count:,}"
    for size, letter, places in ((1e3, "k", 1), (1e6, "M", 2), (1e9, "B", 2)):
        if round(count / size, places) < 1000:
            return f"{count / size:.{places}f}{letter}"
    return f"{count / 1e9:,.0f}B"


def tokens_in_out(input_tokens: int | None, output_tokens: int | None) -> str:
    """Return tokens as `in → out`; `—` when neither is known."""
    if input_tokens is None and output_tokens is None:
        return UNKNOWN
    return f"{tokens(input_tokens)} → {tokens(output_tokens)}"


def count(number: int | None) -> str:
    """Return an exact number of things."""
    return UNKNOWN if number is None else f"{number:,}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: `1 call`, `2 calls`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(when: datetime | None, *, now: datetime) -> str:
    """Return a local time: `09:34:48` today, `20 Nov 17:44` this year, `20 Nov 2025` else.

    Args:
        when: aware; None is unknown.
        now: aware; decides what today is.
    """
    if when is None:
        return UNKNOWN
    local, today = when.astimezone(), now.astimezone()
    if local.date() == today.date():
        return f"{local:%H:%M:%S}"
    pattern = "%b %H:%M" if local.year == today.year else "%b %Y"
    return f"{local.day} {local.strftime(pattern)}"


def utc(when: datetime | None) -> str:
    """Return a time in full, UTC."""
    if when is None:
        return UNKNOWN
    return when.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", " UTC")


def visible(text: str) -> str:
    r"""Return foreign text as text: what would steer the terminal is written out, as `\x1b`.

    Line breaks and tabs stay.
    """
    return _HOSTILE.sub(_spelled, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """Return foreign text in one line."""
    return visible(" ".join(text.split()))


def spell_controls_in_json(text: str) -> str:
    r"""Write out what could steer a terminal in JSON text as `\u001b`.

    Such characters stand only inside strings, so the JSON stays the same value.
    """
    return _HOSTILE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def money_delta(amount_usd: Decimal | None, *, places: int | None = None) -> str:
    """Return a change of dollars: `+$0.023`, a real minus, `±0`, `—` when it is unknown."""
    return _signed(
        amount_usd, money(None if amount_usd is None else abs(amount_usd), places=places)
    )


def duration_delta(milliseconds: float | None) -> str:
    """Return a change of time: `+842 ms`, a real minus, `±0`, `—` when it is unknown."""
    return _signed(milliseconds, duration(None if milliseconds is None else abs(milliseconds)))


def duration_column(
    times_ms: Iterable[float | None], *, beside_ms: Iterable[float | None] = ()
) -> list[str]:
    """Return a column of times, all in one unit with the same decimal places; `<0.01 s`, `—`.

    Args:
        times_ms: the column; None is unknown.
        beside_ms: columns beside it that are to be in the same unit.
    """
    column = list(times_ms)
    unit_ms, unit, places = _column_unit([*column, *beside_ms])
    shown: list[str] = []
    for time_ms in column:
        number = round((time_ms or 0) / unit_ms, places)
        if time_ms is None:
            shown.append(UNKNOWN)
        elif time_ms > 0 and not number:
            shown.append(f"<{10**-places:.{places}f} {unit}")
        else:
            shown.append(f"{number:,.{places}f} {unit}")
    return shown


def duration_delta_column(
    changes_ms: Iterable[float | None], *, beside_ms: Iterable[float | None] = ()
) -> list[str]:
    """Return a column of changes of time, all in one unit with the same decimal places.

    Args:
        changes_ms: the column; None is unknown.
        beside_ms: columns beside it that are to be in the same unit.
    """
    column = list(changes_ms)
    unit_ms, unit, places = _column_unit([*column, *beside_ms])
    return [
        _signed(
            change if change is None else round(change / unit_ms, places),
            f"{abs(change or 0) / unit_ms:,.{places}f} {unit}",
        )
        for change in column
    ]


def tokens_delta(count: int | None) -> str:
    """Return a change of a number of tokens or calls: `+12.0k`, a real minus, `±0`, `—`."""
    return _signed(count, tokens(None if count is None else abs(count)))


def number_delta(amount: float | None) -> str:
    """Return a change of a score: `+0.4`, a real minus, `±0`, `—` when it is unknown."""
    if amount is None:
        return UNKNOWN
    rounded = round(amount, 6)  # 0.6 - 0.2 is 0.39999999999999997
    return _signed(rounded, f"{abs(rounded):g}")


def percent_change(before: float | Decimal | None, after: float | Decimal | None) -> str:
    """Return how much more or less something became: `+33%`, a real minus, `±0%`; "" of nothing."""
    if before is None or after is None or before <= 0:
        return ""
    share = float(after) / float(before) - 1
    if share > _MANIFOLD - 1:
        return f"\N{MULTIPLICATION SIGN}{share + 1:,.0f}"
    text = f"{abs(share):.0%}"
    if text == "0%":
        return "±0%" if share == 0 else f"{_sign(share)}<1%"
    return f"{_sign(share)}{text}"


def percent(part: float, whole: float) -> str:
    """Return a share: `12%`, `—` of nothing."""
    return f"{part / whole:.0%}" if whole > 0 else UNKNOWN


def _column_unit(column: Iterable[float | None]) -> tuple[int, str, int]:
    """Return milliseconds a unit, the unit, and the decimal places that suit the largest."""
    largest_ms = max((abs(each) for each in column if each is not None), default=0.0)
    return next(unit for below_ms, unit in _COLUMN_UNITS if largest_ms < below_ms)


def _signed(amount: float | Decimal | None, size: str) -> str:
    """Return the size of a change with its sign."""
    if amount is None:
        return UNKNOWN
    return f"{_sign(amount)}{size}" if amount else "±0"


def _sign(amount: float | Decimal) -> str:
    return "\N{MINUS SIGN}" if amount < 0 else "+"


def _digits(size: Decimal) -> str:
    """Return an amount of at least a millionth with the digits that its size asks for."""
    two_significant = min(1 - size.adjusted(), 6)
    steps = ((two_significant, Decimal("0.01")), (3, Decimal(1)), (2, Decimal(1000)))
    for places, below in steps:
        # Rounded first: $999.996 is $1,000 and not $1000.00.
        if (rounded := _rounded(size, places)) < below:
            return f"{rounded:,f}"
    return f"{_rounded(size, 0):,f}"


def _rounded(size: Decimal, places: int) -> Decimal:
    return size.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"

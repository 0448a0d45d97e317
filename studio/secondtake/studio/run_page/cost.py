"""The cost of a run, line by line, with its proof."""

from decimal import Decimal
from typing import Final

from secondtake.backend.formats import UNKNOWN, count, counted
from secondtake.studio.html import Html, el, icon
from secondtake.studio.run_page.cost_lines import BucketLine, CallLine, CostSheet, cost_sheet
from secondtake.studio.run_page.json_text import name_line
from secondtake.studio.run_page.long_text import action
from secondtake.studio.run_page.reading import Reading

LINES_AT_ONCE: Final = 200
MORE_ACT: Final = "cost-more"
SPAN_ACT: Final = "span"
MILLION: Final = Decimal(1_000_000)


def cost(reading: Reading, *, limit: int = LINES_AT_ONCE) -> Html:
    """Return the cost sheet of a run."""
    sheet = cost_sheet(reading.view.detail, reading.view.conversations.calls)
    if not sheet.lines:
        said = el("p", "No model was asked in this run, so nothing was to be paid.")
        return el("div", icon("payments", cls="empty-icon"), said, cls="empty small")
    parts = [_verdict(sheet, reading), _head()]
    parts += [_line(line, reading) for line in sheet.lines[:limit]]
    if len(sheet.lines) > limit:
        parts.append(_more(len(sheet.lines) - limit, limit))
    parts.append(_sum(sheet, reading))
    return el("div", parts, cls="cost-table")


def exact(amount_usd: Decimal | None) -> str:
    """Return an amount to its last digit: `$0.001272`; nine places are what is stored."""
    if amount_usd is None:
        return UNKNOWN
    places = max(2, -_exponent(amount_usd.normalize()))
    return f"${amount_usd:,.{places}f}"


def _exponent(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def nine(amount_usd: Decimal | None) -> str:
    """Return an amount with the nine places that are stored, for columns that add up."""
    return UNKNOWN if amount_usd is None else f"${amount_usd:,.9f}"


def _verdict(sheet: CostSheet, reading: Reading) -> Html:
    """Return the answer first: what it cost, whether it adds up, what is missing."""
    lines = [line for line in sheet.lines if line.cost_usd is not None]
    said: list[Html] = []
    if not lines:
        said.append(el("p", icon("help"), "No call of this run has a known price."))
    elif sheet.ties_out:
        told = f"{counted(len(lines), 'line')} add up to {nine(sheet.total_usd)}"
        said.append(el("p", icon("check_circle", cls="ok"),
                       f"{told}, the run's cost to the last digit."))  # fmt: skip
    else:
        told = f"The lines add up to {nine(sheet.total_usd)}, the run says"
        said.append(el("p", icon("error", cls="error"), f"{told} {nine(sheet.run_cost_usd)}."))
    if sheet.unpriced:
        told = f"{counted(sheet.unpriced, 'call')} without a known price: the true cost is higher."
        said.append(el("p", icon("money_off", cls="warn"), told))
    if sheet.avoided_usd:
        told = f"{exact(sheet.avoided_usd)} avoided: calls were answered from a recording or cache."
        said.append(el("p", icon("savings"), told))
    if reading.is_simulated:
        said.append(el("p", el("span", "simulated", cls="chip simulated"),
                       "Made-up prices: no money was spent."))  # fmt: skip
    return el("div", said, cls="verdict")


def _head() -> Html:
    cells = [el("span", name, cls=cls) for name, cls in (
        ("Call", ""), ("Tokens", "right"), ("$ per 1M", "right"), ("Amount", "right"),
    )]  # fmt: skip
    return el("div", cells, cls="cost-row cost-head pane-sticky")


def _line(line: CallLine, reading: Reading) -> Html:
    span_id = line.call.row.span_id if line.call else line.tool.span_id if line.tool else ""
    chosen = bool(span_id) and span_id == reading.span_id
    head = el(
        "div",
        el("span", _name(line), cls="cell" if line.why_unpriced else "cell wide"),
        el("span", name_line(line.why_unpriced), cls="why") if line.why_unpriced else None,
        el("span", nine(line.cost_usd), cls="right num strong"),
        cls="cost-row cost-call",
        role="button",
        tabindex=0,
        title="Show where",
        data_act=SPAN_ACT,
        data_value=span_id,
    )
    buckets = [_bucket(bucket) for bucket in line.buckets]
    cls = "cost-line" + (" is-chosen" if chosen else "")
    return el("div", head, buckets, cls=cls, data_key=f"cost-{span_id}")


def _name(line: CallLine) -> list[Html]:
    if line.call is None:
        name = line.tool.tool if line.tool is not None else None
        return [icon("build", cls="kind-tool"), el("b", name_line(name or "tool"))]
    row = line.call.row
    asked, served = row.model, row.served_model
    parts = [
        icon("neurology", cls="kind-llm"),
        el("b", f"call {line.call.number}"),
        el("span", name_line(asked or served or "model unknown"), cls="meta"),
    ]
    if row.served_from not in (None, "live"):
        parts.append(el("span", row.served_from or "", cls="chip"))
    return parts


def _bucket(bucket: BucketLine) -> Html:
    return el(
        "div",
        el("span", bucket.name, cls="bucket"),
        el("span", count(bucket.tokens), cls="right num"),
        el("span", exact(bucket.usd_per_token * MILLION), cls="right num"),
        el("span", nine(bucket.amount_usd), cls="right num"),
        cls="cost-row cost-bucket",
    )


def _sum(sheet: CostSheet, reading: Reading) -> Html:
    run = reading.view.detail.summary
    sent, got = count(run.input_tokens), count(run.output_tokens)
    return el(
        "div",
        el("b", "Sum"),
        el("span", f"{sent} in, {got} out", cls="right num meta cost-tokens"),
        el("b", nine(sheet.total_usd), cls="right num"),
        cls="cost-row cost-sum",
    )


def _more(left: int, limit: int) -> Html:
    label = f"Show {counted(min(left, LINES_AT_ONCE), 'more line')}"
    return el("div", action(label, MORE_ACT, str(limit + LINES_AT_ONCE)), cls="more")

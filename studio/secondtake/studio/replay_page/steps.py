"""The left pane: the steps of the source, and who would answer each call. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from secondtake.backend.formats import CALL_PLACES, counted, duration, money
from secondtake.backend.models.replays import ReplayPlan
from secondtake.backend.models.runs import TreeSpan
from secondtake.studio.html import Html, el, icon
from secondtake.studio.replay_page.targets import nodes_of, top_nodes
from secondtake.studio.run_page.data import RunView
from secondtake.studio.run_page.json_text import name_line
from secondtake.studio.run_page.waterfall_rows import argument_words
from secondtake.studio.theme.tokens import KIND_ICONS

FOCUS_ACT: Final = "focus"
MORE_ACT: Final = "more"
ROWS_AT_ONCE: Final = 200
INDENT_PX: Final = 16
DEPTH_MAX: Final = 8
LLM: Final = "llm"
CALLED: Final = ("tool", "retriever", "other")

Numbers = Mapping[str, tuple[str, int]]
"""Of each call by its span: `llm_call` or `tool_call`, and its number among these."""

REACHES: Final = {
    "executed": ("bolt", "executed", "Reached by a change: it is executed"),
    "possible": ("help", "maybe", "Executed or not: that depends on what is answered before it"),
    "recorded": ("replay", "recorded", "Answered by the recording, for nothing"),
}


def number_calls(view: RunView) -> dict[str, tuple[str, int]]:
    """Return the calls of a run as typed paths number them: in the order of their beginning."""
    found: dict[str, tuple[str, int]] = {}
    for number, llm in enumerate(view.detail.llm_calls, start=1):
        found[llm.span_id] = ("llm_call", number)
    for number, tool in enumerate(view.detail.tool_calls, start=1):
        found[tool.span_id] = ("tool_call", number)
    return found


def steps(
    view: RunView,
    *,
    focus: str | None,
    fork: str | None,
    plan: ReplayPlan | None,
    limit: int = ROWS_AT_ONCE,
) -> Html:
    """Return the pane.

    Args:
        view: the source.
        focus: the span that is looked at; None is the whole run.
        fork: the node before which nothing is changed.
        plan: who would answer; None when that is not known.
        limit: rows to show.
    """
    numbers = number_calls(view)
    reaches: dict[tuple[str, int], str] = {
        (call.kind, call.number): call.reach for call in (plan.calls if plan else ())
    }
    forkable = forkable_spans(view)
    rows = [
        _row(
            span,
            focus=focus,
            number=numbers.get(span.span_id),
            reach=reaches.get(numbers.get(span.span_id, ("", 0)), "") if plan else None,
            is_fork=fork is not None and forkable.get(span.span_id) == fork,
        )
        for span in view.tree.spans[:limit]
    ]
    return el(
        "div",
        _head(view, has_plan=plan is not None),
        _whole(view, is_chosen=focus is None),
        rows,
        _more(len(view.tree.spans), limit),
        cls="replay-steps" + (" is-simulated" if view.detail.summary.simulated else ""),
        role="list",
        aria_label="Steps of the source",
    )


def forkable_spans(view: RunView) -> dict[str, str]:
    """Return the node that each span is the first execution of, where a replay can fork."""
    names = top_nodes(view)
    found: dict[str, str] = {}
    seen: set[str] = set()
    for span in view.tree.spans:
        path = nodes_of(span.node_path)
        if span.span_kind == "node" and len(path) == 1 and path[0] in names - seen:
            seen.add(path[0])
            found[span.span_id] = path[0]
    return found


def _head(view: RunView, *, has_plan: bool) -> Html:
    count = counted(len(view.tree.spans), "step")
    return el(
        "div",
        el("span", "Source", cls="strong"),
        el("span", count, cls="faint"),
        el("span", cls="grow"),
        el("span", "would be", cls="reach-head") if has_plan else None,
        el("span", "cost", cls="num step-cost"),
        el("span", "time", cls="num step-time"),
        cls="pane-sticky replay-steps-head",
    )


def _whole(view: RunView, *, is_chosen: bool) -> Html:
    run = view.detail.summary
    return el(
        "div",
        icon(KIND_ICONS["agent"], cls="kind-agent"),
        el("b", name_line(run.workflow or run.name or "run"), cls="cut"),
        el("span", "the whole run", cls="meta whole-run"),
        el("span", cls="grow"),
        _cost(run.cost_usd, is_call=bool(run.llm_call_count)),
        el("span", duration(run.duration_ms), cls="num step-time"),
        cls="step-row is-root" + (" is-chosen" if is_chosen else ""),
        data_key="step-",
        data_act=FOCUS_ACT,
        data_value="",
        role="button",
        tabindex=0,
        aria_pressed="true" if is_chosen else "false",
    )


def _row(
    span: TreeSpan,
    *,
    focus: str | None,
    number: tuple[str, int] | None,
    reach: str | None,
    is_fork: bool,
) -> Html:
    kind = span.span_kind if span.span_kind in KIND_ICONS else "node"
    indent = f"{(min(span.depth, DEPTH_MAX) + 1) * INDENT_PX + 2}px"
    classes = ["step-row"]
    classes += ["is-chosen"] if span.span_id == focus else []
    classes += ["is-fork"] if is_fork else []
    classes += [f"reach-{reach}"] if reach else []
    name = name_line(span.name or span.span_kind or "step")
    return el(
        "div",
        icon(KIND_ICONS[kind or "node"], cls=f"kind-{kind}"),
        el("b" if kind == "node" else "span", name, cls="cut step-name", title=name),
        el("span", _detail(span, number), cls="meta cut step-detail"),
        icon("error", cls="error", label="It ended in an error") if span.error_type else None,
        _fork_mark() if is_fork else None,
        _reach(reach),
        _cost(span.cost_usd, is_call=kind == LLM or bool(span.llm_calls)),
        el("span", duration(span.duration_ms), cls="num step-time"),
        cls=" ".join(classes),
        style={"padding-left": indent},
        data_key=f"step-{span.span_id}",
        data_act=FOCUS_ACT,
        data_value=span.span_id,
        role="button",
        tabindex=0,
        aria_pressed="true" if span.span_id == focus else "false",
    )


def _detail(span: TreeSpan, number: tuple[str, int] | None) -> str:
    if number is not None:
        said = f"{'LLM call' if number[0] == 'llm_call' else 'tool call'} {number[1]}"
        return f"{said} · {argument_words(span.preview)}" if span.preview else said
    if span.visit is not None and span.visit > 1:
        return f"visit {span.visit}"
    return ""


def _fork_mark() -> Html:
    told = "Nothing before this node is different"
    return el("span", icon("fork_right"), "forks here", cls="chip fork-mark", title=told)


def _reach(reach: str | None) -> Html | None:
    """Return who would answer: nothing when that is not known, room for it beside a node."""
    if reach is None:
        return None
    if reach not in REACHES:
        return el("span", cls="reach")
    symbol, word, told = REACHES[reach]
    return el("span", icon(symbol), word, cls=f"reach is-{reach}", title=told)


def _cost(amount_usd: Decimal | None, *, is_call: bool) -> Html:
    said = money(amount_usd, places=CALL_PLACES) if is_call else ""
    return el("span", said, cls="num step-cost")


def _more(count: int, limit: int) -> Html | None:
    if count <= limit:
        return None
    said = f"Show {min(ROWS_AT_ONCE, count - limit)} more of {counted(count, 'step')}"
    return el(
        "div",
        el("span", said, cls="act", data_act=MORE_ACT, data_value="", role="button", tabindex=0),
        cls="more",
    )

"""The rows of a run as they are stored, one by one."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from pydantic import BaseModel

from secondtake.backend.formats import count, counted
from secondtake.studio.html import Html, el, icon, join
from secondtake.studio.run_page.data import RunView
from secondtake.studio.run_page.json_text import in_one_line, laid_out
from secondtake.studio.run_page.long_text import BLOCK_CHARS, action
from secondtake.studio.run_page.reading import Reading

OPEN_ACT: Final = "raw-open"
MORE_ACT: Final = "raw-more"
DOWNLOAD_ACT: Final = "raw-download"
ROWS_AT_ONCE: Final = 100

TABLES: Final = {
    "summary": "runs",
    "llm_calls": "llm_calls",
    "tool_calls": "tool_calls",
    "messages": "messages",
    "node_timings": "node_timings",
    "memory": "memory_snapshots",
    "evaluations": "evaluations",
    "tool_definitions": "tool_definitions",
}
"""Lists of a run, and the table that each is of."""


def raw(reading: Reading) -> Html:
    """Return every row of a run, folded."""
    note = el(
        "div",
        el("span", "Rows as stored, texts clipped to 20,000 characters"),
        el("span", cls="grow"),
        action("Download all as JSON", DOWNLOAD_ACT, symbol="download"),
        cls="pane-note",
    )
    return join(note, [_table(name, table, reading) for name, table in TABLES.items()])


def rows_of(view: RunView, name: str) -> Sequence[BaseModel]:
    """Return the rows of one list of a run."""
    value: Any = getattr(view.detail, name)
    return value if isinstance(value, list) else [value]


def _table(name: str, table: str, reading: Reading) -> Html | None:
    rows = rows_of(reading.view, name)
    if not rows:
        return None
    key = f"raw-{name}"
    is_open = key in reading.opened
    head = el(
        "summary",
        icon("chevron_right", cls="fold-mark"),
        el("b", table),
        el("span", counted(len(rows), "row"), cls="meta num"),
    )
    inside = list(_rows(name, rows, reading)) if is_open else []
    return _fold(head, inside, key, is_open=is_open, cls="raw-table")


def _rows(name: str, rows: Sequence[BaseModel], reading: Reading) -> Iterable[Html]:
    limit = max(
        [int(key.rpartition("-")[2]) for key in reading.opened if key.startswith(f"more-{name}-")],
        default=ROWS_AT_ONCE,
    )
    for place, row in enumerate(rows[:limit]):
        key = f"raw-{name}-{place}"
        is_open = key in reading.opened
        head = el(
            "summary",
            icon("chevron_right", cls="fold-mark"),
            el("span", str(place + 1), cls="num meta raw-number"),
            el("code", in_one_line(title_of(row)), cls="one-line"),
        )
        inside = [_json(row)] if is_open else []
        yield _fold(head, inside, key, is_open=is_open, cls="raw-row")
    if len(rows) > limit:
        label = f"Show more of {count(len(rows))}"
        yield el("div", action(label, MORE_ACT, f"more-{name}-{limit + ROWS_AT_ONCE}"), cls="more")


def title_of(row: BaseModel) -> str:
    """Return what tells a row from the others, in one line."""
    for fields in (
        ("role", "content"),
        ("tool", "arguments"),
        ("served_model", "finish_reason"),
        ("node_path",),
        ("scope", "operation", "key", "value"),
        ("name", "score_value"),
        ("tools_hash",),
        ("run_id",),
    ):
        values = [getattr(row, name, None) for name in fields]
        if values[0] is not None:
            return " · ".join(in_one_line(value) for value in values if value is not None)
    return str(getattr(row, "span_id", ""))


def _json(row: BaseModel) -> Html:
    text = laid_out(row.model_dump(mode="json", exclude_none=True))
    copy = el("span", icon("content_copy"), "Copy", cls="act", role="button", tabindex=0,
              data_copy=text[:BLOCK_CHARS])  # fmt: skip
    shown = text[: 2 * BLOCK_CHARS]
    rest = len(text) - len(shown)
    note = el("span", f"{count(rest)} characters more; download all to see them", cls="meta")
    return el("div", el("div", shown, cls="mono raw-json"),
              el("div", copy, note if rest else None, cls="text-bar"))  # fmt: skip


def _fold(head: Html, inside: list[Html], key: str, *, is_open: bool, cls: str) -> Html:
    return el(
        "details",
        head,
        inside,
        cls=cls,
        open=is_open,
        data_key=key,
        data_lazy=None if is_open else True,
        data_act=OPEN_ACT,
        data_value=key,
    )

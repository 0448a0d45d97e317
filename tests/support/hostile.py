"""Texts that try to be more than text, and runs that carry them in every field."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

import orjson
from tests.support.seeding_shape import RunShape, Stamp

from secondtake.runner.blobs import BLOB_BYTES_MIN, store_blob
from secondtake.runner.events import MemoryChange, ToolDefinitions
from secondtake.runner.journal import SegmentWriter

OUTSIDE: Final = "outside.example"
"""A host that no test may ask for anything."""
_URL: Final = f"http://{OUTSIDE}"
HUGE_CHARS: Final = 10_000_000
LONG_NAME_CHARS: Final = 1_000_000

TEXTS: Final[dict[str, str]] = {
    "script": "<script>alert('script')</script><img src=x onerror=\"alert('onerror')\">"
    "<svg/onload=alert('svg')><iframe srcdoc=\"<script>alert('frame')</script>\"></iframe>",
    "break-out": "\"'><script>alert('attribute')</script></style></script></textarea></title>"
    "<script>alert('closed')</script>--><!-- ]]> `${alert('template')}` {{7*7}} {% raw %}",
    "outside": f'<img src="{_URL}/img.png"><link rel=stylesheet href="{_URL}/a.css">'
    f'<style>@import url("{_URL}/b.css");*{{background:url({_URL}/c.png)}}</style>'
    f'<a href="{_URL}/a" ping="{_URL}/ping">a</a><base href="{_URL}/">'
    f'<meta http-equiv=refresh content="0;url={_URL}/refresh"><video src="{_URL}/v.mp4"></video>',
    "markdown": f"![picture]({_URL}/md.png) [link]({_URL}/md) ![ref][r] <{_URL}/auto> "
    f":material/home: :red[red] :smile: $\\frac12$ `code` **bold**\n\n[r]: {_URL}/ref.png\n\n# Head",
    "scheme": "[click](javascript:alert('md')) <a href=\"javascript:alert('href')\">x</a> "
    "data:text/html,<script>alert('data')</script> vbscript:msgbox(1) file:///etc/passwd",
    "direction": "user\u202egnp.exe\u202c \u2066isolated\u2069 \u200frtl\u200e \u0627\u0644\u0639"
    "\u0631\u0628\u064a\u0629 \u05e2\u05d1\u05e8\u05d9\u05ea",
    "ansi": f"\x1b[31mred\x1b[0m\x1b[2J\x1b[H\x1b]8;;{_URL}/osc\x07link\x1b]8;;\x07\x1b]0;title\x07"
    "\x07\x08\x08\r\n\x9b31m end",
    "invisible": "ze\u200bro\u200cwi\u200ddth\u2060\ufeff \u00ad\u034f\u180e tag\U000e0041\U000e0042 "
    "nul\x00nul \u2028line\u2029paragraph",
    "wide": "Z" + "\u0301\u0310\u0336\u0489" * 40 + "\N{FAMILY}" * 20 + "\uffff" + "W" * 3_000,
}
"""By what each tries."""

EVERYTHING: Final = " ".join(TEXTS[kind] for kind in TEXTS if kind != "wide")

_LONG: Final = "@long@"
"""Stands for a long text: a run with it is built as fast as any other."""
_PIXEL: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def hostile_run(
    name: str, text: str, *, long: str | None = None, pictures: Sequence[Any] = ()
) -> Stamp:
    """Return a run that carries `text` in every field a user, a model or a tool can fill.

    Each text begins with the name of its field, so a test can look for it on a page.

    Args:
        name: the name of what is tried, at the beginning of the run's name.
        text: is in every field.
        long: is in the fields that hold content instead, to keep names readable.
        pictures: references to blobs that a message shows, beside a small and an outside picture.
    """
    content = long or text

    def put(field: str) -> str:
        return f"{field}: {text}"

    def fill(field: str) -> str:
        return f"{field}: {content}"

    run = RunShape(
        name=f"{name} {put('run name')}", workflow=put("workflow"), session_id=put("session"),
        user_id=put("user"), agent=put("agent"), inputs={put("input key"): fill("input")},
        tags={put("tag key"): put("tag value"), "kind": name}, config={"model": put("config")},
        environment={"git_commit": put("commit"), "python": put("python"), "argv": [put("argv")]},
        workflow_hash="f" * 16,
    )  # fmt: skip
    run.add(MemoryChange, scope="state", operation="init", key=put("state key"),
            value=fill("state value"))  # fmt: skip
    run.add(ToolDefinitions, tools_hash="d" * 16, definitions=[
        {"type": "function", "function": {"name": put("tool"), "description": fill("description"),
                                          "parameters": {"type": "object"}}}])  # fmt: skip
    root = run.begin(put("agent node"), span_kind="agent")
    run.pass_ms(5)
    node = run.begin(put("node"), root, node_kind="agent")
    _talk(run, node, put, fill, [*pictures, f"data:image/png;base64,{_PIXEL}", f"{_URL}/part.png"])
    run.add(MemoryChange, scope="state", operation="set", key=put("state key"),
            value={put("inner key"): fill("changed value")}, span_id=node["span_id"],
            node_path=node["node_path"])  # fmt: skip
    failure = {
        "error_type": put("error type"),
        "error_message": fill("error message"),
        "error_traceback": f"Traceback (most recent call last):\n{fill('traceback')}",
    }
    run.end(node, **failure)
    human = run.begin("ask", root, node_kind="human",
                      question={"question": fill("question"),
                                "choices": [put("choice one"), put("choice two")]})  # fmt: skip
    run.pass_ms(40)
    run.end(human)
    run.end(root)
    run.score(put("score"), 0.5, label=put("label"), reason=fill("reason"))
    return Stamp(run.finish(status="error", output={put("output key"): fill("output")}, **failure,
                            replayable="no", replayable_reason=put("replayable")))  # fmt: skip


class _Field(Protocol):
    def __call__(self, field: str) -> str: ...


def _talk(
    run: RunShape, node: dict[str, Any], put: _Field, fill: _Field, pictures: list[Any]
) -> None:
    """Add a conversation with a tool call and pictures."""
    model = {
        "model": put("model"), "served_model": put("served model"), "provider": put("provider"),
        "finish_reason": put("finish reason"), "response_id": put("response"),
        "parameters": {put("parameter"): put("parameter value")}, "tools_hash": "d" * 16,
        "usage": {put("usage"): 1}, "input_tokens": 10, "output_tokens": 5,
        "cost_usd": Decimal("0.0123"),
    }  # fmt: skip
    run.say("system", fill("system message"))
    run.say("user", fill("user message"), name=put("author"), parts=[
        {"type": "text", "text": fill("user message")},
        *[{"type": "image_url", "image_url": {"url": picture}} for picture in pictures],
        {"type": put("part type"), "text": put("part")},
    ])  # fmt: skip
    call = {"id": put("call id"), "type": "function",
            "function": {"name": put("tool"), "arguments": fill("arguments of the request")}}  # fmt: skip
    run.ask(node, fill("model answer"), took_ms=300, tool_calls=[call], **model)
    run.use(node, put("tool"), took_ms=20, tool_call_id=put("call id"),
            arguments={put("argument"): fill("argument value")},
            result={put("result key"): fill("tool result")})  # fmt: skip
    run.say("tool", fill("tool message"), tool_call_id=put("call id"), name=put("tool"))
    run.ask(node, fill("last answer"), took_ms=200, **model)
    run.use(node, put("tool"), took_ms=20, arguments=fill("bare arguments"),
            error_type=put("tool error type"), error_message=fill("tool error"),
            error_traceback=fill("tool traceback"))  # fmt: skip


def write_hostile_runs(home: Path, *, newest: datetime) -> dict[str, UUID]:
    """Write one run for each kind of text, one with all of them, and two huge ones.

    Args:
        home: where to.
        newest: an aware time; the runs begin in the minutes before it.

    Returns:
        Ids by name: those of `TEXTS`, `everything`, `huge` and `long names`.
    """
    stamps = {kind: hostile_run(kind, text) for kind, text in TEXTS.items()}
    stamps["everything"] = hostile_run("everything", EVERYTHING, pictures=_bombs(home))
    stamps["huge"] = hostile_run("huge", TEXTS["script"], long=_LONG)
    stamps["long names"] = hostile_run("long names", _LONG)
    long = {"huge": _long_text(HUGE_CHARS), "long names": _long_text(LONG_NAME_CHARS)}
    ids: dict[str, UUID] = {}
    with SegmentWriter(home, seal_age_s=None) as writer:
        for number, (kind, stamp) in enumerate(stamps.items()):
            ids[kind] = uuid4()
            started_at = newest - timedelta(minutes=number + 1)
            lines = stamp.lines(ids[kind], started_at, number + 1)
            for line in lines.splitlines(keepends=True):
                writer.write_lines([line.replace(_LONG.encode(), long.get(kind, b""))])
    return ids


def _long_text(characters: int) -> bytes:
    """Return hostile text of this length as it stands in JSON."""
    text = (EVERYTHING + " ") * (characters // len(EVERYTHING) + 1)
    return orjson.dumps(text[:characters])[1:-1]


def _bombs(home: Path) -> list[dict[str, Any]]:
    """Return references to blobs that call themselves pictures and are programs."""
    svg = (
        "<svg xmlns='http://www.w3.org/2000/svg'><script>alert('blob')</script>"
        f"<image href='{_URL}/svg.png'/></svg>"
    )
    padded = svg.encode().ljust(BLOB_BYTES_MIN + 1)
    sha256 = store_blob(home, padded)
    types = ("image/svg+xml", "text/html", "image/png")
    return [{"$blob": sha256, "bytes": len(padded), "media_type": name} for name in types]

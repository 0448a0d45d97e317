"""`secondtake diff`: in the terminal, as JSON, as one HTML file."""

import json
import os
import pty
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result
from tests.support.hostile import EVERYTHING, OUTSIDE, TEXTS, hostile_run
from tests.support.stored import STARTED_AT, run_frame, write_events, write_research_run, write_run

from secondtake.backend.cli.main import main
from secondtake.backend.models.diffs import RunDiff, WordPiece
from secondtake.backend.run_diffs import elided
from secondtake.runner.events import LlmCall, Message, ToolCall
from secondtake.runner.journal import SegmentWriter

ANSWER = {"answer": "A fridge turned inside out."}


def diff(*args: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["diff", *map(str, args)])
    assert result.exit_code == code, result.output
    return result


def write_steps(home: Path, *queries: str, **run: Any) -> UUID:
    """Write a run with an LLM call and then a tool call for each query."""
    run_id = uuid4()
    begun: dict[str, Any] = {"run_id": run_id, "recorded_at": STARTED_AT, "started_at": STARTED_AT}
    calls = [
        ToolCall(
            **begun, seq=seq, span_id=f"t{seq}", node_path="look_up[1]", tool="search",
            arguments={"query": query}, result=f"about {query}", duration_ms=1500.0 * seq,
            cost_usd=Decimal("0.00001") * seq,
        )
        for seq, query in enumerate(queries, start=2)
    ]  # fmt: skip
    asked = LlmCall(**begun, seq=1, span_id="l1", node_path="plan[1]", model="m", duration_ms=20.0)
    write_events(home, *run_frame(run_id, [asked, *calls], **run))
    return run_id


def test_it_begins_with_the_verdict_and_names_both_sides(home: Path) -> None:
    a = write_research_run(home)
    b = write_research_run(home, output=ANSWER, config={"overrides": {"model": "sim/weak"}})
    lines = diff(a, b).output.splitlines()
    assert "another answer" in lines[0]
    assert lines[2].startswith(f"A  {str(a)[:13]}")
    assert lines[3].endswith("research · ok · run with model=sim/weak")
    assert (
        lines[-1] == f"secondtake diff {lines[2].split()[1]} {lines[3].split()[1]} --html diff.html"
    )
    assert lines[-2] == "* simulated: no money was spent"


def test_identical_steps_are_folded_and_the_first_divergence_is_marked(home: Path) -> None:
    a, b = write_steps(home, "heat", "pump", "cost"), write_steps(home, "heat", "pump", "price")
    lines = diff(a, b).output.splitlines()
    at = next(place for place, line in enumerate(lines) if "first divergence" in line)
    assert lines[at - 1].strip() == "= 3 identical steps"
    assert "tool call 3 `search`" in lines[at].lower()
    assert lines[at + 1].split()[:4] == ["edited", "4", "4", "look_up"]
    assert any('{"query": "[-cost-]{+price+}"}' in line for line in lines)


def test_what_a_model_was_sent_is_shown_where_it_makes_the_difference(home: Path) -> None:
    ids: list[UUID] = []
    for question in ("Cancel it.", "Change it."):
        ids.append(run_id := uuid4())
        at: dict[str, Any] = {"run_id": run_id, "recorded_at": STARTED_AT}
        rules, asked = (
            Message(**at, seq=seq, message_id=uuid4(), depth=seq - 1, role=role, content=text)
            for seq, (role, text) in enumerate((("system", "Be brief."), ("user", question)), 1)
        )
        asked = asked.model_copy(update={"parent_id": rules.message_id})
        call = LlmCall(
            **at, seq=3, span_id="l", input_message_id=asked.message_id, messages_hash=question
        )
        write_events(home, *run_frame(run_id, [rules, asked, call]))
    output = diff(*ids).output
    assert "sent      user: [-Cancel-]{+Change+} it." in output
    assert "Be brief" not in output.partition("final answer")[0]


def test_money_and_time_stand_in_columns_of_one_precision(home: Path) -> None:
    a, b = write_steps(home, "heat"), write_steps(home, "rain", "wind", "snow")
    lines = diff(a, b).output.splitlines()
    rows = [line for line in lines if re.match(r"  (only|edited)", line)]
    assert len(rows) == 3
    assert len({len(row) for row in rows}) == 1
    assert all(
        re.search(r"(±0|[+\N{MINUS SIGN}]\$0\.\d{5}) +(±0|[+\N{MINUS SIGN}]\d+\.\d\d s)$", row)
        for row in rows
    )


def test_unknown_costs_and_times_are_said_once(home: Path) -> None:
    ids = [uuid4(), uuid4()]
    for run_id, model in zip(ids, ("m", "n"), strict=True):
        call = LlmCall(run_id=run_id, seq=1, recorded_at=STARTED_AT, span_id="a", model=model)
        write_events(home, *run_frame(run_id, [call], started_at=None, duration_ms=None))
    output = diff(*ids).output
    assert "(the costs and times of single steps are unknown)" in output
    assert "Δ" not in output
    assert "$0" not in output


def test_the_final_answers_are_compared_by_word(home: Path) -> None:
    a = write_run(home, output="The pump costs 84.90 EUR.\n\nSee below.")
    b = write_run(home, output="The pump costs 49.00 EUR.\n\nSee below.")
    lines = diff(a, b).output.splitlines()
    assert "  The pump costs [-84.90-]{+49.00+} EUR." in lines
    assert "Neither run made a call." in lines


def test_other_changes_are_listed_with_their_places(home: Path) -> None:
    a = write_run(home, inputs={"topic": "heat", "old": 1})
    b = write_run(home, inputs={"topic": "cold", "new": [2]})
    lines = diff(a, b).output.splitlines()
    assert "inputs  3 changes" in lines
    assert '  ~ topic  "heat" → "cold"' in lines
    assert "  - old  1" in lines
    assert "  + new  [2]" in lines


def test_a_run_is_the_same_as_itself(home: Path) -> None:
    run_id = write_research_run(home)
    output = diff(run_id, "last").output
    assert "= 2 identical steps" in output
    assert "final answer  the same" in output
    assert "first divergence" not in output


def test_failed_runs_can_be_compared(home: Path) -> None:
    a = write_research_run(home)
    b = write_run(home, status="error", error_type="ValueError", error_message="what now")
    output = diff(a, b).output
    assert "research · error" in output
    assert "2 only A" in output


def test_json_is_the_whole_diff(home: Path) -> None:
    a, b = write_steps(home, "heat"), write_steps(home, "rain")
    found = RunDiff.model_validate(json.loads(diff(a, b, "--json").output))
    assert (found.a.run_id, found.b.run_id) == (a, b)
    assert found.first_divergence == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("ffff", "last"), "There is no run 'ffff'; see the ids with `secondtake runs`."),
        (("last", "nonsense"), "'nonsense' is not a run's id"),
        (("last", "last", "--json", "--html", "x.html"), "give one of them"),
        (("last",), "RUN_B"),
        (("last", "last", "--html", "."), "is a directory"),
        (("last", "last", "--html", "no/such/x.html"), "cannot be written (No such file"),
        (("last", "last", "--html", os.devnull), "is no regular file"),
    ],
)
def test_wrong_use_is_one_sentence(home: Path, args: tuple[str, ...], said: str) -> None:
    write_run(home)
    result = diff(*args, code=2)
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


def test_a_file_is_replaced_in_one_piece_and_nothing_else_is_left(home: Path) -> None:
    run_id = write_run(home)
    (home.parent / "real.html").write_text("old")
    (home.parent / "real.html").chmod(0o600)
    (home.parent / "link.html").symlink_to("real.html")
    before = set(home.parent.iterdir())
    assert diff(run_id, run_id, "--html", "link.html").output == "link.html\n"
    assert (home.parent / "link.html").is_symlink()
    assert (home.parent / "real.html").read_text().startswith("<!doctype html>")
    assert stat.S_IMODE((home.parent / "real.html").stat().st_mode) == 0o600
    assert set(home.parent.iterdir()) == before


@pytest.mark.parametrize("no_colour", [False, True])
def test_colour_is_for_a_terminal_and_not_with_no_color(
    home: Path, monkeypatch: pytest.MonkeyPatch, no_colour: bool
) -> None:
    a, b = write_steps(home, "heat"), write_steps(home, "rain")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" not in diff(a, b).output
    if no_colour:
        monkeypatch.setenv("NO_COLOR", "1")
    shown = on_a_terminal("diff", str(a), str(b))
    assert "[-heat-]" in shown.replace("\x1b[36m", "").replace("\x1b[0m", "")
    assert ("\x1b[36m[-heat-]\x1b[0m" in shown) is not no_colour
    assert ("\x1b" in shown) is not no_colour


def on_a_terminal(*args: str) -> str:
    ours, theirs = pty.openpty()
    program = "from secondtake.backend.cli.main import main; main()"
    with subprocess.Popen([sys.executable, "-c", program, *args], stdout=theirs) as process:
        os.close(theirs)
        shown = b"".join(iter(lambda: read(ours), b""))
        assert process.wait(timeout=60) == 0
    os.close(ours)
    return shown.decode()


def read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # the other end is closed
        return b""


class Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.words += data


OURS = {
    "html", "head", "meta", "title", "style", "body", "svg", "symbol", "path", "use", "header", "h1",
    "h2", "div", "span", "b", "i", "p", "nav", "a", "section", "table", "thead", "tbody", "tr", "th",
    "td", "details", "summary", "code", "pre", "del", "ins", "line", "rect", "footer",
}  # fmt: skip


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, UUID]]:
    """Runs that carry hostile texts in every field, and a home to ask for them."""
    folder = tmp_path_factory.mktemp("hostile")
    texts = {**TEXTS, "everything": EVERYTHING, "names": EVERYTHING * 30}
    shapes = {kind: hostile_run(kind, text) for kind, text in texts.items()}
    shapes["long"] = hostile_run("long", TEXTS["script"], long=EVERYTHING * 200)
    ids = {kind: uuid4() for kind in shapes}
    with SegmentWriter(folder / "home", seal_age_s=None) as writer:
        for number, (kind, shape) in enumerate(shapes.items(), start=1):
            lines = shape.lines(ids[kind], STARTED_AT, number)
            writer.write_lines(lines.splitlines(keepends=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("SECONDTAKE_HOME", str(folder / "home"))
        yield ids


@pytest.mark.parametrize(
    "names", [("everything", "break-out"), ("long", "everything"), ("names", "outside")]
)
def test_whatever_a_run_said_is_text(hostile: dict[str, UUID], names: tuple[str, str]) -> None:
    a, b = (hostile[name] for name in names)
    diff(a, b, "--html", "page.html")
    text = Path("page.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.tags <= OURS
    names_of = {name for _, name, _ in page.attributes}
    assert not [name for name in names_of if name.startswith("on") or name in ("src", "style")]
    links = [value for _, name, value in page.attributes if name == "href"]
    assert all(link and link.startswith("#") for link in links)
    assert OUTSIDE in page.words
    assert len(text) < 3_000_000
    said = diff(a, b).output
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", said + text)


def test_a_page_allows_nothing_but_its_own_style(home: Path) -> None:
    a, b = write_steps(home, "heat"), write_steps(home, "rain")
    diff(a, b, "--html", "page.html")
    text = (home.parent / "page.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src &#x27;none&#x27;; style-src &#x27;sha256-")
    assert "unsafe" not in policy[1]
    assert "<script" not in text
    assert "url(" not in text
    assert "prefers-color-scheme: dark" in text
    page = Page(text)
    assert "First divergence" in page.words
    assert "<del>heat</del>" in text
    assert "<ins>rain</ins>" in text


def test_long_stretches_that_are_the_same_are_left_out() -> None:
    pieces = [
        WordPiece(operation="same", text="a" * 100),
        WordPiece(operation="removed", text="b"),
        WordPiece(operation="same", text="c" * 100),
    ]
    shown = [(piece.text, hidden) for piece, hidden in elided(pieces, around=10, limit=1000)]
    assert shown == [("", 90), ("a" * 10, 0), ("b", 0), ("c" * 10, 90)]
    short = [(piece.text, hidden) for piece, hidden in elided(pieces, around=1000, limit=103)]
    assert short == [("a" * 100, 0), ("b", 0), ("cc", 98)]
    only = [(p.text, hidden) for p, hidden in elided(pieces[:1], around=10, limit=1000)]
    assert only == [("a" * 10, 80), ("a" * 10, 0)]

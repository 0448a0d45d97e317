"""The Run page over the real API and store, in every state that a run can be in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from streamlit.testing.v1 import AppTest
from tests.support.stored import STARTED_AT, run_frame, write_events, write_research_run, write_run
from tests.support.studio_pages import PANE, all_markup, components, drawn

from secondtake.backend.client import Client
from secondtake.backend.errors import NoServerError
from secondtake.runner import journal
from secondtake.runner.events import MemoryChange, Message, NodeStarted, RunStarted
from secondtake.studio import connection
from secondtake.studio.run_page.cost_lines import cost_sheet
from secondtake.studio.run_page.threads import number_calls


def load(api: TestClient) -> None:
    journal.close_all()
    assert api.post("/load").is_success


def page(name: str | UUID, **query: str) -> AppTest:
    def script() -> None:
        from secondtake.studio.connection import away_is_said
        from secondtake.studio.pages import run

        with away_is_said():
            run.show()

    return drawn(script, id=str(name), **query)


def test_a_run_shows_its_head_and_its_conversation(
    home: Path, api: TestClient, client: Client
) -> None:
    run_id = write_research_run(home, tags={"team": "eu"}, session_id="s-1")
    load(api)

    text = all_markup(page(run_id))

    assert ">heat pumps</h1>" in text
    assert "$0.012" in text
    assert "9,412" in text
    assert "1 error" in text
    assert "team=eu" in text
    assert "What is a heat pump?" in text
    assert "A fridge turned round." in text
    assert "no such page" in text


@pytest.mark.parametrize(
    ("tab", "said"),
    [
        ("saw", "New · 1 message · the first call of this conversation"),
        ("tools", "1 tool call · 1 failed · served live"),
        ("cost", "1 line add up to $0.012345678"),
        ("raw", "node_timings"),
    ],
)
def test_the_address_opens_a_tab(
    home: Path, api: TestClient, client: Client, tab: str, said: str
) -> None:
    run_id = write_research_run(home)
    load(api)

    shown = page(run_id, tab=tab)

    assert said in all_markup(shown)
    (pane,) = [p for p in components(shown)[PANE] if p["address"]]
    assert pane["address"] == {"id": str(run_id), "tab": tab}


def test_a_span_of_the_address_is_marked(home: Path, api: TestClient, client: Client) -> None:
    run_id = write_research_run(home)
    load(api)

    shown = page(run_id, span="tool-b")

    (pane,) = [p for p in components(shown)[PANE] if p["address"]]
    assert pane["scroll"] == "use-tool-b"
    assert 'class="tool is-failed is-chosen"' in pane["html"]


def test_a_failed_run_shows_its_error_first(home: Path, api: TestClient, client: Client) -> None:
    run_id = write_run(
        home,
        status="error",
        error_type="ValueError",
        error_message="the <b>page</b> is gone",
        error_traceback="Traceback: line 7",
    )
    load(api)

    shown = page(run_id)

    (pane,) = [p for p in components(shown)[PANE] if p["address"]]
    assert pane["html"].startswith('<div class="failure"')
    assert "the &lt;b&gt;page&lt;/b&gt; is gone" in pane["html"]
    assert "Traceback: line 7" in pane["html"]


def test_a_run_without_calls_says_so_on_every_tab(
    home: Path, api: TestClient, client: Client
) -> None:
    run_id = write_run(home, inputs={"topic": "nothing"})
    load(api)

    assert "No step of this run was recorded." in all_markup(page(run_id))
    for tab, said in (
        ("saw", "No model was asked in this run."),
        ("tools", "No tool was called in this run."),
        ("cost", "No model was asked in this run"),
    ):
        assert said in all_markup(page(run_id, tab=tab))


@pytest.fixture
def writer(home: Path) -> Iterator[journal.SegmentWriter]:
    """A recorder that lives while the test does: its runs go on."""
    with journal.SegmentWriter(home, seal_age_s=None) as made:
        made.run_begins()
        yield made


def waiting_run(writer: journal.SegmentWriter) -> UUID:
    """Write a run that goes on, and asks a person."""
    run_id = uuid4()
    common: dict[str, Any] = {"run_id": run_id, "recorded_at": STARTED_AT}
    asked = {"question": "Send <img src=x>?", "choices": ["send", "![a](http://b/c)"]}
    writer.write(
        RunStarted(
            **common, seq=0, name="support", started_at=STARTED_AT, writer_id=writer.writer_id
        ),
        NodeStarted(
            **common, seq=1, node="approve", node_kind="human", node_path="approve[1]",
            span_id="0123456789abcdef", started_at=STARTED_AT, question=asked,
        ),
    )  # fmt: skip
    writer.seal()
    return run_id


def test_a_run_that_waits_asks(
    writer: journal.SegmentWriter, api: TestClient, client: Client
) -> None:
    run_id = waiting_run(writer)
    assert api.post("/load").is_success

    shown = page(run_id)

    (asked,) = components(shown)["secondtake.choices"]
    assert asked["question"] == "Send <img src=x>?"
    assert asked["choices"] == ["send", "![a](http://b/c)"]
    assert "waiting" in all_markup(shown)
    assert [button.label for button in shown.button if button.key == "run_cancel"] == ["Cancel"]


def test_a_run_that_does_not_wait_does_not_ask(home: Path, api: TestClient, client: Client) -> None:
    run_id = write_research_run(home)
    load(api)

    shown = page(run_id)

    assert "secondtake.choices" not in components(shown)
    assert "run_cancel" not in [button.key for button in shown.button]


def test_an_unknown_run_is_one_sentence_with_the_cure(client: Client) -> None:
    text = all_markup(page("ffffffff"))

    assert "There is no run &#x27;ffffffff&#x27;" in text
    assert "see the ids with" in text
    assert "All runs" in text


def test_a_prefix_of_several_runs_is_one_sentence(
    home: Path, api: TestClient, client: Client
) -> None:
    for last in (1, 2):
        write_run(home, UUID(int=0xABCD << 112 | last))
    load(api)

    assert "More than one run begins with" in all_markup(page("abcd"))


def test_no_run_in_the_address_is_said(client: Client) -> None:
    assert "No run is named" in all_markup(page(""))


def test_a_server_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Client:
        raise NoServerError("No server answers.")

    monkeypatch.setattr("secondtake.studio.pages.run.backend", away)
    assert connection.server_url()

    assert "The server does not answer" in all_markup(page(uuid4()))


def test_foreign_text_is_text(home: Path, api: TestClient, client: Client) -> None:
    hostile = "<script>alert(1)</script> ![x](http://evil.example/p.png) \u202eabc \x1b[31m"
    run_id = uuid4()
    message = Message(
        run_id=run_id, seq=1, recorded_at=STARTED_AT, message_id=uuid4(), depth=0, role="user",
        content=hostile,
    )  # fmt: skip
    write_events(home, *run_frame(run_id, [message], name=hostile, inputs={"prompt": hostile}))
    load(api)

    text = all_markup(page(run_id))

    assert "<script" not in text
    assert "<img" not in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_long_text_is_clipped_with_the_way_to_the_rest(
    home: Path, api: TestClient, client: Client
) -> None:
    run_id = uuid4()
    message = Message(
        run_id=run_id, seq=1, recorded_at=STARTED_AT, message_id=uuid4(), depth=0, role="user",
        content="x" * 3_000_000,
    )  # fmt: skip
    write_events(home, *run_frame(run_id, [message]))
    load(api)

    text = all_markup(page(run_id))

    assert "of 3,000,000" in text
    assert "Show next 100 KB" in text
    assert len(text) < 60_000


def test_a_picture_of_the_size_of_a_photograph_in_a_message_is_shown(
    home: Path, api: TestClient, client: Client
) -> None:
    run_id = uuid4()
    picture = f"data:image/png;base64,{'iVBORw0KGgo' * 2500}="
    parts = [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": picture}}]
    message = Message(
        run_id=run_id, seq=1, recorded_at=STARTED_AT, message_id=uuid4(), depth=0, role="user",
        content="see", parts=parts,
    )  # fmt: skip
    write_events(home, *run_frame(run_id, [message]))
    load(api)

    assert f'src="{picture}"' in all_markup(page(run_id))


def test_names_are_in_one_line_and_cut_with_an_ellipsis(
    home: Path, api: TestClient, client: Client
) -> None:
    change = MemoryChange(
        run_id=(run_id := uuid4()), seq=1, recorded_at=STARTED_AT, scope="state",
        operation="init", key="a\nkey\nin lines", value="value",
    )  # fmt: skip
    tags = {"team": "a very\nlong name"}
    write_events(home, *run_frame(run_id, [change], tags=tags, user_id="ada " * 100))
    load(api)

    text = all_markup(page(run_id))

    assert '<span class="state-key cut" title="a key in lines">a key in lines</span>' in text
    assert '<span class="chip cut" title="team=a very long name">' in text
    assert '<span class="fact-value cut" title="ada ada' in text


def test_a_run_without_a_state_says_so(home: Path, api: TestClient, client: Client) -> None:
    run_id = write_research_run(home)
    load(api)
    has_state = bool(client.get_run(str(run_id)).memory)

    assert ("This run recorded no state" in all_markup(page(run_id))) is not has_state


def test_the_cost_of_a_run_ties_out(home: Path, api: TestClient, client: Client) -> None:
    run_id = write_research_run(home)
    load(api)
    detail = client.get_run(str(run_id))

    sheet = cost_sheet(detail, number_calls(detail.llm_calls))

    assert sheet.ties_out
    assert sheet.total_usd == detail.summary.cost_usd

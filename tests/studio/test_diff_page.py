"""The Diff page over the real API and store: two runs, one run, no run, no server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from streamlit.testing.v1 import AppTest
from tests.support.diff_pairs import TICKET, write_long_pair, write_pair
from tests.support.stored import write_run
from tests.support.studio_pages import PANE, Away, all_markup, api_client, components, drawn, load

from secondtake.backend.client import Client
from secondtake.studio import connection
from secondtake.studio.components.pane import Act
from secondtake.studio.diff_page.frame import act_on
from secondtake.studio.diff_page.header import GO_ACT
from secondtake.studio.diff_page.page_state import DiffState, state_of
from secondtake.studio.diff_page.rows import WINDOW_ROWS
from secondtake.studio.diff_page.steps import FOLD_ACT, STEP_ACT, TURN_ACT


@pytest.fixture
def client(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """The client of a studio that knows the real API."""
    with api_client(home) as client:
        client.url = f"{client.url}/{uuid4()}"  # what is kept of other tests is not found
        monkeypatch.setattr("secondtake.studio.pages.diff.backend", lambda: client)
        yield client


def page(**query: str | UUID) -> AppTest:
    def script() -> None:
        from secondtake.studio.connection import away_is_said
        from secondtake.studio.pages import diff

        with away_is_said():
            diff.show()

    return drawn(script, **{key: str(value) for key, value in query.items()})


def body(shown: AppTest) -> dict[str, Any]:
    """Return what the pane of the chosen view was given."""
    (found,) = [pane for pane in components(shown)[PANE] if pane["test_id"] == "diff-body"]
    return dict(found)


def test_a_replay_beside_its_source_is_answered_first(home: Path, client: Client) -> None:
    a, b = write_pair(home)
    load(client)

    text = all_markup(page(a=a, b=b))

    assert '<b class="better">92 % cheaper</b>' in text
    assert f"{str(b)[:13]}" in text
    assert "replay of A with model=sim/weak" in text
    assert "was $0.0080" in text
    assert f'href="/run?id={a}"' in text
    assert f'href="/run?id={b}"' in text
    assert f'href="/diff?a={b}&amp;b={a}"' in text
    assert "simulated" in text


def test_steps_stand_side_by_side_from_the_first_divergence_on(home: Path, client: Client) -> None:
    a, b = write_pair(home)
    load(client)

    text = body(page(a=a, b=b))["html"]

    fold = text.index("1 identical step")
    divergence = text.index("First divergence")
    assert fold < divergence < text.index("refund_quote")
    assert "<del>84.90</del>" in text
    assert "<ins>49.00</ins>" in text
    assert "only A" in text
    assert 'class="diff-side is-none"' in text
    assert "\N{MINUS SIGN}$0.00370" in text


def test_the_address_opens_a_tab(home: Path, client: Client) -> None:
    a, b = write_pair(home)
    load(client)
    said = {
        "answer": "Unified diff, by line",
        "configuration": "sim/<del>strong</del>",
        "inputs": "No difference: the inputs are the same on both sides",
        "state": "<ins>49.00</ins> EUR",
        "money": "whole run",
    }

    for tab, words in said.items():
        pane = body(page(a=a, b=b, tab=tab))
        assert words in pane["html"]
        assert pane["address"] == {"a": str(a), "b": str(b), "tab": tab}
        assert pane["subject"] == ["a", "b"]
        assert pane["page"] == "diff"


def test_a_step_of_the_address_is_open(home: Path, client: Client) -> None:
    a, b = write_pair(home)
    load(client)

    pane = body(page(a=a, b=b, step="3"))

    assert pane["scroll"] == "pair-3"
    assert 'data-testid="diff-detail"' in pane["html"]
    assert "Same on both sides: " in pane["html"]
    assert f'href="/run?id={a}&amp;span=' in pane["html"]


def test_a_step_inside_a_fold_opens_the_fold(home: Path, client: Client) -> None:
    a, b = write_pair(home)
    load(client)

    text = body(page(a=a, b=b, step="1"))["html"]

    assert "read_order" in text
    assert 'data-testid="diff-detail"' in text


def test_a_run_beside_itself_does_not_diverge(home: Path, client: Client) -> None:
    a, _ = write_pair(home)
    load(client)

    text = all_markup(page(a=a, b=a))

    assert "No divergence: 5 steps" in text
    assert "First divergence" not in text
    assert "every step is the same" in text


def test_a_run_without_steps_says_so(home: Path, client: Client) -> None:
    a = write_run(home, output="one")
    b = write_run(home, output="two")
    load(client)

    shown = page(a=a, b=b)

    assert "Neither run asked a model or called a tool." in all_markup(shown)
    assert "neither run made a call" in all_markup(shown)


def test_unknown_money_and_time_are_a_dash(home: Path, client: Client) -> None:
    a = write_run(home, output="one")
    b = write_run(home, output="two")
    load(client)

    text = all_markup(page(a=a, b=b, tab="money"))

    assert "was \N{EM DASH}" in text
    assert "is-unknown" in text
    assert "$0.0" not in text


def test_a_long_pair_is_shown_in_pieces(home: Path, client: Client) -> None:
    a, b = write_long_pair(home, turns=100, changed_every=2)
    load(client)

    first = body(page(a=a, b=b))["html"]
    far = body(page(a=a, b=b, step="991"))["html"]

    assert first.count('data-act="step"') == WINDOW_ROWS // 2
    assert "21 rows after these" in first
    assert "Part 99 is" not in first
    assert "21 rows before these" in far
    assert "Part 99 is" in far


def test_a_hostile_run_is_text(home: Path, client: Client) -> None:
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    a = write_run(home, name=hostile, output=hostile, inputs={"prompt": hostile})
    b = write_run(home, name="plain", output="plain")
    load(client)

    for tab in ("steps", "answer", "inputs", "state", "configuration", "money"):
        text = all_markup(page(a=a, b=b, tab=tab))
        assert "<img" not in text
        assert "<script" not in text
        assert "&lt;img src=x" in text


def test_without_runs_two_are_chosen(home: Path, client: Client) -> None:
    a, b = write_pair(home)
    load(client)

    text = all_markup(page())

    assert "Choose the baseline first." in text
    assert "Replays beside their source" in text
    assert f'href="/diff?a={a}&amp;b={b}"' in text
    assert f'href="/diff?a={a}"' in text
    assert TICKET in text


def test_with_a_the_other_run_is_chosen_and_the_nearest_come_first(
    home: Path, client: Client
) -> None:
    a, b = write_pair(home)
    other = write_run(home, name="something else")
    load(client)

    text = all_markup(page(a=a))

    assert "Choose another A" in text
    near, far = f'href="/diff?a={a}&amp;b={b}"', f'href="/diff?a={a}&amp;b={other}"'
    assert text.index(near) < text.index(far)
    assert f"b={a}" not in text


def test_an_empty_store_says_what_to_do(client: Client) -> None:
    text = all_markup(page())
    assert "There is no run yet" in text
    assert "secondtake replay last" in text


def test_a_run_that_is_not_there_is_one_sentence(home: Path, client: Client) -> None:
    a, _ = write_pair(home)
    load(client)

    text = all_markup(page(a=a, b="00000000-0000-4000-8000-00000000dead"))

    assert "These runs cannot be compared" in text
    assert 'href="/diff"' in text


def test_a_server_that_is_away_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secondtake.studio.pages.diff.backend", Away)
    shown = page(a="one", b="two")
    assert "The server does not answer" in all_markup(shown)
    assert shown.button[0].label == "Retry"
    assert connection.DEFAULT_URL


def test_clicks_change_what_is_chosen() -> None:
    state = DiffState(a="one", b="two", tab="money")

    act_on(state, Act(name=STEP_ACT, value="4"))
    assert (state.tab, state.step) == ("steps", 4)
    assert state.address() == {"a": "one", "b": "two", "step": "4"}
    act_on(state, Act(name=STEP_ACT, value="4"))
    assert state.step is None
    act_on(state, Act(name=FOLD_ACT, value="1-3"))
    act_on(state, Act(name=TURN_ACT, value="300"))
    for name in (STEP_ACT, FOLD_ACT, TURN_ACT, GO_ACT, "unheard of"):
        act_on(state, Act(name=name, value="<b>"))
    assert (state.opened, state.first, state.step) == ({"fold-1"}, 300, None)
    act_on(state, Act(name=GO_ACT, value="900"))
    assert state.address() == {"a": "one", "b": "two", "step": "900"}
    assert state.first is None
    act_on(state, Act(name=FOLD_ACT, value="1-3"))
    assert not state.opened
    assert state.address()["step"] == "900"


def test_a_fold_that_closes_takes_its_open_step_along() -> None:
    state = DiffState(a="one", b="two", step=2, opened={"fold-1"})
    act_on(state, Act(name=FOLD_ACT, value="1-3"))
    assert (state.opened, state.step) == (set(), None)


def test_an_address_is_read_as_far_as_it_can_be() -> None:
    state = state_of({"a": " one ", "b": "two", "tab": "<script>", "step": "-1"})
    assert (state.a, state.tab, state.step) == ("one", "steps", None)

"""Parts of the page Replay without a page: addresses, targets, answers of repeats."""

import shlex
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from tests.support.stored import STARTED_AT

from secondtake.backend.models.runs import RunFacts
from secondtake.studio.replay_page.follow import same_answers
from secondtake.studio.replay_page.form import changes
from secondtake.studio.replay_page.plan_strip import span
from secondtake.studio.replay_page.targets import as_text, nodes_of
from secondtake.studio.replay_page.wanted import ADDRESS_CHARS_MAX, Wanted, read_query


def facts(**about: Any) -> RunFacts:
    """Return a run that ended well, with these facts."""
    fields: dict[str, Any] = dict.fromkeys(RunFacts.model_fields)
    fields |= {"run_id": uuid4(), "short_id": "0", "status": "ok", "started_at": STARTED_AT}
    return RunFacts.model_validate(fields | about)


def test_an_address_gives_back_what_was_asked_for() -> None:
    wanted = Wanted(
        run="last",
        from_node="write",
        changes=(("nodes.a.prompt", "x = 1\n&set=y"), ("state.k", "")),
        llm="recorded",
        tools="live",
        stepwise=True,
        repeat=7,
    )
    assert read_query(wanted.query()) == wanted


def test_an_address_that_nobody_wrote_is_read_as_far_as_it_can_be() -> None:
    read = read_query(
        {"run": [" a "], "set": ["no sign", "=x", "a=b"], "llm": ["?"], "repeat": ["1e9", "2"]}
    )
    assert read == Wanted(run="a", changes=(("a", "b"),))


def test_changes_that_no_address_can_hold_are_left_out_of_it() -> None:
    wanted = Wanted(run="a", changes=(("nodes.a.prompt", "x" * ADDRESS_CHARS_MAX),))
    assert "set" not in wanted.query()
    assert not wanted.is_whole_in_address
    assert "too long for an address" in str(changes(wanted, {}))


def test_a_change_that_is_made_again_keeps_its_place() -> None:
    wanted = Wanted().with_change("a", "1").with_change("b", "2").with_change("a", "3")
    assert wanted.changes == (("a", "3"), ("b", "2"))
    assert wanted.without("a").changes == (("b", "2"),)


def test_json_is_sent_in_one_line_and_text_as_it_is() -> None:
    wanted = Wanted(run="r", changes=(("state.k", '{\n "a": 1\n}'), ("nodes.a.prompt", "{\n")))
    assert wanted.request().override_params == ('state.k={"a": 1}', "nodes.a.prompt={\n")


def test_the_command_can_be_typed_as_it_stands() -> None:
    wanted = Wanted(run="r", changes=(("system", "@home it's"),), tools="live")
    assert shlex.split(wanted.command("01a1")) == [
        "secondtake", "replay", "01a1", "--set", "system=@@home it's", "--tools", "live", "--",
        "COMMAND",
    ]  # fmt: skip


def test_one_replay_is_no_repeat() -> None:
    assert Wanted(run="r").request().repeat is None
    assert Wanted(run="r", repeat=2).request().repeat == 2


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (None, ()),
        ("plan[1]", ("plan",)),
        ("triage[1]/search[2:0fab]", ("triage", "search")),
        ("odd", ("odd",)),
    ],
)
def test_a_path_names_its_nodes(path: str | None, names: tuple[str, ...]) -> None:
    assert nodes_of(path) == names


def test_a_value_is_shown_as_one_writes_it() -> None:
    assert as_text("a: b") == "a: b"
    assert as_text(None) == "null"
    assert as_text(["x"] * 40).count("\n") == 41


def test_equal_answers_are_counted_and_failures_come_last() -> None:
    runs = [
        facts(status="error", error_message="no"),
        facts(output="b"),
        facts(output={"x": 1, "y": 2}),
        facts(output={"y": 2, "x": 1}),
    ]
    found = same_answers(runs)
    assert [(len(each.runs), each.is_failure) for each in found] == [
        (2, False),
        (1, False),
        (1, True),
    ]
    assert [number for number, _ in found[0].runs] == [3, 4]
    assert found[2].said == "no"


def test_an_unknown_price_is_no_zero() -> None:
    assert span(None, None) == "—"
    assert span(Decimal(0), Decimal(0)) == "$0"
    assert span(Decimal("0.012"), None).endswith("—")

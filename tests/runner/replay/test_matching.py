"""Who is given which recorded call: properties that hold for every recording and every order."""

import itertools
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from secondtake.runner.events import BaseEvent, LlmCall, RunFinished, RunStarted, ToolCall
from secondtake.runner.replay.matching import CUT_OFF, Recorded, RecordedCalls, without_visits
from secondtake.runner.replay.options import ReplayOptions
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.session import Asked, ReplaySession
from secondtake.runner.replay.verdict import first_divergence, judge

RUN = UUID("01a00000-0000-7000-8000-000000000001")
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
PATHS = ("plan[1]", "look[1:aa]", "look[1:bb]", "look[2:aa]", "go[1]/look[1:aa]", "write[1]")
HASHES = ("h1", "h2", "h3")

Place = tuple[str, str, str | None]
"""Node path, request hash, tool-call id (None for an LLM call)."""

places = st.tuples(
    st.sampled_from(PATHS), st.sampled_from(HASHES), st.sampled_from([None, "call_1", "call_2"])
)
recorded = st.lists(
    st.tuples(places, st.integers(0, 5), st.sampled_from([None, None, None, "BudgetExceeded"])),
    max_size=14,
)


def recording(drawn: list[tuple[Place, int, str | None]], *, output: Any = None) -> Recording:
    """Make a recording of calls; the number says when each began."""
    at: dict[str, Any] = {"run_id": RUN, "recorded_at": BEGAN}
    events: list[BaseEvent] = [RunStarted(seq=0, name="drawn", **at)]
    for seq, ((path, request, call_id), began, error) in enumerate(drawn, start=1):
        common: dict[str, Any] = {
            **at,
            "seq": seq,
            "span_id": f"{seq:016x}",
            "node_path": path,
            "request_hash": request,
            "error_type": error,
            "started_at": BEGAN + timedelta(seconds=began),
        }
        if call_id is None:
            events.append(LlmCall(**common, messages_hash=request, cost_usd=Decimal(seq)))
        else:
            events.append(ToolCall(**common, tool=request, tool_call_id=call_id, result=seq))
    events.append(RunFinished(seq=len(drawn) + 1, status="ok", output=output, **at))
    return Recording.of(events)


def take(calls: RecordedCalls, place: Place) -> Recorded | None:
    path, request, call_id = place
    kind = "llm_call" if call_id is None else "tool_call"
    return calls.take(kind, path, request, tool_call_id=call_id)


def asks(request: str, call: Recorded) -> bool:
    return call.request_hash == request


def place_of(call: Recorded) -> Place:
    call_id = call.tool_call_id if isinstance(call, ToolCall) else None
    return str(call.node_path), str(call.request_hash), call_id


@given(recorded, st.lists(places, max_size=20), st.booleans())
def test_each_recorded_call_is_given_at_most_once_and_only_for_the_same_request(
    drawn: list[tuple[Place, int, str | None]], asked: list[Place], race: bool
) -> None:
    calls = RecordedCalls(recording(drawn), visits_may_race=race)
    found = [(place, take(calls, place)) for place in asked]
    taken = [call.span_id for _, call in found if call is not None]
    assert len(taken) == len(set(taken))
    for (path, request, call_id), call in found:
        if call is None:
            continue
        assert call.request_hash == request
        assert isinstance(call, ToolCall) is (call_id is not None)
        assert call.error_type not in CUT_OFF
        if not race:
            assert call.node_path == path
        assert without_visits(str(call.node_path)) == without_visits(path)
    assert len(calls.unused()) == len(drawn) - len(taken)


@given(recorded)
def test_every_call_can_be_had_again_and_those_alike_in_the_order_in_which_they_began(
    drawn: list[tuple[Place, int, str | None]],
) -> None:
    calls = RecordedCalls(recording(drawn), visits_may_race=False)
    alike: dict[Place, list[Recorded]] = defaultdict(list)
    for call in calls.calls:
        if call.error_type not in CUT_OFF and not isinstance(call, ToolCall):
            alike[place_of(call)].append(call)
    for place, expected in alike.items():
        assert [take(calls, place) for _ in expected] == expected
        assert take(calls, place) is None


@given(recorded)
def test_parallel_tool_calls_that_ask_the_same_get_the_answer_of_their_own_id(
    drawn: list[tuple[Place, int, str | None]],
) -> None:
    calls = RecordedCalls(recording(drawn), visits_may_race=False)
    tools = [
        call
        for call in calls.calls
        if isinstance(call, ToolCall) and call.error_type not in CUT_OFF
    ]
    ids = Counter(place_of(call) for call in tools)
    for call in reversed(tools):
        found = take(calls, place_of(call))
        assert found is not None
        if ids[place_of(call)] == 1:
            assert found is call


@given(recorded, st.randoms(use_true_random=False))
def test_who_gets_what_does_not_depend_on_how_parallel_branches_interleave(
    drawn: list[tuple[Place, int, str | None]], random: Any
) -> None:
    source = recording(drawn)
    by_path: dict[str, list[Place]] = defaultdict(list)
    for call in RecordedCalls(source, visits_may_race=False).calls:
        by_path[str(call.node_path)].append(place_of(call))

    def given_to(order: list[str]) -> dict[str, list[str | None]]:
        calls = RecordedCalls(source, visits_may_race=False)
        todo = {path: iter(asked) for path, asked in by_path.items()}
        got: dict[str, list[str | None]] = defaultdict(list)
        for path in order:
            call = take(calls, next(todo[path]))
            got[path].append(call.span_id if call else None)
        return got

    order = [path for path, asked in by_path.items() for _ in asked]
    expected = given_to(order)
    for _ in range(3):
        random.shuffle(order)
        assert given_to(order) == expected


@given(recorded, st.lists(places, max_size=8))
def test_a_counterpart_is_used_up_and_comes_from_the_same_node(
    drawn: list[tuple[Place, int, str | None]], asked: list[Place]
) -> None:
    calls = RecordedCalls(recording(drawn), visits_may_race=False)
    seen: set[str] = set()
    for path, request, call_id in asked:
        kind = "llm_call" if call_id is None else "tool_call"
        fitting = [
            call
            for call in calls.unused()
            if (call.kind, call.node_path, call.request_hash) == (kind, path, request)
        ]
        found = calls.counterpart(kind, path, partial(asks, request))
        if found is None:
            left = [call for call in calls.unused() if (call.kind, call.node_path) == (kind, path)]
            assert left == []
            continue
        assert found.span_id not in seen
        assert (found.kind, found.node_path) == (kind, path)
        assert not fitting or found is fitting[0]
        seen.add(found.span_id)


def ask(session: ReplaySession, number: int, place: Place) -> None:
    path, request, call_id = place
    asked = Asked(
        kind="llm_call" if call_id is None else "tool_call",
        span_id=f"new{number:013x}",
        node_path=path,
        request_hash=request,
        hashes={"messages": request},
        tool=None if call_id is None else request,
        tool_call_id=call_id,
        may_execute=True,
    )
    session.answer(asked)


@settings(max_examples=60)
@given(recorded, st.lists(places, min_size=1, max_size=5))
def test_the_verdict_does_not_depend_on_the_order_in_which_branches_leave_their_source(
    drawn: list[tuple[Place, int, str | None]], asked: list[Place]
) -> None:
    source = recording(drawn, output="same")
    by_path: dict[str, list[Place]] = defaultdict(list)
    for place in asked:
        by_path[place[0]].append(place)
    orders = list(itertools.islice(itertools.permutations(by_path), 12))
    verdicts = set()
    for order in orders:
        session = ReplaySession(source, ReplayOptions())
        steps = [place for path in order for place in by_path[path]]
        for number, place in enumerate(steps):
            ask(session, number, place)
        judged = judge(session, status="ok", error_type=None, output="same")
        first = first_divergence(session)
        verdicts.add(
            (judged.verdict, judged.reason, judged.call, first.node_path if first else None)
        )
    assert len(verdicts) == 1, verdicts

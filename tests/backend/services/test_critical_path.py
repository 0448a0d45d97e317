"""The critical path, on trees made by hand and on any tree."""

from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from secondtake.backend.services.critical_path import TOLERANCE_US, Timed, find_critical_path

MS: Final = 1000


def span(depth: int, started_ms: float | None, ended_ms: float | None) -> Timed:
    return Timed(
        depth=depth,
        started_us=None if started_ms is None else round(started_ms * MS),
        ended_us=None if ended_ms is None else round(ended_ms * MS),
    )


def path(*spans: Timed) -> list[tuple[int, float, float]]:
    pieces = find_critical_path(spans).pieces
    return [(each.number, each.started_us / MS, each.ended_us / MS) for each in pieces]


def test_one_span_is_its_own_path() -> None:
    assert path(span(0, 0, 100)) == [(0, 0, 100)]


def test_the_parent_is_what_is_waited_for_between_its_children() -> None:
    spans = (span(0, 0, 100), span(1, 10, 40), span(1, 60, 90))
    assert path(*spans) == [(0, 0, 10), (1, 10, 40), (0, 40, 60), (2, 60, 90), (0, 90, 100)]


def test_of_parallel_branches_the_one_that_ends_last_is_waited_for() -> None:
    spans = (span(0, 0, 100), span(1, 10, 40), span(1, 10, 90), span(1, 10, 60), span(1, 90, 100))
    assert path(*spans) == [(0, 0, 10), (2, 10, 90), (4, 90, 100)]
    assert find_critical_path(spans).spans == {0, 2, 4}


def test_a_branch_that_ended_before_the_last_one_began_comes_before_it() -> None:
    spans = (span(0, 0, 100), span(1, 0, 30), span(1, 0, 70), span(1, 40, 100))
    assert path(*spans) == [(1, 0, 30), (0, 30, 40), (3, 40, 100)]


def test_the_deepest_span_is_named() -> None:
    spans = (span(0, 0, 100), span(1, 0, 100), span(2, 20, 80), span(3, 30, 50))
    assert path(*spans) == [(1, 0, 20), (2, 20, 30), (3, 30, 50), (2, 50, 80), (1, 80, 100)]
    assert find_critical_path(spans).spans == {0, 1, 2, 3}


def test_between_the_roots_nothing_is_waited_for() -> None:
    assert path(span(0, 0, 10), span(0, 20, 30)) == [(0, 0, 10), (1, 20, 30)]


def test_a_root_beside_the_path_fills_its_gaps() -> None:
    spans = (span(0, 0, 50), span(1, 5, 15), span(0, 30, 90))
    assert path(*spans) == [(0, 0, 5), (1, 5, 15), (0, 15, 30), (2, 30, 90)]


def test_a_span_that_outlives_its_parent_was_not_waited_for_by_it() -> None:
    assert path(span(0, 0, 50), span(1, 10, 90)) == [(0, 0, 10), (1, 10, 90)]


def test_a_millisecond_is_forgiven() -> None:
    spans = (span(0, 0, 100), span(1, 0, 50.6), span(1, 50, 100.9))
    assert path(*spans) == [(1, 0, 50), (2, 50, 100)]


def test_unknown_times_are_passed_over() -> None:
    assert path(span(0, None, None), span(1, None, 5)) == []
    assert path(span(0, None, 50), span(1, 10, 20)) == [(1, 10, 20)]
    assert path(span(0, 0, None), span(1, 10, 20)) == [(1, 10, 20)]


def test_an_end_before_the_beginning_is_no_time() -> None:
    assert path(span(0, 50, 10), span(0, 60, 70)) == [(1, 60, 70)]
    assert path(span(0, 0, 100), span(1, 50, 10)) == [(0, 0, 100)]


def test_a_tree_deeper_than_pythons_stack_is_walked() -> None:
    spans = [span(depth, depth, 20_000 - depth) for depth in range(5000)]
    assert len(path(*spans)) == 2 * 5000 - 1


times = st.none() | st.integers(-8_000, 8_000)
trees = st.lists(st.tuples(st.integers(0, 5), times, times), max_size=60).map(
    lambda rows: [Timed(depth=depth, started_us=a, ended_us=b) for depth, a, b in rows]
)


@settings(deadline=None)
@given(trees)
def test_each_moment_at_which_a_span_is_open_is_covered_once(spans: list[Timed]) -> None:
    found = find_critical_path(spans)
    covered: set[int] = set()
    previous_us: int | None = None
    for piece in found.pieces:
        assert piece.started_us < piece.ended_us
        assert previous_us is None or previous_us <= piece.started_us
        previous_us = piece.ended_us
        covered.update(range(piece.started_us, piece.ended_us))
        own = spans[piece.number]
        assert own.started_us is not None
        assert own.ended_us is not None
        assert own.started_us - TOLERANCE_US <= piece.started_us
        assert piece.ended_us <= own.ended_us + TOLERANCE_US
        assert piece.number in found.spans
    for open_span in spans:
        if open_span.started_us is not None and open_span.ended_us is not None:
            first, last = open_span.started_us + TOLERANCE_US, open_span.ended_us - TOLERANCE_US
            assert covered.issuperset(range(first, last))

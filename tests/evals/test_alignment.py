"""Aligning two runs: at the least cost, the same from both sides, in good time."""

import random
from collections.abc import Iterator, Sequence
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evals.made import llm, tool

from secondtake.evals.diffs import alignment
from secondtake.evals.diffs.alignment import EDIT, GAP, GAP_TWIN, align, pair_cost, total_cost
from secondtake.evals.diffs.features import Features, features_of
from secondtake.evals.diffs.model import Step

NODES = st.sampled_from(["plan", "write", None])
HASHES = st.sampled_from(["h1", "h2", None])
TOOL_STEPS = st.builds(
    lambda node, name, arguments, answer: tool(1, arguments, node=node, name=name, answer=answer),
    NODES,
    st.sampled_from(["search", "fetch"]),
    st.sampled_from([{"q": "a"}, {"q": "b"}, {"q": 1}, {}]),
    st.integers(0, 1),
)
LLM_STEPS = st.builds(
    lambda node, name, messages, answer, asked: llm(
        1, node=node, name=name, messages_hash=messages, answer=answer, asked_for=asked
    ),
    NODES,
    st.sampled_from(["sim/strong", "sim/weak"]),
    HASHES,
    st.sampled_from(["x", "y", None]),
    st.sampled_from([[], [{"name": "search", "arguments": {}}]]),
)
STEPS = TOOL_STEPS | LLM_STEPS
RUNS = st.lists(STEPS, max_size=5)


def every_alignment(size_a: int, size_b: int) -> Iterator[list[tuple[int, int]]]:
    """Yield every way to pair indices so that both ascend."""
    for count in range(min(size_a, size_b) + 1):
        for some_a in combinations(range(size_a), count):
            for some_b in combinations(range(size_b), count):
                yield list(zip(some_a, some_b, strict=True))


def features(steps: Sequence[Step]) -> list[Features]:
    return [features_of(step) for step in steps]


@given(RUNS, RUNS)
@settings(max_examples=400)
def test_an_alignment_costs_as_little_as_the_best_of_all(a: list[Step], b: list[Step]) -> None:
    steps_a, steps_b = features(a), features(b)
    costs = (total_cost(steps_a, steps_b, each) for each in every_alignment(len(a), len(b)))

    best = min(cost for cost in costs if cost is not None)

    assert total_cost(steps_a, steps_b, align(steps_a, steps_b)) == best


@given(st.lists(STEPS, max_size=30))
def test_a_run_is_aligned_with_itself_step_by_step(steps: list[Step]) -> None:
    assert align(features(steps), features(steps)) == [(i, i) for i in range(len(steps))]


@given(st.lists(STEPS, max_size=12), st.lists(STEPS, max_size=12))
def test_swapping_the_sides_swaps_the_pairs(a: list[Step], b: list[Step]) -> None:
    forth, back = align(features(a), features(b)), align(features(b), features(a))

    assert forth == [(i, j) for j, i in back]


@given(st.lists(STEPS, max_size=12), st.lists(STEPS, max_size=12))
def test_no_llm_call_is_paired_with_a_tool_call(a: list[Step], b: list[Step]) -> None:
    assert all(a[i].kind == b[j].kind for i, j in align(features(a), features(b)))


@given(STEPS, STEPS)
def test_a_pair_costs_nothing_only_when_both_are_the_same(a: Step, b: Step) -> None:
    one, other = features_of(a), features_of(b)
    cost = pair_cost(one, other)

    assert cost == pair_cost(other, one)
    assert (cost == 0) == (one.identity == other.identity)
    assert cost is None or cost == 0 or cost >= EDIT


def test_the_costs_allow_to_cut_off_a_common_beginning_and_never_tear_twins_apart() -> None:
    assert GAP - GAP_TWIN <= EDIT
    assert 2 * GAP_TWIN < EDIT


@given(st.lists(STEPS, max_size=9), st.randoms(use_true_random=False))
def test_the_same_steps_in_another_order_are_never_edited(
    steps: list[Step], chance: random.Random
) -> None:
    shuffled = chance.sample(steps, len(steps))

    pairs = align(features(steps), features(shuffled))

    for i, j in pairs:
        assert features_of(steps[i]).identity == features_of(shuffled[j]).identity


def test_the_same_tool_with_other_arguments_is_preferred_to_another_tool() -> None:
    a = features([tool(1, {"query": "heat"}), tool(2, {"url": "x"}, name="fetch")])
    b = features([tool(1, {"url": "y"}, name="fetch"), tool(2, {"query": "cold"})])

    assert align(a, b) in ([(0, 1)], [(1, 0)])
    assert pair_cost(a[0], b[0]) is None
    assert pair_cost(a[0], b[1]) is not None


def test_an_argument_of_the_same_shape_is_preferred() -> None:
    a = features([tool(1, {"query": "heat"}, answer=0)])
    b = features([tool(1, {"page": 3}, answer=0), tool(2, {"query": "pumps"}, answer=0)])

    assert align(a, b) == [(0, 1)]


def test_a_model_that_asks_for_the_same_tool_is_preferred() -> None:
    asks = [{"name": "search", "arguments": {"query": "heat"}}]
    a = features([llm(1, asked_for=asks, messages_hash="1")])
    b = features([llm(1, messages_hash="2"), llm(2, asked_for=asks, messages_hash="3")])

    assert align(a, b) == [(0, 1)]


def test_long_runs_are_aligned_at_their_unique_steps() -> None:
    count = alignment.CELLS_MAX // 500  # 2000 x 2000 is beyond the exact limit
    a = [tool(i, {"query": f"q{i}"}) for i in range(count)]
    b = [step for i, step in enumerate(a) if i % 10] + [tool(0, {"query": "more"})]
    b[5:5] = [tool(0, {"query": "new"})]

    matches = align(features(a), features(b))

    same = [(i, j) for i, j in matches if a[i].arguments == b[j].arguments]
    assert len(same) == count - count // 10


def test_long_runs_without_unique_steps_are_aligned_along_a_band() -> None:
    a = [tool(1, {"query": f"q{i % 7}"}) for i in range(1500)]
    b = [tool(1, {"query": f"q{i % 7}"}) for i in range(3, 1400)]

    matches = align(features(a), features(b))

    assert matches == sorted(matches)
    same = [(i, j) for i, j in matches if a[i].arguments == b[j].arguments]
    assert len(same) >= 1390


def test_a_short_and_a_very_long_run_are_aligned() -> None:
    a = [tool(1, {"query": "a", "n": i % 3}) for i in range(60)]
    b = [tool(1, {"query": "b", "n": i % 5}) for i in range(20_000)]

    matches = align(features(a), features(b))

    assert len(matches) == 60

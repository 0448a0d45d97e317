"""The run that is to be executed again, and how it can be. Fetched from the backend."""

from typing import Final, Literal

from secondtake.backend.client import Client
from secondtake.backend.models.runs import RunFacts, StateQuery
from secondtake.studio.replay_page import targets
from secondtake.studio.replay_page.page_state import ReplayState, StateValues
from secondtake.studio.replay_page.steps import forkable_spans, number_calls
from secondtake.studio.replay_page.targets import Group, Target
from secondtake.studio.run_page.data import RunView, load_view

VALUE_CHARS: Final = 20_000
"""Of a value of the state; a longer one is not edited on a page."""
CONFIG: Final = "config"
NO_PROGRAM: Final = ("import:", "wrap", "otlp")
"""How the sources begin of runs that came without a program; see `secondtake.runner.replay`."""

Way = Literal["workflow", "loop", "program", "stepwise", "no"]


def load_source(client: Client, name: str, *, may_be_kept: bool) -> RunView:
    """Return the run with its whole configuration; see `load_view`."""
    view = load_view(client, name, may_be_kept=may_be_kept)
    if CONFIG not in (view.detail.summary.clipped or {}):
        return view
    whole = client.get_run(view.run_id, parts=())
    summary = view.detail.summary.model_copy(update={CONFIG: whole.summary.config})
    return RunView(view.detail.model_copy(update={"summary": summary}), view.tree)


def way_of(run: RunFacts, *, stepwise: bool) -> Way:
    """Return how a run can be executed again, as far as its summary tells.

    `program`: only where the program is. `stepwise`: not as a whole, each decision by itself.
    """
    if run.replayable == "no":
        return "no"
    if stepwise:
        return "stepwise"
    if (run.source or "").startswith(NO_PROGRAM):
        return "loop"
    if run.replayable == "stepwise":
        return "no"
    return "workflow" if targets.is_workflow(run) else "program"


def groups_of(client: Client, view: RunView, state: ReplayState) -> list[Group]:
    """Return what can be different at the step that is looked at.

    Raises:
        NoServerError: no server answers.
    """
    groups = _of_focus(view, state.focus)
    fork = state.wanted.from_node
    span = next((span for span in view.tree.spans if span.span_id == state.focus), None)
    if fork is not None and span is not None and forkable_spans(view).get(span.span_id) == fork:
        groups = targets.state(*state_before(client, view, state)) + groups
    return groups


def all_targets(client: Client, view: RunView, state: ReplayState) -> dict[str, Target]:
    """Return what is known of every path that is to be different, or is edited."""
    wanted = {path for path, _ in state.wanted.changes} | {state.target or ""}
    sections = {path.partition(".")[0] for path in wanted}
    groups = targets.whole_run(view)
    if "nodes" in sections:
        paths = {targets.nodes_of(row.node_path) for row in view.detail.node_timings}
        groups += [group for names in sorted(paths) if names for group in targets.node(view, names)]
    groups += [group for path in sorted(wanted) for group in _of_call(view, path)]
    if "state" in sections and state.wanted.from_node is not None:
        groups += targets.state(*state_before(client, view, state))
    return {each.path: each for group in groups for each in group.targets if each.path in wanted}


def _of_call(view: RunView, path: str) -> list[Group]:
    """Return what concerns the call that a path names; nothing when there is no such call."""
    section, _, rest = path.partition(".")
    number = rest.partition(".")[0]
    place = int(number) - 1 if number.isascii() and number.isdigit() else -1
    if section == "llm_calls" and 0 <= place < len(view.detail.llm_calls):
        return targets.llm_call(view, place + 1, view.detail.llm_calls[place])
    if section == "tool_calls" and 0 <= place < len(view.detail.tool_calls):
        return targets.tool_call(view, place + 1, view.detail.tool_calls[place])
    return []


def _of_focus(view: RunView, focus: str | None) -> list[Group]:
    if focus is None:
        return targets.whole_run(view)
    kind, number = number_calls(view).get(focus, ("", 0))
    if kind == "llm_call":
        return targets.llm_call(view, number, view.detail.llm_calls[number - 1])
    if kind == "tool_call":
        return targets.tool_call(view, number, view.detail.tool_calls[number - 1])
    span = next((span for span in view.tree.spans if span.span_id == focus), None)
    names = targets.nodes_of(span.node_path) if span is not None else ()
    return targets.node(view, names) if names else targets.whole_run(view)


def state_before(client: Client, view: RunView, state: ReplayState) -> StateValues:
    """Return the state at the fork, and which values of it are cut; empty when there is none."""
    node = state.wanted.from_node
    key = (view.run_id, node or "")
    if state.before is None or state.before[0] != key:
        values: StateValues = ({}, {}) if node is None else _fold_before(client, view, node)
        state.before = (key, values)
    return state.before[1]


def _fold_before(client: Client, view: RunView, node: str) -> StateValues:
    rows = view.detail.node_timings
    begun = [
        row.started_at
        for row in rows
        if targets.nodes_of(row.node_path) == (node,) and row.started_at is not None
    ]
    ended = {row.span_id: row.ended_at for row in rows}
    first = client.fold_state(StateQuery(run=view.run_id, step=0, max_chars=VALUE_CHARS))
    before = [
        step.step
        for step in first.steps
        if begun and (end := ended.get(step.span_id or "")) is not None and end <= min(begun)
    ]
    if not before:
        return first.values, first.clipped
    query = StateQuery(run=view.run_id, step=max(before), max_chars=VALUE_CHARS)
    found = client.fold_state(query)
    return found.values, found.clipped

"""The right pane: the form, what is different, who answers, the plan and the one button."""

from dataclasses import replace
from functools import partial
from typing import Any, Final

import streamlit as st

from secondtake.backend.client import Client
from secondtake.backend.errors import SecondTakeError
from secondtake.backend.formats import one_line
from secondtake.studio.components.pane import Act, show_pane
from secondtake.studio.html import Html, el, join
from secondtake.studio.html import show as put
from secondtake.studio.replay_page import follow, form, head, plan_strip
from secondtake.studio.replay_page.page_state import Following, Planned, ReplayState
from secondtake.studio.replay_page.planning import plan
from secondtake.studio.replay_page.source import Way, all_targets, groups_of
from secondtake.studio.replay_page.steps import forkable_spans
from secondtake.studio.replay_page.targets import Target
from secondtake.studio.replay_page.wanted import REPEATS_MAX, WHO, Who
from secondtake.studio.run_page.data import RunView
from secondtake.studio.run_page.json_text import name_line

EDITOR: Final = "replay_editor"
MODELS_SHOWN: Final = 5
MODEL_CHARS: Final = 32
"""Of a model that is offered; any other can be typed."""
SIMULATED: Final = ("sim/strong", "sim/weak")
WHO_WORDS: Final = {
    "auto": "Auto: the recording, else live",
    "recorded": "Only the recording",
    "live": "Always live",
}
TOOL_WORDS: Final = {
    "auto": "Auto: the recording, else tools that only read",
    "recorded": "Only the recording",
    "live": "Always live, with side effects",
}


def show_right(client: Client, view: RunView, state: ReplayState, way: Way) -> None:
    """Draw the form of a replay."""
    run = view.detail.summary
    acted = partial(act_on, client, view, state)
    known = all_targets(client, view, state)
    chosen = known.get(state.target or "")
    notes = [head.obstacle(run, way, state.wanted.command(run.short_id))]
    notes += [head.stepwise_note()] if state.wanted.stepwise else []
    if way == "no":
        show_pane(join(notes), key="replay_chooser", on_act=acted)
        return
    with st.container(key="replay_form"):
        show_pane(
            join(notes, form.chooser(groups_of(client, view, state), state.wanted,
                                     chosen=state.target, about=_about(view, state),
                                     fork=_fork_of(view, state))),
            key="replay_chooser", on_act=acted,
        )  # fmt: skip
        if chosen is not None and chosen.form != "switch":
            _editor(client, view, state, chosen, acted)
        show_pane(form.changes(state.wanted, known), key="replay_changes", on_act=acted)
    with st.container(key="replay_foot"):
        _who_answers(state)
        planned = plan(client, state) if way != "program" else None
        if state.following is not None:
            follow.follow(client, state.following)
        elif planned is not None:
            put(_said(planned, state, simulated=bool(run.simulated)))
        _run_row(client, view, state, planned)


def act_on(client: Client, view: RunView, state: ReplayState, act: Act) -> None:
    """Do what a click in the form means."""
    wanted = state.wanted
    if act.name == form.TARGET_ACT:
        state.target = act.value
        _switch(client, view, state, act.value)
    elif act.name == form.REMOVE_ACT:
        state.want(wanted.without(act.value))
    elif act.name == form.USE_ACT and state.target is not None:
        set_value(state, all_targets(client, view, state).get(state.target), act.value)
    elif act.name == form.FORK_ACT:
        node = None if wanted.from_node == act.value else act.value
        kept = wanted.changes
        if node is None:
            kept = tuple(each for each in kept if not each[0].startswith("state."))
        state.want(replace(wanted, from_node=node, changes=kept))
    elif act.name == head.STEPWISE_ACT:
        state.want(replace(wanted, stepwise=bool(act.value)))


def set_value(state: ReplayState, target: Target | None, value: str) -> None:
    """Have something different; as it was, when it is set to that."""
    if target is None:
        return
    if value == (target.was or ""):
        state.want(state.wanted.without(target.path))
    else:
        state.want(state.wanted.with_change(target.path, value))


def _switch(client: Client, view: RunView, state: ReplayState, path: str) -> None:
    """Turn a switch over, where the path is one."""
    target = all_targets(client, view, state).get(path)
    if target is None or target.form != "switch":
        return
    is_on = state.wanted.value(path) is not None
    wanted = state.wanted
    state.want(wanted.without(path) if is_on else wanted.with_change(path, target.switched_to))


def _editor(client: Client, view: RunView, state: ReplayState, target: Target, acted: Any) -> None:
    offered = _models(client, view, target) if target.path.endswith("model") else []
    show_pane(form.editor_head(target, state.wanted, offered), key="replay_editor_head",
              on_act=acted)  # fmt: skip
    if target.whole_chars is not None:
        put(form.too_long(target, view.detail.summary.short_id))
        return
    key = f"{EDITOR}_{abs(hash((view.run_id, target.path))):x}"
    now = state.wanted.value(target.path)
    text = (target.was or "") if now is None else now
    if st.session_state.get(key) != text:
        st.session_state[key] = text

    def written() -> None:
        set_value(state, target, st.session_state.get(key) or "")

    with st.container(key="replay_editor_field"):
        if target.form == "line":
            st.text_input("Becomes", key=key, label_visibility="collapsed", on_change=written)
        else:
            st.text_area("Becomes", key=key, label_visibility="collapsed", on_change=written,
                         height=_height(text))  # fmt: skip


def _height(text: str) -> int:
    lines = sum(1 + len(line) // 80 for line in text.split("\n"))
    return min(max(30 + 19 * lines, 68), 200)


def _models(client: Client, view: RunView, target: Target) -> list[str]:
    """Return models that one may want instead: simulated ones, and those of the last runs."""
    try:
        seen = [facet.value for facet in client.run_facets().models]
    except SecondTakeError:
        seen = []
    known = dict.fromkeys([*SIMULATED, *seen])
    offered = [model for model in known if model != target.was and len(model) <= MODEL_CHARS]
    return [model for model in offered if one_line(model) == model][:MODELS_SHOWN]


def _about(view: RunView, state: ReplayState) -> str:
    span = next((each for each in view.tree.spans if each.span_id == state.focus), None)
    return "at the whole run" if span is None else f"at {name_line(span.name or 'this step')}"


def _fork_of(view: RunView, state: ReplayState) -> str | None:
    return forkable_spans(view).get(state.focus or "")


def _who_answers(state: ReplayState) -> None:
    wanted = state.wanted
    is_usual = (wanted.llm, wanted.tools) == ("auto", "auto")
    llm, tools = "replay_llm", "replay_tools"
    for key, who in ((llm, wanted.llm), (tools, wanted.tools)):
        if st.session_state.get(key) != who:
            st.session_state[key] = who

    def chosen() -> None:
        state.want(
            replace(state.wanted, llm=_who(st.session_state[llm]),
                      tools=_who(st.session_state[tools]))
        )  # fmt: skip

    with st.expander("Who answers", expanded=not is_usual, key="replay_who"):
        st.selectbox("Models", WHO, key=llm, format_func=WHO_WORDS.__getitem__, on_change=chosen)
        st.selectbox("Tools", WHO, key=tools, format_func=TOOL_WORDS.__getitem__, on_change=chosen)


def _who(value: Any) -> Who:
    return value if value in WHO else "auto"


def _said(planned: Planned, state: ReplayState, *, simulated: bool) -> Html:
    problem = state.problem or planned.refusal
    if problem is not None or planned.plan is None:
        return plan_strip.refusal(problem or "")
    return plan_strip.plan_strip(planned.plan, simulated=simulated)


def _run_row(client: Client, view: RunView, state: ReplayState, planned: Planned | None) -> None:
    key = "replay_repeat"
    if st.session_state.get(key) != state.wanted.repeat:
        st.session_state[key] = state.wanted.repeat

    def repeated() -> None:
        state.want(replace(state.wanted, repeat=int(st.session_state[key] or 1)))

    waits = state.following is not None and not state.following.have_ended
    is_refused = planned is None or planned.refusal is not None
    with st.container(
        horizontal=True, wrap=False, vertical_alignment="center", key="replay_run_row"
    ):
        st.number_input("Repeat", 1, REPEATS_MAX, key=key, on_change=repeated,
                        label_visibility="collapsed", width=110)  # fmt: skip
        put(_repeat_words(state.wanted.repeat), width="content")
        st.space("stretch")
        st.button("Run", type="primary", icon=":material/replay:", key="replay_run",
                  disabled=waits or is_refused or view.is_running,
                  on_click=_run, args=[client, view, state])  # fmt: skip


def _repeat_words(repeat: int) -> Html:
    said = "once, then the diff" if repeat == 1 else "times, then how stable the answer is"
    return el("span", said, cls="meta")


def _run(client: Client, view: RunView, state: ReplayState) -> None:
    try:
        asked = client.request_replay(state.wanted.request())
    except SecondTakeError as error:
        state.problem = str(error)
        return
    state.problem = None
    state.following = Following(
        source_run_id=asked.source_run_id,
        run_ids=tuple(run.run_id for run in asked.replays),
    )

"""The form for a new comparison."""

from functools import partial
from typing import Final

import streamlit as st
from pydantic import ValidationError

from secondtake.backend.client import Client
from secondtake.backend.errors import NoServerError, SecondTakeError
from secondtake.backend.formats import UNKNOWN, counted, one_line
from secondtake.backend.models.comparisons import REPEATS_MAX
from secondtake.backend.models.workflows import WorkflowInfo, WorkflowInput
from secondtake.studio.compare_page.chips import chip
from secondtake.studio.compare_page.more import show_more
from secondtake.studio.compare_page.wanted import (
    KINDS,
    NewComparison,
    cases_in,
    kept_form,
    missing,
    request_of,
)
from secondtake.studio.components.pane import Act, show_pane
from secondtake.studio.html import el, icon
from secondtake.studio.html import show as put
from secondtake.studio.replay_page.targets import as_text
from secondtake.studio.run_page.json_text import name_line

WORKFLOW_ACT: Final = "workflow"
MODEL_ACT: Final = "model"
SIMULATED: Final = ("sim/strong", "sim/fast", "sim/weak")
OFFERED_MAX: Final = 8
MODEL_CHARS: Final = 32


def show_form(client: Client) -> None:
    """Draw the form."""
    made = kept_form()
    workflows = [flow for flow in client.list_workflows().items if not flow.problems]
    with st.container(key="compare_form"):
        put(el("div", el("span", "New comparison", cls="strong"), cls="replay-head"))
        with st.container(key="compare_fields"):
            _kind(made)
            if made.kind == "Prompt":
                _field(made, "prompt", label="Prompt", height=110)
            else:
                _workflow(made, workflows)
            _models(client, made)
            show_more(made)
            _foot(client, made)


def _kind(made: NewComparison) -> None:
    key = "compare_kind"
    if st.session_state.get(key) != made.kind:
        st.session_state[key] = made.kind

    def chosen() -> None:
        if st.session_state.get(key) in KINDS:
            made.kind = st.session_state[key]

    st.segmented_control("What is executed", KINDS, key=key, on_change=chosen,
                         label_visibility="collapsed")  # fmt: skip


def _field(made: NewComparison, name: str, *, label: str, height: int) -> None:
    key = f"compare_{name}"
    if st.session_state.get(key) != getattr(made, name):
        st.session_state[key] = getattr(made, name)

    def written() -> None:
        setattr(made, name, st.session_state.get(key) or "")

    st.text_area(label, key=key, height=height, on_change=written)


def _workflow(made: NewComparison, workflows: list[WorkflowInfo]) -> None:
    chips = [chip(flow.name, WORKFLOW_ACT, is_on=flow.name == made.workflow) for flow in workflows]
    nothing = el("span", "The workflows root has none; see `secondtake doctor`.", cls="meta")
    show_pane(
        el("div", el("span", "Workflow", cls="field-label"), chips or nothing, cls="chips-line"),
        key="compare_workflows",
        on_act=partial(_chosen, made, workflows),
    )
    flow = next((flow for flow in workflows if flow.name == made.workflow), None)
    for place, each in enumerate(flow.inputs if flow is not None else ()):
        _input(made, each, place)


def _input(made: NewComparison, given: WorkflowInput, place: int) -> None:
    told = [name_line(given.name), name_line(given.description or "", limit=120)]
    needed = "" if given.required else " (may be left out)"
    put(el("div", " · ".join(part for part in told if part) + needed, cls="field-label"))
    key = f"compare_input_{place}_{abs(hash((made.workflow, given.name))):x}"
    text = made.inputs.get(given.name, "")
    if st.session_state.get(key) != text:
        st.session_state[key] = text

    def written() -> None:
        made.inputs[given.name] = st.session_state.get(key) or ""

    st.text_area("Value", key=key, height=68, on_change=written, label_visibility="collapsed")


def _chosen(made: NewComparison, workflows: list[WorkflowInfo], act: Act) -> None:
    flow = next((flow for flow in workflows if flow.name == act.value), None)
    if flow is None:
        return
    made.workflow, made.problem = flow.name, None
    made.inputs = {
        each.name: "" if each.default is None else as_text(each.default) for each in flow.inputs
    }


def _models(client: Client, made: NewComparison) -> None:
    key = "compare_models"
    text = ", ".join(made.models)
    if st.session_state.get(key) is None or _read_models(st.session_state[key]) != made.models:
        st.session_state[key] = text

    def written() -> None:
        made.models = _read_models(st.session_state.get(key) or "")
        made.problem = None

    st.text_input("Models, the first is the baseline", key=key, on_change=written,
                  placeholder="openai/gpt-4o, sim/weak")  # fmt: skip

    def taken(act: Act) -> None:
        left = [model for model in made.models if model != act.value]
        made.models = left if act.value in made.models else [*made.models, act.value]
        made.problem = None

    offered = [*dict.fromkeys([*SIMULATED, *_seen(client)])][:OFFERED_MAX]
    chips = [chip(model, MODEL_ACT, is_on=model in made.models) for model in offered]
    show_pane(el("div", chips, cls="chips-line"), key="compare_offered", on_act=taken)


def _read_models(text: str) -> list[str]:
    return [*dict.fromkeys(part.strip() for part in text.split(",") if part.strip())]


def _seen(client: Client) -> list[str]:
    models = [facet.value for facet in client.run_facets().models]
    return [m for m in models if len(m) <= MODEL_CHARS and one_line(m) == m and "," not in m]


def _foot(client: Client, made: NewComparison) -> None:
    key = "compare_repeat"
    if st.session_state.get(key) != made.repeat:
        st.session_state[key] = made.repeat

    def repeated() -> None:
        made.repeat = int(st.session_state.get(key) or 1)

    lacks = missing(made)
    if made.problem is not None:
        put(el("div", icon("error", cls="error"), el("span", made.problem),
               cls="replay-note is-refusal", role="alert"))  # fmt: skip
    with st.container(horizontal=True, wrap=False, vertical_alignment="center",
                      key="compare_run_row"):  # fmt: skip
        st.number_input("Repeats", 1, REPEATS_MAX, key=key, on_change=repeated, width=110,
                        label_visibility="collapsed")  # fmt: skip
        put(el("div", lacks or f"times each: {_runs(made)}", cls="meta cut"))
        st.button("Compare", type="primary", icon=":material/balance:", key="compare_run",
                  disabled=lacks is not None, on_click=_ask, args=[client, made])  # fmt: skip


def _runs(made: NewComparison) -> str:
    try:
        cases = len(cases_in(made)) or 1
    except SecondTakeError:
        return UNKNOWN  # why stands where the cases are
    return counted(len(made.models) * made.repeat * cases, "run")


def _ask(client: Client, made: NewComparison) -> None:
    try:
        asked = client.request_comparison(request_of(made))
    except ValidationError as error:
        made.problem = str(error.errors()[0]["msg"])
        return
    except NoServerError:
        made.problem = "The server does not answer; start it with `secondtake up`."
        return
    except SecondTakeError as error:
        made.problem = str(error)
        return
    made.problem = None
    st.query_params.from_dict({"id": asked.experiment_id})

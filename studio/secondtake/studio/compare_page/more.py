"""The folded part of the form: several inputs, tools, changes of the workflow."""

from typing import Final

import streamlit as st

from secondtake.backend.errors import SecondTakeError
from secondtake.backend.formats import counted
from secondtake.backend.models.comparisons import OFFERED_TOOLS
from secondtake.studio.compare_page.chips import chip
from secondtake.studio.compare_page.wanted import CaseFile, NewComparison, cases_in
from secondtake.studio.components.pane import Act, show_pane
from secondtake.studio.html import Html, el, icon, join
from secondtake.studio.run_page.json_text import name_line

TOOL_ACT: Final = "tool"
NO_FILE_ACT: Final = "no-file"
FILE_TYPES: Final = ("jsonl", "ndjson", "json", "txt")
WORDS: Final = {"Prompt": "Tools, changes", "Workflow": "Several inputs, changes"}
"""What the fold is called, by what is executed."""
CASES_HINT: Final = '{"topic": "heat pumps"}\n{"topic": "rain gardens", "words": 80}'
CHANGES_HINT: Final = {
    "Prompt": "parameters.temperature=0",
    "Workflow": "nodes.write.model=sim/strong\nnodes.write.prompt=Write one sentence.",
}
_UPLOAD: Final = "compare_file"


def show_more(made: NewComparison) -> None:
    """Draw the fold."""
    # Another fold for each kind: one that is opened stays as the reader left it.
    key = f"compare_more_{made.kind.lower()}"
    with st.expander(WORDS[made.kind], expanded=made.says_more, key=key):
        if made.kind == "Prompt":
            _tools(made)
        else:
            _cases(made)
        _changes(made)


def _tools(made: NewComparison) -> None:
    def taken(act: Act) -> None:
        if act.name == TOOL_ACT and act.value in OFFERED_TOOLS:
            on = {*made.tools} ^ {act.value}
            made.tools = [tool for tool in OFFERED_TOOLS if tool in on]
            made.problem = None

    chips = [chip(tool, TOOL_ACT, is_on=tool in made.tools) for tool in OFFERED_TOOLS]
    label = el("div", "Tools that the models may use", cls="field-label")
    show_pane(
        el("div", label, el("div", chips, cls="chips-line")), key="compare_tools", on_act=taken
    )


def _cases(made: NewComparison) -> None:
    if made.file is None:
        _field(made, "cases", label="Inputs, one JSON object a line; they win over those above",
               hint=CASES_HINT)  # fmt: skip

        def chosen() -> None:
            file = st.session_state.get(_UPLOAD)
            if file is not None:
                made.file = CaseFile(name=name_line(file.name), content=file.getvalue())
                made.problem = None

        st.file_uploader("Or a file", type=FILE_TYPES, key=_UPLOAD, on_change=chosen,
                         label_visibility="collapsed")  # fmt: skip

    def dropped(act: Act) -> None:
        if act.name == NO_FILE_ACT:
            made.file = None

    show_pane(_count(made), key="compare_cases_count", on_act=dropped)


def _count(made: NewComparison) -> Html:
    """Return how many cases there are, or what is wrong with one."""
    try:
        found = cases_in(made)
    except SecondTakeError as error:
        said = join(icon("error", cls="error"), el("span", str(error)))
        cls = "replay-note is-refusal"
    else:
        said = el("span", counted(len(found), "case") if found else "One case: the inputs above.")
        cls = "meta cases-count"
    if made.file is None:
        return el("div", said, cls=cls, role="status")
    drop = el("span", icon("close"), "Use no file", cls="act", role="button", tabindex=0,
              data_act=NO_FILE_ACT)  # fmt: skip
    name = el("b", made.file.name, cls="cut", title=made.file.name)
    return el(
        "div",
        el("div", icon("description"), name, drop, cls="cases-file"),
        el("div", said, cls=cls, role="status"),
    )


def _changes(made: NewComparison) -> None:
    _field(made, "changes", label="Changes for all models, PATH=VALUE, one a line",
           hint=CHANGES_HINT[made.kind])  # fmt: skip


def _field(made: NewComparison, name: str, *, label: str, hint: str) -> None:
    key = f"compare_{name}"
    if st.session_state.get(key) != getattr(made, name):
        st.session_state[key] = getattr(made, name)

    def written() -> None:
        setattr(made, name, st.session_state.get(key) or "")
        made.problem = None

    st.text_area(label, key=key, height=68, on_change=written, placeholder=hint)

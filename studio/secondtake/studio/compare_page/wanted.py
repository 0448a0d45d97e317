"""What one reader has put into the form for a new comparison, and what the backend is asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import streamlit as st

from secondtake.backend.case_texts import cases_of
from secondtake.backend.errors import SecondTakeError
from secondtake.backend.models.comparisons import CompareRequest

Kind = Literal["Prompt", "Workflow"]
KINDS: Final = ("Prompt", "Workflow")
PASTED: Final = "cases"
"""What refusals call a text that was pasted."""
_FORM: Final = "compare_page.form"


class FormError(SecondTakeError):
    """What stands in the form is wrong; the message says what, and the cure."""


@dataclass(frozen=True, kw_only=True)
class CaseFile:
    """A file that the reader chose in the browser."""

    name: str
    content: bytes


@dataclass(kw_only=True)
class NewComparison:
    """What one reader has put into the form."""

    kind: Kind = "Prompt"
    prompt: str = ""
    workflow: str = ""
    inputs: dict[str, str] = field(default_factory=dict[str, str])
    """Of the workflow, as text; those of a case win."""
    models: list[str] = field(default_factory=list[str])
    """The first is the baseline."""
    repeat: int = 1
    cases: str = ""
    """Pasted: inputs of the workflow, one JSON object a line."""
    file: CaseFile | None = None
    """Stands in for what was pasted."""
    tools: list[str] = field(default_factory=list[str])
    """That a prompt's model may use."""
    changes: str = ""
    """`PATH=VALUE`, one a line."""
    problem: str | None = None

    @property
    def says_more(self) -> bool:
        """True when what is folded at first has something in it."""
        special = self.tools if self.kind == "Prompt" else self.cases.strip() or self.file
        return bool(special or self.changes.strip())


def kept_form() -> NewComparison:
    """Return the form of this session."""
    kept = st.session_state.get(_FORM)
    if not isinstance(kept, NewComparison):
        kept = st.session_state[_FORM] = NewComparison()
    return kept


def request_of(made: NewComparison) -> CompareRequest:
    """Return the form as the backend takes it.

    Raises:
        SecondTakeError: a case or a change is wrong.
        ValidationError: something is missing.
    """
    what: dict[str, Any] = {"prompt": made.prompt.strip() or None, "tools": tuple(made.tools)}
    if made.kind == "Workflow":
        given = {name: text for name, text in made.inputs.items() if text.strip()}
        cases = tuple(cases_in(made))
        what = {"workflow": made.workflow or None, "inputs": given, "cases": cases}
    changes = tuple(_changes(made.changes))
    return CompareRequest(models=tuple(made.models), repeat=made.repeat, overrides=changes, **what)


def cases_in(made: NewComparison) -> list[dict[str, Any]]:
    """Return the inputs of all cases; nothing where the form has only one.

    Raises:
        SecondTakeError: a line is wrong, or there is none in a file.
    """
    if made.kind != "Workflow":
        return []
    if made.file is None:
        return cases_of(made.cases, name=PASTED)
    try:
        text = made.file.content.decode()
    except UnicodeDecodeError:
        raise FormError(f"{made.file.name}: is not UTF-8 text.") from None
    found = cases_of(text, name=made.file.name)
    if not found:
        raise FormError(f"{made.file.name} holds no inputs; write one JSON object a line.")
    return found


def missing(made: NewComparison) -> str | None:
    """Return what the form lacks, in words."""
    if made.kind == "Prompt" and not made.prompt.strip():
        return "Write a prompt."
    if made.kind == "Workflow" and not made.workflow:
        return "Choose a workflow."
    if not made.models:
        return "Name a model."
    return None


def _changes(text: str) -> Iterator[str]:
    """Yield the changes of a workflow, as of `--set`.

    Raises:
        FormError: one names a file, which nobody would read.
    """
    for line in filter(None, map(str.strip, text.splitlines())):
        path, sign, value = line.partition("=")
        if value.startswith("@") and not value.startswith("@@"):
            raise FormError(
                f"{path}={value}: a page reads no files; write the text itself "
                "(`@@` begins one that begins with `@`)."
            )
        yield f"{path}{sign}{value.removeprefix('@')}"

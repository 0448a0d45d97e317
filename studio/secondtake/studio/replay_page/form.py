"""What can be different, and what is: both as markup. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

from secondtake.backend.formats import counted, visible
from secondtake.backend.word_diffs import diff_words
from secondtake.studio.html import Html, el, icon, join
from secondtake.studio.replay_page.targets import Group, Target
from secondtake.studio.replay_page.wanted import Wanted
from secondtake.studio.run_page.json_text import in_one_line, name_line

TARGET_ACT: Final = "target"
REMOVE_ACT: Final = "remove"
FORK_ACT: Final = "fork"
USE_ACT: Final = "use"
SHOWN_CHARS: Final = 20_000
"""Of either side of a change; more is not compared on the page."""
CONTEXT_CHARS: Final = 160
"""Of what stayed the same, on each side of what did not."""
UNSET: Final = "not set"


def chooser(
    groups: Sequence[Group],
    wanted: Wanted,
    *,
    chosen: str | None,
    about: str,
    fork: str | None = None,
) -> Html:
    """Return what can be different at the step that is looked at.

    Args:
        groups: what can be.
        wanted: what is asked for so far.
        chosen: the path that is edited.
        about: the step, in words.
        fork: the node of this step, where a replay can fork.
    """
    lines = [
        el(
            "div",
            el("div", name_line(group.title), cls="target-group cut", title=group.title[:300]),
            el("div", [_chip(target, wanted, chosen) for target in group.targets], cls="targets"),
            cls="target-line",
        )
        for group in groups
    ]
    nothing = el("div", "Nothing of this step can be different; choose another one on the left.",
                 cls="meta")  # fmt: skip
    head = el("div", el("span", "Change", cls="strong"), el("span", about, cls="meta cut"),
              el("span", cls="grow"), _fork(fork, wanted) if fork else None, cls="replay-head")  # fmt: skip
    return el("div", head, el("div", lines or nothing, cls="target-lines"), cls="replay-chooser")


def _fork(name: str, wanted: Wanted) -> Html:
    is_on = wanted.from_node == name
    told = "Changes count from where this node first runs; all before it is as recorded"
    return el(
        "span", icon("fork_right"), "forks here" if is_on else "fork here",
        cls="target" + (" is-changed" if is_on else ""), title=told, data_act=FORK_ACT,
        data_value=name, role="button", tabindex=0, aria_pressed="true" if is_on else "false",
    )  # fmt: skip


def _chip(target: Target, wanted: Wanted, chosen: str | None) -> Html:
    value = wanted.value(target.path)
    classes = ["target"]
    classes += ["is-chosen"] if target.path == chosen else []
    classes += ["is-changed"] if value is not None else []
    symbol = None
    if value is not None:
        symbol = icon("edit")
    elif target.form == "switch":
        symbol = icon("toggle_off")
    was = in_one_line(target.was or UNSET, limit=200)
    return el(
        "span", symbol, name_line(target.label),
        cls=" ".join(classes), title=f"{name_line(target.path)}\n{target.note or was}",
        data_key=f"target-{target.path}", data_act=TARGET_ACT, data_value=target.path,
        role="button", tabindex=0, aria_pressed="true" if target.path == chosen else "false",
    )  # fmt: skip


def editor_head(target: Target, wanted: Wanted, models: Iterable[str]) -> Html:
    """Return what stands above the field: the path, what it was, and values to take."""
    told = f" · {target.note}" if target.note else ""
    was = "as it was" if wanted.value(target.path) is None else "changed"
    if target.was is None and wanted.value(target.path) is None:
        was = UNSET
    suggestions = [
        el("span", name_line(model), cls="target", data_act=USE_ACT, data_value=model,
           role="button", tabindex=0, data_key=f"use-{model}")
        for model in models
    ]  # fmt: skip
    return el(
        "div",
        el("code", name_line(target.path), cls="path cut", title=target.path[:500]),
        el("span", f"{was}{told}", cls="meta cut"),
        el("span", cls="grow"),
        el("span", suggestions, cls="suggested") if suggestions else None,
        cls="editor-head",
    )


def too_long(target: Target, run: str) -> Html:
    """Return what to do with a text that a page cannot bear."""
    command = f"secondtake replay {run} --set {target.path}=@FILE"
    return el(
        "div",
        icon("info"),
        el("span", f"This text has {target.whole_chars:,} characters, too many to be edited here. "
           "Give it as a file: "),
        el("code", name_line(command), cls="copy", data_copy=command, title="Copy", role="button",
           tabindex=0),
        cls="replay-note",
    )  # fmt: skip


def changes(wanted: Wanted, known: dict[str, Target]) -> Html:
    """Return what is different, each as it was and as it becomes."""
    head = el(
        "div",
        el("span", "Different from the source", cls="strong"),
        el("span", counted(len(wanted.changes), "change") if wanted.changes else "nothing",
           cls="meta"),
        cls="replay-head",
    )  # fmt: skip
    if not wanted.changes:
        nothing = el("p", f"Nothing yet: {_unchanged(wanted)} Choose above what to change.",
                     cls="meta changes-none")  # fmt: skip
        return el("div", head, nothing, cls="replay-changes")
    rows = [_change(path, value, known.get(path)) for path, value in wanted.changes]
    told = "These changes are too long for an address: a link to this page leaves them out."
    note = None if wanted.is_whole_in_address else el("p", told, cls="meta changes-none")
    return el("div", head, rows, note, cls="replay-changes")


def _unchanged(wanted: Wanted) -> str:
    """Return what a replay does in which nothing is different."""
    if wanted.stepwise:
        return "each LLM call is asked again as it was."
    if "live" in (wanted.llm, wanted.tools):
        return "calls are executed all the same, as chosen below."
    if wanted.repeat > 1:
        return "what may answer otherwise is asked again in each repeat."
    return "every call is answered by the recording, and nothing is paid for."


def _change(path: str, value: str, target: Target | None) -> Html:
    return el(
        "div",
        el(
            "div",
            el("code", name_line(path), cls="path cut", title=path[:500], data_act=TARGET_ACT,
               data_value=path, role="button", tabindex=0),
            el("span", cls="grow"),
            el("span", icon("close"), "remove", cls="act", title="Leave this as it was",
               data_act=REMOVE_ACT, data_value=path, role="button", tabindex=0),
            cls="change-head",
        ),
        _was_becomes(target, value),
        cls="change",
        data_key=f"change-{path}",
    )  # fmt: skip


def _was_becomes(target: Target | None, value: str) -> Html:
    was = target.was if target is not None else None
    if was is None or (target is not None and target.whole_chars is not None):
        known = UNSET if was is None else f"{in_one_line(was, limit=80)} (cut)"
        return _sides(el("span", known, cls="faint"), _cut(value))
    if len(was) > SHOWN_CHARS or len(value) > SHOWN_CHARS:
        return _sides(_cut(was), _cut(value))
    pieces = diff_words(was, value).pieces
    removed = [_piece(each.text, each.operation, "del") for each in pieces
               if each.operation != "added"]  # fmt: skip
    added = [_piece(each.text, each.operation, "ins") for each in pieces
             if each.operation != "removed"]  # fmt: skip
    return _sides(join(removed), join(added) if value else el("span", "empty", cls="faint"))


def _sides(was: Html | None, becomes: Html | None) -> Html:
    return el(
        "div",
        el("div", el("span", "was", cls="side-label"), el("div", was, cls="said"), cls="side-a"),
        el("div", el("span", "becomes", cls="side-label"), el("div", becomes, cls="said"),
           cls="side-b"),
        cls="was-becomes",
    )  # fmt: skip


def _piece(text: str, operation: str, tag: str) -> Html:
    if operation != "same":
        return el(tag, visible(text))
    if len(text) <= 2 * CONTEXT_CHARS:
        return join(text)
    skipped = len(text) - 2 * CONTEXT_CHARS
    return join(
        text[:CONTEXT_CHARS],
        el("span", f" … {skipped:,} characters … ", cls="faint"),
        text[-CONTEXT_CHARS:],
    )


def _cut(text: str) -> Html:
    shown = text[: 4 * CONTEXT_CHARS]
    rest = len(text) - len(shown)
    return join(shown, el("span", f" … {rest:,} characters more", cls="faint") if rest else None)

"""Names that are chosen by a click."""

from secondtake.studio.html import Html, el, icon
from secondtake.studio.run_page.json_text import name_line


def chip(name: str, act: str, *, is_on: bool) -> Html:
    """Return a name that a click chooses, or chooses no longer.

    Args:
        name: any text.
        act: what the click is called; its value is the name.
        is_on: it is chosen.
    """
    return el(
        "span", icon("check") if is_on else None, name_line(name),
        cls="target" + (" is-chosen" if is_on else ""), data_act=act, data_value=name,
        role="button", tabindex=0, aria_pressed="true" if is_on else "false",
        data_key=f"{act}-{name}",
    )  # fmt: skip

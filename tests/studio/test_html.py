"""Markup: whatever is put into it stays text."""

import ast
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.repository import REPOSITORY, named, python_files

from secondtake.backend.formats import visible
from secondtake.studio.html import ATTRIBUTES, TAGS, Html, el, icon, join, show, text

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=http://outside.example/x.png onerror=alert(1)>",
    "![x](http://outside.example/x.png) [click](javascript:alert(1))",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</div></style></script>",
    "&lt;script&gt; &#60;b&#62;",
    "\x1b[31mred\x1b[0m \x00 \u202egnirts\u202c \u2066x\u2069 \ud800",
]


class Reader(HTMLParser):
    """Collects the tags, the attributes and the text of markup as a browser would find them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def read(markup: Html) -> Reader:
    reader = Reader()
    reader.feed(str(markup))
    reader.close()
    return reader


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_stays_text_wherever_it_stands(hostile: str) -> None:
    markup = el(
        "div", hostile, el("b", hostile), cls=hostile, title=hostile, data_run=hostile, lang=hostile
    )

    found = read(markup)

    assert found.tags == ["div", "b"]
    assert [name for name, _ in found.attributes] == ["class", "title", "data-run", "lang"]
    assert {value for _, value in found.attributes} == {visible(hostile)}
    assert found.text == visible(hostile) * 2


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=60))
def test_any_text_reads_back_as_its_visible_self(anything: str) -> None:
    found = read(el("p", anything, title=anything))

    assert found.tags == ["p"]
    # A parser of HTML takes a lone line feed and the like as they are.
    assert found.text == visible(anything)


def test_controls_and_turned_text_are_written_out() -> None:
    assert str(text("a\x1b[2Jb\u202ec")) == "a\\x1b[2Jb\\u202ec"


def test_only_html_goes_in_unescaped() -> None:
    assert str(el("p", el("b", "x"), "<i>", 3, None)) == "<p><b>x</b>&lt;i&gt;3</p>"
    assert str(el("ul", [el("li", "a"), None, "b"])) == "<ul><li>a</li>b</ul>"
    assert str(join("a", el("br"), separator=" · ")) == "a · <br>"


def test_nothing_that_loads_or_executes_can_be_made() -> None:
    for tag in ("script", "style", "iframe", "object", "embed", "link", "meta", "base", "form",
                "svg", "video", "audio", "input", "SCRIPT", "div onclick=x"):  # fmt: skip
        with pytest.raises(ValueError, match="no tag"):
            el(tag, "x")
    for name in ("onclick", "onerror", "srcdoc", "action", "formaction", "ping", "srcset", "name"):
        given: Any = {name: "x"}
        with pytest.raises(ValueError, match="no attribute"):
            el("a", "x", **given)


@pytest.mark.parametrize(
    "address",
    [
        "http://outside.example", "//outside.example/x", "javascript:alert(1)", "JaVaScRiPt:x",
        "data:text/html,x", " /run", "run", "/run?id=\n//x", "\\\\outside.example", "/\\outside",
    ],
)  # fmt: skip
def test_an_address_outside_the_studio_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        el("a", "x", href=address)


def test_addresses_of_the_studio_are_let_through() -> None:
    for address in ("/run?id=0199-ab", "?tab=cost", "#span-3", "/", "run?id=x"):
        assert f'href="{address}"' in str(el("a", "x", href=address))


@pytest.mark.parametrize(
    "source",
    [
        "http://outside.example/x.png", "/x.png", "data:image/svg+xml;base64,AAAA",
        "data:text/html;base64,AAAA", "data:image/png,x",
    ],
)  # fmt: skip
def test_a_picture_holds_its_own_bytes(source: str) -> None:
    with pytest.raises(ValueError, match="picture"):
        el("img", src=source)
    assert "src=" in str(el("img", src="data:image/png;base64,AAAA"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("background", "url(http://outside.example/x)"), ("width", "expression(alert(1))"),
        ("color", "red;background:url(x)"), ("width", "1px}"), ("wi:dth", "1px"),
        ("background", "image-set('x')"), ("width", "calc(url(x))"), ("content", '"x"'),
        ("width", "\\75rl(x)"),
    ],
)  # fmt: skip
def test_a_style_names_no_address(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="no style"):
        el("div", style={name: value})


def test_measures_and_colours_are_styles() -> None:
    style = {"width": "calc(50% - 4px)", "color": "var(--ink2)", "--share": "0.3", "left": "3px"}
    expected = 'style="width:calc(50% - 4px);color:var(--ink2);--share:0.3;left:3px"'
    assert expected in str(el("div", style=style))


def test_an_icon_is_hidden_unless_it_says_something() -> None:
    assert 'aria-hidden="true"' in str(icon("check_circle"))
    labelled = str(icon("error", label="failed <b>"))
    assert 'aria-label="failed &lt;b&gt;"' in labelled
    assert "aria-hidden" not in labelled
    with pytest.raises(ValueError, match="symbol"):
        icon("x onload=1")


def test_plain_text_is_not_shown_as_markup() -> None:
    anything: Any = "<b>x</b>"
    with pytest.raises(TypeError):
        show(anything)


def test_markup_goes_to_the_page_by_one_way() -> None:
    allowed = {
        "studio/secondtake/studio/html.py",
        "studio/secondtake/studio/theme/stylesheet.py",
    }
    found = {
        named(path)
        for path in python_files("studio")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Attribute) and call.attr in ("html", "markdown", "write", "iframe")
    }
    assert found == allowed


def test_markup_is_made_by_the_builder_alone() -> None:
    makers = [
        named(path)
        for path in python_files("studio")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Html"
    ]
    assert set(makers) == {"studio/secondtake/studio/html.py"}


def test_scripts_of_components_make_no_markup_of_strings() -> None:
    scripts = sorted((REPOSITORY / "studio").rglob("*.js"))
    words = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(")
    found = [
        (script.name, word) for script in scripts for word in words if word in read_file(script)
    ]
    assert scripts
    assert found == []


def read_file(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_the_lists_of_tags_and_attributes_are_harmless() -> None:
    assert TAGS.isdisjoint({"script", "style", "iframe", "object", "embed", "form", "svg"})
    assert not any(name.startswith("on") for name in ATTRIBUTES)

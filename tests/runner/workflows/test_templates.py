import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondtake.runner.workflows.templates import TemplateError, analyse, render, render_value


def test_a_template_is_filled_in_as_text() -> None:
    assert render("{% for n in notes %}- {{ n }}\n{% endfor %}", {"notes": ["a<b", "c"]}) == (
        "- a<b\n- c\n"
    )


def test_values_are_not_templates_themselves() -> None:
    assert render("{{ x }}", {"x": "{{ secret }}"}) == "{{ secret }}"


def test_json_is_written_without_html_escapes() -> None:
    assert render("{{ x | tojson }}", {"x": {"a": "é<&"}}) == '{"a": "é<&"}'


def test_needed_names_are_found_with_their_lines() -> None:
    found = analyse("a {{ x }}\n{% set y = z %}{{ y }}\n{{ x }} {{ range(3) }}")
    assert dict(found.variables) == {"x": 1, "z": 2}
    assert analyse("{{ x | default(1) }}{{ y is defined }}").guarded == {"x", "y"}


@pytest.mark.parametrize(
    ("text", "line"), [("a\n{{ x", 2), ("{% if %}", 1), ("\n\n{% for %}", 3), ("{{ x | nope }}", 1)]
)
def test_what_is_no_template_is_found_with_its_line(text: str, line: int) -> None:
    found = analyse(text)
    assert found.error
    assert found.error_line == line


@pytest.mark.parametrize(
    "text",
    [
        "{{ x.__class__ }}",
        "{{ x.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ x.append(1) }}",
        "{{ '{0.__class__}'.format(x) }}",
        "{{ 1 / 0 }}",
        "{{ y }}",
        "{{ range(1000000) }}",
        "{{ x + 1 }}",
        "{{ 'a' % 3 }}",
    ],
)
def test_what_leads_out_of_the_sandbox_or_fails_is_one_error(text: str) -> None:
    x: list[int] = []
    with pytest.raises(TemplateError) as failed:
        render(text, {"x": x})
    assert failed.value.message.endswith(".")
    assert x == []


def test_a_lone_expression_keeps_its_type() -> None:
    values = {"n": 3, "items": [1, 2], "o": {"a": True}}
    template = {
        "a": "{{ n }}", "b": "{{ n }} items", "c": ["{{ items }}", 5, None], "d": "{{ o.a }}",
        "e": "{{ n + 1 }}", "f": "{{ n }}{{ n }}", "g": "plain", "h": " {{- n -}} ",
    }  # fmt: skip
    assert render_value(template, values) == {
        "a": 3, "b": "3 items", "c": [[1, 2], 5, None], "d": True,
        "e": 4, "f": "33", "g": "plain", "h": 3,
    }  # fmt: skip


def test_a_lone_expression_over_nothing_is_an_error() -> None:
    with pytest.raises(TemplateError, match="give it a default"):
        render_value("{{ nothing }}", {})
    with pytest.raises(TemplateError, match="no attribute"):
        render_value("{{ o.b }}", {"o": {}})


@given(st.text(alphabet="{}%# x|.()'\"+-\n", max_size=30))
def test_any_text_renders_or_is_a_known_error(text: str) -> None:
    if analyse(text).error:
        return
    try:
        render(text, {"x": "v"})
        render_value(text, {"x": "v"})
    except TemplateError:
        return

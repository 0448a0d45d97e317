"""Structured output and tool arguments: what is filled fits its schema."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondtake.runner.providers.sim.brain import answer
from secondtake.runner.providers.sim.patterns import example_of

MAIL = """Extract the order.

Message: Hello, I am Anna Keller (anna.keller@example.org). My order A-10234 of 5 March 2024 for 3
lamps at $45.50 each arrived broken. I live in Lisbon and I am not happy: please send a refund.
Total: 136.50
"""
NAMES = (
    "name", "email", "order_id", "date", "city", "summary", "questions", "items", "score", "total",
    "tags", "is_open", "answer", "path", "query", "due_date", "user", "price", "note", "x",
)  # fmt: skip


def respond(prompt: str, schema: dict[str, Any], *, model: str = "strong", **more: Any) -> str:
    form = {"type": "json_schema", "json_schema": {"name": "it", "schema": schema}}
    given_answer = answer(
        model=model,
        messages=[{"role": "user", "content": prompt}],
        parameters={"response_format": form, **more},
    )
    return given_answer.choices[0].text or ""


def check(value: Any, schema: dict[str, Any]) -> None:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(schema, format_checker=checker).validate(value)


def strings() -> st.SearchStrategy[dict[str, Any]]:
    lengths = st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={"minLength": st.integers(0, 30), "maxLength": st.integers(30, 60)},
    )
    formats = st.sampled_from(["date", "date-time", "email", "uri", "uuid", "ipv4", "time"])
    patterns = st.sampled_from(
        [
            r"^[A-Z]{2}-\d{3,5}$",
            r"^\d{4}-\d{2}-\d{2}$",
            r"^(low|high)$",
            r"^[a-z0-9_]+$",
            r"^#?\w*$",
        ]
    )
    return st.one_of(
        lengths,
        formats.map(lambda f: {"type": "string", "format": f}),
        patterns.map(lambda p: {"type": "string", "pattern": p}),
        st.lists(st.sampled_from(["low", "mid", "high", 1, None]), min_size=1, unique=True).map(
            lambda options: {"enum": options}
        ),
        st.sampled_from([{"const": "v1"}, {"type": ["string", "null"]}]),
    )


def numbers() -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda kind, low, width, step: {
            "type": kind,
            **({"minimum": low, "maximum": low + width} if width is not None else {}),
            **({"multipleOf": step} if step and width is None else {}),
        },
        st.sampled_from(["integer", "number"]),
        st.integers(-1000, 1000),
        st.one_of(st.none(), st.integers(1, 500)),
        st.sampled_from([None, 5, 10]),
    )


def containers(children: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    arrays = st.builds(
        lambda items, low, extra: {
            "type": "array", "items": items, "minItems": low, "maxItems": low + extra,
        },
        children,
        st.integers(0, 4),
        st.integers(0, 3),
    )  # fmt: skip
    objects = st.dictionaries(st.sampled_from(NAMES), children, max_size=5).flatmap(
        lambda properties: st.sets(st.sampled_from(sorted(properties) or ["x"])).map(
            lambda required: {
                "type": "object",
                "properties": properties,
                "required": sorted(required & set(properties)),
                "additionalProperties": False,
            }
        )
    )
    unions = st.builds(lambda one: {"anyOf": [{"type": "null"}, one]}, children)
    return st.one_of(arrays, objects, objects, unions)


SCHEMAS = st.recursive(
    st.one_of(strings(), numbers(), st.just({"type": "boolean"})), containers, max_leaves=12
)


@settings(max_examples=250, deadline=None)
@given(schema=SCHEMAS, prompt=st.one_of(st.just(MAIL), st.text(max_size=60)))
def test_a_strong_answer_fits_any_schema(schema: dict[str, Any], prompt: str) -> None:
    value = json.loads(respond(prompt, schema))
    check(value, schema)


@settings(max_examples=150, deadline=None)
@given(
    properties=st.dictionaries(st.sampled_from(NAMES), SCHEMAS, max_size=5),
    model=st.sampled_from(["strong", "fast", "weak"]),
)
def test_the_arguments_of_a_forced_call_fit_any_tool(
    properties: dict[str, Any], model: str
) -> None:
    schema = {
        "type": "object", "properties": properties, "required": sorted(properties)[:3],
        "additionalProperties": False,
    }  # fmt: skip
    tool = {"type": "function", "function": {"name": "act", "parameters": schema}}
    given_answer = answer(
        model=model,
        messages=[{"role": "user", "content": MAIL}],
        tools=[tool],
        parameters={"tool_choice": "required"},
    )
    check(json.loads(given_answer.choices[0].calls[0].arguments), schema)


def test_values_are_taken_from_the_text_by_their_names() -> None:
    schema = {
        "type": "object",
        "properties": {
            "customer_name": {"type": "string"},
            "email": {"type": "string", "format": "email"},
            "order_id": {"type": "string"},
            "order_date": {"type": "string", "format": "date"},
            "quantity": {"type": "integer"},
            "unit_price": {"type": "number", "description": "Price of one piece."},
            "total": {"type": "number"},
            "city": {"type": "string"},
            "happy": {"type": "boolean"},
            "kind": {"enum": ["billing", "shipping", "refund"]},
        },
    }
    assert json.loads(respond(MAIL, schema)) == {
        "customer_name": "Anna Keller",
        "email": "anna.keller@example.org",
        "order_id": "A-10234",
        "order_date": "2024-03-05",
        "quantity": 3,
        "unit_price": 45.5,
        "total": 136.5,
        "city": "Lisbon",
        "happy": False,
        "kind": "refund",
    }


def test_a_list_of_objects_has_one_for_each_sentence_that_was_given() -> None:
    item = {
        "type": "object",
        "properties": {"claim": {"type": "string"}, "source": {"type": "string"}},
        "required": ["claim", "source"],
    }
    schema = {"type": "object", "properties": {"findings": {"type": "array", "items": item}}}
    prompt = (
        "List two findings about tides.\n\nNotes:\n- Tides turn twice a day (tides.md).\n"
        "- Spring tides follow the full moon (moon.md)."
    )
    findings = json.loads(respond(prompt, schema))["findings"]
    assert [finding["source"] for finding in findings] == ["tides.md", "moon.md"]
    assert "twice a day" in findings[0]["claim"]


def test_a_reference_to_itself_ends() -> None:
    schema = {
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                    "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                },
                "required": ["name", "children", "next"],
            }
        },
        "$ref": "#/$defs/node",
    }
    check(json.loads(respond("Make a tree.", schema)), schema)


@pytest.mark.parametrize("prompt", [MAIL, "Hello"])
def test_a_json_object_is_an_object(prompt: str) -> None:
    given_answer = answer(
        model="strong",
        messages=[{"role": "user", "content": prompt}],
        parameters={"response_format": {"type": "json_object"}},
    )
    assert isinstance(json.loads(given_answer.choices[0].text or ""), dict)


def is_valid(text: str, schema: dict[str, Any]) -> bool:
    try:
        check(json.loads(text), schema)
    except (ValueError, jsonschema.ValidationError):
        return False
    return True


def test_a_weak_model_breaks_a_known_share_of_schemas_and_repairs_each_when_told() -> None:
    schema = {
        "type": "object",
        "properties": {"title": {"type": "string"}, "total": {"type": "number"}},
        "required": ["title", "total"],
    }
    invalid = {"strong": 0, "fast": 0, "weak": 0}
    for model in invalid:
        for number in range(100):
            prompt = f"Extract. Text: Invoice {number} of Monday. Total: {number}.50 euros."
            text = respond(prompt, schema, model=model)
            if is_valid(text, schema):
                continue
            invalid[model] += 1
            messages = [
                {"role": "user", "content": prompt},
                {"role": "assistant", "content": text},
                {"role": "user", "content": "That answer cannot be used: it does not fit the "
                 f"schema. Answer again with JSON only: {json.dumps(schema)}"},
            ]  # fmt: skip
            form = {"type": "json_schema", "json_schema": {"schema": schema}}
            mended = answer(model=model, messages=messages, parameters={"response_format": form})
            value = json.loads(mended.choices[0].text or "")
            check(value, schema)
    assert invalid["strong"] == 0
    assert 1 <= invalid["fast"] <= 15
    assert 25 <= invalid["weak"] <= 55


@pytest.mark.parametrize(
    "pattern",
    [r"^\d{3}-[A-F]{2}$", r"(?:ab|cd)+x?", r"^[^a-z]\w{2,4}\.$", r"^https?://\w+\.\w{2,}$", r"^$"],
)
def test_a_text_is_made_for_a_pattern(pattern: str) -> None:
    assert example_of(pattern) is not None


@pytest.mark.parametrize("pattern", [r"^(?=.*\d).+$", r"(a)\1", "[", "(", r"\p{L}+"])
def test_a_pattern_beyond_reach_gives_nothing(pattern: str) -> None:
    assert example_of(pattern) is None

from typing import Annotated, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field

from secondtake.runner.errors import ToolError, UsageError
from secondtake.runner.tools.registry import make_tool, tool
from secondtake.runner.tools.schema import parse_docstring


@tool(read_only=True)
def book(
    title: str,
    seats: Annotated[int, Field(ge=1, le=9)] = 1,
    kind: Literal["aisle", "window"] = "aisle",
    notes: list[str] | None = None,
) -> str:
    """Book seats
    on a flight.

    More that a model need not know.

    Args:
        title: Name of the flight,
            as on the ticket.
        seats: How many.
        kind: Where to sit.

    Returns:
        A confirmation.
    """
    return f"{title} {seats} {kind} {notes}"


def test_signature_and_docstring_become_an_openai_definition() -> None:
    definition = book.definition()
    function = definition["function"]
    parameters = function["parameters"]
    assert function["name"] == "book"
    assert function["description"] == "Book seats on a flight."
    assert parameters["required"] == ["title"]
    assert parameters["additionalProperties"] is False
    title = parameters["properties"]["title"]
    assert title == {"type": "string", "description": "Name of the flight, as on the ticket."}
    assert parameters["properties"]["seats"] == {
        "type": "integer", "minimum": 1, "maximum": 9, "default": 1, "description": "How many.",
    }  # fmt: skip
    Draft202012Validator.check_schema(parameters)


def test_arguments_are_converted_to_the_types_of_the_signature() -> None:
    assert book({"title": "LH1", "seats": "3"}) == "LH1 3 aisle None"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "`title` is missing"),
        ({"title": "x", "seat": 2}, "there is no `seat`, did you mean `seats`?"),
        ({"title": "x", "seats": 10}, "`seats`: input should be less than or equal to 9"),
        ({"title": "x", "kind": "middle"}, "'aisle' or 'window'"),
        ({"title": 5}, "`title`: input should be a valid string"),
    ],
)
def test_bad_arguments_tell_a_model_what_to_send(arguments: dict[str, object], text: str) -> None:
    with pytest.raises(ToolError) as refused:
        book(arguments)
    assert text in refused.value.message
    assert "`book` takes: title, seats (optional)" in refused.value.message


def test_a_parameter_without_a_type_is_refused() -> None:
    def untyped(x) -> None:  # type: ignore[no-untyped-def]
        """Do."""

    with pytest.raises(UsageError, match="`x` has no type"):
        make_tool(untyped)


def test_variadic_and_async_functions_are_refused() -> None:
    def many(*args: int) -> None:
        """Do."""

    async def later() -> None:
        """Do."""

    with pytest.raises(UsageError, match="cannot be given by name"):
        make_tool(many)
    with pytest.raises(UsageError, match="async"):
        make_tool(later)


def test_a_docstring_without_arguments_gives_its_first_paragraph() -> None:
    assert parse_docstring("One\nline.\n\nMore.") == ("One line.", {})
    assert parse_docstring("") == ("", {})

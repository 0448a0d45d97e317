import json
from typing import Any

import pytest

from secondtake.runner.workflows.answers import (
    AnswerError,
    read_answer,
    repair_request,
    response_format,
)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "s": {"type": "string"}},
    "required": ["n"],
}


@pytest.mark.parametrize(
    "text", ['{"n": 1}', ' {"n": 1}\n', '```json\n{"n": 1}\n```', '```\n{"n": 1}```\n']
)
def test_an_answer_is_read_with_or_without_a_fence(text: str) -> None:
    assert read_answer(text, SCHEMA) == {"n": 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("the answer is 1", "not JSON"),
        ("{'n': 1}", "not JSON"),
        ('{"n": NaN}', "not JSON"),
        ('{"n": "1"}', r"\$\.n: '1' is not of type 'integer'"),
        ('{"s": "x"}', "'n' is a required property"),
        ("[1]", "is not of type 'object'"),
        ("[" * 100_000, "not JSON|too deep"),
    ],
)
def test_an_answer_that_does_not_fit_says_why(text: str, reason: str) -> None:
    with pytest.raises(AnswerError, match=reason):
        read_answer(text, SCHEMA)


def test_no_schema_is_fetched_from_anywhere() -> None:
    with pytest.raises(Exception, match=r"Unresolvable|unresolvable"):
        read_answer("{}", {"$ref": "http://127.0.0.1:1/schema.json"})


def test_the_repair_request_holds_the_error_and_the_schema() -> None:
    text = repair_request(AnswerError("the answer is not JSON: x"), SCHEMA)
    assert "the answer is not JSON: x" in text
    assert json.dumps(SCHEMA) in text


def test_the_response_format_has_a_name_that_providers_take() -> None:
    assert response_format("my plan", SCHEMA)["json_schema"] == {
        "name": "my_plan",
        "schema": SCHEMA,
    }

import json
from pathlib import Path
from typing import Any

import pytest

from secondtake.runner.errors import ToolError
from secondtake.runner.tools.data import DataTools
from secondtake.runner.tools.files import FileTools

CSV = """id,name,price,when,active,code,empty
1,apple,0.50,2025-01-01,yes,007,
2,"pear, green",1.25,2025-03-01,no,008,
3,apple,,2024-12-31,yes,009,
"""


@pytest.fixture
def data(tmp_path: Path) -> DataTools:
    (tmp_path / "a.csv").write_text(CSV, encoding="utf-8")
    people = {"people": [{"name": "Ada", "age": 36}, {"name": "Bob", "age": 12}]}
    (tmp_path / "a.json").write_text(json.dumps(people), encoding="utf-8")
    return DataTools(FileTools(tmp_path))


def test_a_query_takes_something_out_of_a_file(data: DataTools) -> None:
    assert data.json_query("a.json", "people[?age > `30`].name") == ["Ada"]
    assert data.json_query("a.json", "nothing.there") is None


@pytest.mark.parametrize("query", ["people[", "people[?", "length(nothing)", "(" * 900])
def test_a_wrong_query_is_a_sentence(data: DataTools, query: str) -> None:
    with pytest.raises(ToolError, match="Not a JMESPath expression that fits"):
        data.json_query("a.json", query)


def test_too_long_an_answer_is_refused(data: DataTools, tmp_path: Path) -> None:
    (tmp_path / "big.json").write_text(json.dumps(list(range(100_000))))
    with pytest.raises(ToolError, match="ask for less"):
        data.json_query("big.json", "@")
    assert data.json_query("big.json", "length(@)") == 100_000


def column(summary: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [item for item in summary["columns"] if item["name"] == name]
    return dict(found)


def test_a_summary_has_type_missing_range_and_mean_of_each_column(data: DataTools) -> None:
    summary = data.csv_summary("a.csv")

    assert summary["rows"] == 3
    assert [item["type"] for item in summary["columns"]] == [
        "integer", "text", "number", "date", "boolean", "text", "empty"
    ]  # fmt: skip
    assert column(summary, "price") == {
        "name": "price", "type": "number", "missing": 1, "distinct": 2, "min": 0.5, "max": 1.25,
        "mean": 0.875, "most_common": [["0.50", 1], ["1.25", 1]],
    }  # fmt: skip
    assert column(summary, "when")["min"] == "2024-12-31 00:00:00"
    assert column(summary, "name")["most_common"] == [["apple", 2], ["pear, green", 1]]
    assert column(summary, "empty")["missing"] == 3


def test_json_lines_and_lists_of_objects_are_tables_too(data: DataTools, tmp_path: Path) -> None:
    rows = [{"a": 1, "b": None}, {"a": 2.5}, {"b": "x"}]
    (tmp_path / "r.json").write_text(json.dumps(rows))
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    for name in ("r.json", "r.jsonl"):
        summary = data.csv_summary(name)
        assert summary["rows"] == 3
        assert (column(summary, "a")["type"], column(summary, "a")["missing"]) == ("number", 1)
        assert (column(summary, "b")["type"], column(summary, "b")["missing"]) == ("text", 2)


def test_more_values_than_can_be_counted_are_said_to_be_more(
    data: DataTools, tmp_path: Path
) -> None:
    (tmp_path / "ids.csv").write_text("id\n" + "\n".join(f"x{i}" for i in range(25_000)))
    (only,) = data.csv_summary("ids.csv")["columns"]
    assert only == {"name": "id", "type": "text", "missing": 0, "distinct": "> 1000"}


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("x.csv", "a,b\n1,2,3\n", "row 1 has 3 cells"),
        ("x.csv", "", "is empty"),
        ("x.csv", ",".join(map(str, range(501))), "501 columns"),
        ("x.json", '{"a": 1}', "no list of objects"),
        ("x.json", "[1, 2]", "something else than objects"),
        ("x.json", '[{"a": 1}', "no JSON"),
        ("x.jsonl", '{"a": 1}\n{"a"', "line 2 is no JSON"),
        ("x.jsonl", '{"a": 1}\n' * 100 + '{"z": 1}', "has what the first 100 have not: 'z'"),
        ("x.csv", "a\n" + '"' + "x" * 1_100_000, "field larger"),
    ],
)
def test_what_is_no_table_is_a_sentence(
    data: DataTools, tmp_path: Path, name: str, text: str, reason: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ToolError, match=reason):
        data.csv_summary(name)


def test_other_delimiters_and_repeated_names_are_understood(
    data: DataTools, tmp_path: Path
) -> None:
    (tmp_path / "s.csv").write_text("\ufeffa;A;\n1;2;3\n", encoding="utf-8")
    summary = data.csv_summary("s.csv")
    assert [item["name"] for item in summary["columns"]] == ["a", "A_2", "column_3"]
    assert all(item["type"] == "integer" for item in summary["columns"])

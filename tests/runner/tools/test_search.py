import contextlib
import time
from pathlib import Path

import pytest

from secondtake.runner.errors import ToolError
from secondtake.runner.tools.files import FileTools
from secondtake.runner.tools.search import TextSearch


@pytest.fixture
def search(tmp_path: Path) -> TextSearch:
    (tmp_path / "a.md").write_text("Heat pumps move heat.\nNothing.\nheat again\n", "utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.md").write_text("a" * 60 + "!\nprice 12.5 EUR\n", "utf-8")
    (tmp_path / "picture.png").write_bytes(b"heat\0heat")
    return TextSearch(FileTools(tmp_path))


def test_a_text_is_found_whatever_its_case_with_file_and_line(search: TextSearch) -> None:
    assert search.search_text("HEAT") == [
        {"path": "a.md", "line": 1, "text": "Heat pumps move heat."},
        {"path": "a.md", "line": 3, "text": "heat again"},
    ]


def test_a_text_is_no_regular_expression_unless_asked(search: TextSearch) -> None:
    assert search.search_text("pri.e") == []
    found = search.search_text(r"\d+\.\d", regex=True)
    assert [match["line"] for match in found] == [2]


def test_limit_and_path_narrow_the_search(search: TextSearch) -> None:
    assert len(search.search_text("heat", limit=1)) == 1
    assert search.search_text("heat", path="sub") == []
    assert len(search.search_text("heat", path="a.md")) == 2


@pytest.mark.timeout(20)
@pytest.mark.parametrize("pattern", ["(a+)+$x", "(a|aa)+$", "(a{1,60}){1,60}b", "a{99999999}"])
def test_a_catastrophic_regular_expression_is_stopped(search: TextSearch, pattern: str) -> None:
    started_s = time.monotonic()
    with contextlib.suppress(ToolError):
        search.search_text(pattern, regex=True)
    assert time.monotonic() - started_s < 10


@pytest.mark.timeout(20)
def test_a_regular_expression_that_never_ends_is_an_error_that_says_so(
    search: TextSearch,
) -> None:
    with pytest.raises(ToolError, match=r"takes too long|too much time"):
        search.search_text("(a+)+$x", regex=True)


def test_a_malformed_regular_expression_is_explained(search: TextSearch) -> None:
    with pytest.raises(ToolError, match=r"Not a regular expression.*set regex to false"):
        search.search_text("(", regex=True)


@pytest.mark.parametrize("query", ["", "   ", "x" * 1000])
def test_a_useless_query_is_refused(search: TextSearch, query: str) -> None:
    with pytest.raises(ToolError):
        search.search_text(query)


def test_a_binary_file_is_passed_over_in_a_folder_and_refused_alone(search: TextSearch) -> None:
    assert all(match["path"] != "picture.png" for match in search.search_text("heat"))
    with pytest.raises(ToolError, match="not a text file"):
        search.search_text("heat", path="picture.png")


def test_a_path_outside_is_refused(search: TextSearch) -> None:
    with pytest.raises(ToolError, match="outside"):
        search.search_text("root", path="/etc")


def test_a_long_line_is_shown_around_the_match(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("x" * 5000 + "needle" + "y" * 5000, "utf-8")
    found = TextSearch(FileTools(tmp_path)).search_text("needle")
    assert "needle" in found[0]["text"]
    assert len(found[0]["text"]) <= 300

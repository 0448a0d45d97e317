import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from secondtake.runner.errors import ToolError
from secondtake.runner.tools import sql_query
from secondtake.runner.tools.files import FileTools
from secondtake.runner.tools.sql_query import SqlQuery


@pytest.fixture
def query(tmp_path: Path) -> SqlQuery:
    root = tmp_path / "files"
    root.mkdir()
    (root / "a.csv").write_text("city,code,people\nRome,007,2.8\nBern,008,0.1\n", encoding="utf-8")
    (root / "a.jsonl").write_text('{"a": [1, 2], "b": 99999999999999999999}\n{"a": true}\n')
    with closing(sqlite3.connect(root / "a.db")) as con:
        con.execute("CREATE TABLE t (x)")
        con.execute("INSERT INTO t VALUES (x'00ff'), (2)")
        con.commit()
    with closing(sqlite3.connect(tmp_path / "outside.db")) as con:
        con.execute("CREATE TABLE secret (x)")
    return SqlQuery(FileTools(root))


def test_a_table_of_text_is_asked_as_data(query: SqlQuery) -> None:
    assert query.sql_query("a.csv", "SELECT code, sum(people) AS p FROM data GROUP BY 1") == {
        "columns": ["code", "p"],
        "rows": [["007", 2.8], ["008", 0.1]],
        "more": False,
    }
    found = query.sql_query("a.jsonl", "SELECT a, b FROM data")
    assert found["rows"] == [["[1, 2]", "99999999999999999999"], [1, None]]


def test_a_database_is_asked_as_it_is_and_not_changed(query: SqlQuery) -> None:
    assert query.sql_query("a.db", "SELECT x FROM t ORDER BY 1")["rows"] == [[2], ["<2 bytes>"]]
    for statement in ("DELETE FROM t", "INSERT INTO t VALUES (3)", "DROP TABLE t"):
        with pytest.raises(ToolError):
            query.sql_query("a.db", statement)
    assert query.sql_query("a.db", "SELECT count(*) FROM t")["rows"] == [[2]]


def test_more_rows_than_wanted_are_said(query: SqlQuery) -> None:
    found = query.sql_query("a.csv", "SELECT city FROM data", limit=1)
    assert (found["rows"], found["more"]) == ([["Rome"]], True)


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH '../outside.db' AS o",
        "ATTACH ':memory:' AS o",
        "PRAGMA table_info(data)",
        "PRAGMA query_only = off",
        "VACUUM INTO 'x.db'",
        "CREATE TABLE x (a)",
        "SELECT load_extension('x')",
        "SELECT readfile('a.csv')",
        "DELETE FROM data",
        "BEGIN",
        "SELECT 1; DROP TABLE data",
        "SELECT randomblob(2000000000)",
        "SELECT zeroblob(2000000000)",
        "",
        "nonsense",
        "SELECT \0 1",
    ],
)
def test_whatever_is_no_plain_select_is_refused(query: SqlQuery, statement: str) -> None:
    with pytest.raises(ToolError):
        query.sql_query("a.csv", statement)
    assert query.sql_query("a.csv", "SELECT count(*) FROM data")["rows"] == [[2]]


def test_a_guessed_name_is_answered_with_the_names_there_are(query: SqlQuery) -> None:
    with pytest.raises(ToolError, match=r"no such table: cities.*data \(city, code, people\)"):
        query.sql_query("a.csv", "SELECT * FROM cities")


def test_a_query_without_end_is_ended(query: SqlQuery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_query, "TIMEOUT_S", 0.2)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n"
    with pytest.raises(ToolError, match="takes longer than 0 s; ask for less"):
        query.sql_query("a.csv", endless)


def test_too_much_text_is_refused(query: SqlQuery) -> None:
    with pytest.raises(ToolError, match="ask for less"):
        query.sql_query("a.csv", "SELECT printf('%.*c', 60000, 'x') FROM data")


@pytest.mark.parametrize("path", ["../outside.db", "nothing.csv", ".", "/dev/zero"])
def test_only_files_of_the_root_are_asked(query: SqlQuery, path: str) -> None:
    with pytest.raises(ToolError):
        query.sql_query(path, "SELECT 1")

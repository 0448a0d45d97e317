"""A user's query: one SELECT over our tables, and nothing else whatever it is dressed as."""

import contextlib
import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from duckdb import DuckDBPyConnection
from hypothesis import given
from hypothesis import strategies as st

from secondtake.backend.errors import SqlFailedError, SqlRefusedError
from secondtake.backend.models.system import SqlResult
from secondtake.backend.store.connection import open_store
from secondtake.backend.store.sql import run_sql
from secondtake.backend.store.sql_policy import (
    FORBIDDEN_FUNCTIONS,
    FORBIDDEN_PREFIXES,
    TABLE_FUNCTIONS,
    TABLES,
    check_query,
)


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBPyConnection]:
    home = tmp_path_factory.mktemp("sql") / "home"
    (home / "journal").mkdir(parents=True)
    (home / "secret.csv").write_text("secret\nhunter2\n")
    con = open_store(home)
    con.execute("CREATE TABLE not_ours AS SELECT 'hunter2' AS a")
    con.execute("CREATE SEQUENCE numbers")
    con.execute("INSERT INTO runs (run_id, status, tags) VALUES (uuid(), 'ok', MAP {'k': 'v'})")
    yield con
    con.close()


def ask(con: DuckDBPyConnection, text: str, *, rows: int = 100, timeout_s: float = 20) -> SqlResult:
    return run_sql(con, text, max_rows=rows, timeout_s=timeout_s)


ALLOWED = [
    "select 1",
    "select 1;",
    "-- a remark\nselect /* another */ 1",
    "values (1)",
    "from runs",
    "table runs",
    "select * from RUNS",
    "select * from main.runs",
    "select count(*) from spans",
    "with a as (select 1), b as (select * from a) select * from b",
    "with A as (select 1) select * from a",
    "with recursive c as (select 1 n union all select n + 1 from c where n < 3) select * from c",
    "with runs as (select 1) select * from runs",
    "select * from (with a as (select 1) select * from a)",
    "select model, sum(cost_usd) from llm_calls group by all",
    "select sum(n) filter (where n > 1) over (order by n) from range(3) t(n)",
    "select unnest([1, 2]), list_transform([1], lambda x: x + 1)",
    "select * from tool_calls, json_each(arguments)",
    "select * from runs pivot (count(*) for status in ('ok', 'error'))",
    "select columns('.*_id') from runs",
    "select tags['k'], environment->>'$.python' from runs",
    "select * from runs limit 0",
    "select 'read_csv(''x'')', 'delete from runs'",
    "select date_trunc('day', started_at), quantile_cont(duration_ms, 0.95) from runs group by 1",
    "select * from runs as r semi join llm_calls using (run_id)",
    "select * from runs tablesample 10 rows",
]


@pytest.mark.parametrize("text", ALLOWED)
def test_an_honest_query_is_answered(con: DuckDBPyConnection, text: str) -> None:
    assert ask(con, text).columns


REFUSED = [
    # files, by any name
    "select * from 'secret.csv'",
    'select * from "secret.csv"',
    "from read_csv('secret.csv')",
    "from read_text('/etc/passwd')",
    "select (select max(content) from read_blob('/etc/passwd'))",
    "from glob('/**')",
    "from sniff_csv('secret.csv')",
    "from parquet_metadata('x')",
    "with a as (from read_csv('secret.csv')) from a",
    "select * from runs where name in (from read_csv('secret.csv'))",
    "select case when exists (from 'secret.csv') then 1 end",
    "select * from runs order by (select secret from 'secret.csv')",
    "select * from runs limit (select 1 from 'secret.csv')",
    "select sum(1) over (partition by (select a from not_ours))",
    "select list_transform([1], lambda x: (select a from not_ours))",
    "select * from runs join lateral (from read_text('x')) on true",
    "select * from (values ((select a from not_ours)))",
    "from range((select count(*) from not_ours))",
    "select 1 union all select 1 from not_ours",
    "(select 1) except (from not_ours)",
    # other tables, catalogs, schemas
    "from not_ours",
    "from main.not_ours",
    "from temp.runs",
    "from other.main.runs",
    "from secondtake.main.runs",
    "from information_schema.tables",
    "from pg_catalog.pg_class",
    "from sqlite_master",
    "from duckdb_settings",
    "from duckdb_settings()",
    "from duckdb_secrets()",
    "from pragma_database_size()",
    "from con",
    # common table expressions that lend their name to something else
    "with not_ours as (select * from not_ours) select * from not_ours",
    "select * from not_ours, (with not_ours as (select 1) select * from not_ours)",
    "select * from (with not_ours as (select 1) select * from not_ours) union all from not_ours",
    "with b as (select * from not_ours), not_ours as (select 1) select * from b",
    "with recursive b as (select * from not_ours), not_ours as (select 1) select * from b",
    "with not_ours as (select 1) select * from main.not_ours",
    # a query inside the query
    "from query('from not_ours')",
    "from query_table('not_ours')",
    "from query_table(['not_ours'])",
    "from histogram('not_ours', 'a')",
    "from json_execute_serialized_sql('{}')",
    "select json_serialize_plan('from not_ours')",
    "select pg_get_viewdef(1)",
    # settings, environment, state
    "select getenv('HOME')",
    "select main.getenv('HOME')",
    "select current_setting('secret_directory')",
    "select getvariable('x')",
    "select nextval('numbers')",
    "select NEXTVAL('numbers')",
    "select write_log('x')",
    "select sleep_ms(1)",
    "select pg_sleep(1)",
    "from repeat_row(1, num_rows = 3)",
    "from test_all_types()",
    # not a SELECT, or more than one
    "",
    ";",
    "-- nothing",
    "select 1; select 2",
    "select 1; drop table runs",
    "drop table runs",
    "delete from runs",
    "insert into runs select * from runs",
    "update runs set name = 'x'",
    "with x as (delete from runs returning *) select * from x",
    "create table x as select 1",
    "copy runs to 'x.csv'",
    "copy (select 1) to 'x.csv'",
    "attach 'x.duckdb'",
    "export database 'x'",
    "import database 'x'",
    "install httpfs",
    "load httpfs",
    "set threads = 1",
    "reset threads",
    "pragma version",
    "call force_checkpoint()",
    "checkpoint",
    "vacuum",
    "begin",
    "commit",
    "prepare x as select 1",
    "execute x",
    "explain select 1",
    "explain analyze select 1",
    "describe runs",
    "describe select 1",
    "show tables",
    "show runs",
    "summarize runs",
    "from (describe runs)",
    "from (show all tables)",
    "from (summarize not_ours)",
    "pivot runs on status",
    "use temp",
    # parameters, and what is no text
    "select ?",
    "select $1",
    "select $name",
    "select 'a\x00b'",
    "select '\ud800'",
    "selec 1",
    "select 1 +",
    "from " + "(from " * 3000 + "runs" + ")" * 3000,
    "select " + "1+" * 60_000 + "1",
    "select '" + "x" * 100_001 + "'",
]


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: ascii(text[:50]))
def test_anything_else_is_refused_in_one_sentence(con: DuckDBPyConnection, text: str) -> None:
    with pytest.raises(SqlRefusedError) as caught:
        ask(con, text)
    assert "\n" not in caught.value.message
    assert "hunter2" not in caught.value.message
    assert len(caught.value.message) < 700


@given(
    name=st.sampled_from(["not_ours", "secret.csv", "duckdb_tables", "x.parquet", "runs2"]),
    place=st.sampled_from(
        [
            "select * from {}",
            "select (select 1 from {})",
            "select * from runs where exists (from {})",
            "with a as (from {}) select 1",
            "select 1 union select 1 from {}",
            "select * from runs r left join {} on true",
            "select * from runs, lateral (from {})",
            "select count(*) over (order by (select 1 from {}))",
            "select [x for x in (select [1] from {})]",
            "select max((select 1 from {})) from runs group by (select 2 from {}) having 1 = 1",
            "select 1 limit (select 1 from {}) offset 0",
            "select * from (values ((select 1 from {})))",
            "select case (select 1 from {}) when 1 then 2 end",
            "select 1 from runs qualify (select 1 from {}) > row_number() over ()",
            "select * from (pivot {} on a in (1))",
            "select * from (unpivot {} on a)",
            "select struct_pack(a := (select 1 from {}))",
            "select * exclude (name) replace ((select 1 from {}) as status) from runs",
        ]
    ),
    depth=st.integers(0, 3),
)
def test_no_place_of_a_query_hides_a_foreign_table(
    con: DuckDBPyConnection, name: str, place: str, depth: int
) -> None:
    text = place.replace("{}", f'"{name}"')
    for _ in range(depth):
        text = f"select * from ({text}) as inner_query"
    with pytest.raises(SqlRefusedError):
        check_query(con, text)


@given(st.text(max_size=60))
def test_no_text_does_more_than_being_refused_or_failing(
    con: DuckDBPyConnection, text: str
) -> None:
    with contextlib.suppress(SqlRefusedError, SqlFailedError):
        ask(con, text)
    assert con.execute("SELECT count(*) FROM runs").fetchall() == [(1,)]


def test_every_function_that_duckdb_has_was_weighed(con: DuckDBPyConnection) -> None:
    """Names that sound like reaching out are forbidden, or known to be harmless."""
    suspicious = re.compile(
        r"read|write|file|glob|path|env|sett|secret|var(iable)?$|query|exec|sql|plan|log$|nextval"
        r"|currval|seed|sleep|pg_|duckdb|pragma|schema|catalog|transaction|connection|privilege"
        r"|checkpoint|storage|block|stats|internal|load|install|attach|http"
    )
    harmless = {
        "parse_filename", "parse_path", "parse_dirpath", "parse_dirname",  # text in, text out
        "log", "current_schema", "current_schemas", "current_catalog",  # names that are public
        "transaction_timestamp", "variant_to_parquet_variant",
        "json_extract_path", "json_extract_path_text", "map_to_pg_oid", "format_pg_type",
        "formatReadableSize", "formatReadableDecimalSize",
    }  # fmt: skip
    rows = con.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() "
        "WHERE function_type IN ('scalar', 'aggregate', 'macro')"
    ).fetchall()
    open_to_doubt = {
        name
        for (name,) in rows
        if suspicious.search(name.lower())
        and name.lower() not in FORBIDDEN_FUNCTIONS
        and not FORBIDDEN_PREFIXES.match(name.lower())
    }
    assert open_to_doubt <= harmless


def test_no_macro_that_reads_the_catalog_is_allowed(con: DuckDBPyConnection) -> None:
    rows = con.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() "
        "WHERE function_type = 'macro' AND macro_definition ILIKE '%FROM %(%'"
    ).fetchall()
    assert rows
    for (name,) in rows:
        assert name in FORBIDDEN_FUNCTIONS or FORBIDDEN_PREFIXES.match(name), name


def test_the_allowed_tables_are_those_of_the_schema(con: DuckDBPyConnection) -> None:
    rows = con.execute(
        "SELECT table_name FROM duckdb_tables() WHERE NOT temporary "
        "UNION SELECT view_name FROM duckdb_views() WHERE NOT internal"
    ).fetchall()
    assert {name for (name,) in rows} - {"not_ours"} == TABLES


def test_no_allowed_table_function_reads_a_file() -> None:
    assert not [name for name in TABLE_FUNCTIONS if FORBIDDEN_PREFIXES.match(name)]


def test_the_connection_itself_refuses_what_the_policy_would(
    con: DuckDBPyConnection, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("a\n1\n")
    for statement in (f"FROM read_csv('{outside}')", f"FROM '{outside}'", "SET threads = 1"):
        with pytest.raises(duckdb.Error):
            con.execute(statement)


def test_a_query_is_stopped_when_its_time_is_up(con: DuckDBPyConnection) -> None:
    begun = time.monotonic()
    with pytest.raises(SqlFailedError, match=r"stopped after 0\.3 s"):
        ask(con, "select count(*) from range(10000000000) a, range(1000)", timeout_s=0.3)
    assert time.monotonic() - begun < 5
    assert ask(con, "select 1").rows == [[1]]


def test_a_late_timer_does_not_hit_the_next_query(con: DuckDBPyConnection) -> None:
    for _ in range(40):
        with contextlib.suppress(SqlFailedError):
            ask(con, "select sum(range) from range(200000)", timeout_s=0.002)
        assert ask(con, "select 1").rows == [[1]]


def test_rows_beyond_the_limit_are_cut_and_said(con: DuckDBPyConnection) -> None:
    result = ask(con, "from range(1000000000)", rows=3)
    assert (result.rows, result.truncated) == ([[0], [1], [2]], True)
    exact = ask(con, "from range(3)", rows=3)
    assert (len(exact.rows), exact.truncated) == (3, False)


def test_a_huge_result_is_cut_by_its_size(con: DuckDBPyConnection) -> None:
    result = ask(con, "select repeat('x', 50000) from range(5000)", rows=5000)
    assert result.truncated
    assert len(result.rows) < 2000


def test_every_type_becomes_json(con: DuckDBPyConnection) -> None:
    result = ask(
        con,
        """
        select 1.50::decimal(10, 2), 170141183460469231731687303715884105727::hugeint, 'nan'::double,
               timestamp '2026-11-20 09:30:00', date '2026-11-20', time '09:30', interval 3 day,
               [1.5::decimal(3, 1)], {'a': 'inf'::float}, map {1: uuid '00000000-0000-4000-8000-000000000000'},
               '\\x00\\xFF'::blob, null, '{"n": 123456789012345678901234567890}'::json, true,
               timestamptz '2026-11-20 09:30:00+02', timetz '09:30:00+02', '1010'::bit, [1, 2]::integer[2]
        """,
    )
    (row,) = json.loads(json.dumps(result.rows, allow_nan=False))
    assert row[:7] == [
        "1.50", 170141183460469231731687303715884105727, "nan", "2026-11-20T09:30:00Z",
        "2026-11-20", "09:30:00", "3 days, 0:00:00",
    ]  # fmt: skip
    assert row[7:11] == [
        ["1.5"],
        {"a": "inf"},
        {"1": "00000000-0000-4000-8000-000000000000"},
        "AP8=",
    ]
    assert row[11:14] == [None, {"n": 123456789012345678901234567890}, True]
    assert row[14] == "2026-11-20T07:30:00Z"
    assert row[16:] == ["1010", [1, 2]]


def test_a_mistake_in_a_query_is_told_in_one_line(con: DuckDBPyConnection) -> None:
    with pytest.raises(SqlFailedError, match="run_idd") as caught:
        ask(con, "select run_idd from runs")
    assert "\n" not in caught.value.message


def test_nothing_of_a_query_stays_open(con: DuckDBPyConnection) -> None:
    ask(con, "from range(100000)", rows=1)
    con.execute("CREATE TEMP TABLE after_it (a INTEGER)")
    con.execute("DROP TABLE after_it")


def test_no_python_variable_is_a_table(con: DuckDBPyConnection) -> None:
    runs2 = con.sql("select 1")
    assert runs2 is not None
    with pytest.raises(SqlRefusedError):
        ask(con, "from runs2")


def test_the_environment_stays_unread(
    con: DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "PLANTED", "hunter2")
    for text in ("select getenv('PLANTED')", "select [getenv('PLANTED')]"):
        with pytest.raises(SqlRefusedError):
            ask(con, text)

"""Opening the store: waiting for its holder, refusing what is no database, locking it down."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from tests.backend.journal_files import one, whole_run, write_sealed

from secondtake.backend.store.connection import open_store
from secondtake.runner.errors import StoreError
from secondtake.runner.home import database_path

HOLDER = """
import sys, time
from pathlib import Path
from secondtake.backend.store.connection import open_store
con = open_store(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_by_another_process(home: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_database_held_by_another_process_names_it_and_its_address(home: Path) -> None:
    with held_by_another_process(home) as holder:
        owner = {"pid": holder.pid, "url": "http://127.0.0.1:8765"}
        (home / "owner.json").write_text(json.dumps(owner))
        begun = time.monotonic()
        with pytest.raises(StoreError) as caught:
            open_store(home, wait_s=0.3)
        assert 0.3 <= time.monotonic() - begun < 3
    text = str(caught.value)
    assert f"process {holder.pid}" in text
    assert "http://127.0.0.1:8765" in text
    assert "stop it" in text
    assert "\n" not in text


def test_the_address_of_an_earlier_server_is_not_told(home: Path) -> None:
    with held_by_another_process(home):
        (home / "owner.json").write_text(json.dumps({"pid": 1, "url": "http://old"}))
        with pytest.raises(StoreError) as caught:
            open_store(home, wait_s=0)
    assert "http://old" not in str(caught.value)


def test_opening_waits_until_the_holder_is_done(home: Path) -> None:
    with held_by_another_process(home) as holder:
        threading.Timer(0.4, holder.kill).start()
        con = open_store(home, wait_s=10)
        assert con.execute("SELECT count(*) FROM runs").fetchone() == (0,)
        con.close()


@pytest.mark.parametrize("body", [b"hello" * 4000, b"\0" * 20_000], ids=["text", "zeros"])
def test_a_file_that_is_no_database_is_refused_and_kept(home: Path, body: bytes) -> None:
    home.mkdir()
    database_path(home).write_bytes(body)
    with pytest.raises(StoreError, match="not a valid DuckDB database") as caught:
        open_store(home)
    assert "\n" not in str(caught.value)
    assert database_path(home).read_bytes() == body


def test_a_damaged_database_is_refused_in_one_sentence(home: Path) -> None:
    open_store(home).close()
    path = database_path(home)
    body = path.read_bytes()
    path.write_bytes(body[:8000] + b"\xff" * (len(body) - 8000))
    with pytest.raises(StoreError, match="Cannot open the database") as caught:
        open_store(home)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [0, 4096, 8192])
def test_a_file_whose_maker_was_killed_before_the_headers_is_made_anew(
    home: Path, size: int
) -> None:
    open_store(home).close()
    os.truncate(database_path(home), size)
    con = open_store(home)
    assert one(con, "SELECT count(*) FROM runs") == 0
    con.close()


def test_a_home_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="SECONDTAKE_HOME"):
        open_store(tmp_path / "file" / "home")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/hostname')",
        "ATTACH '/tmp/other.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET threads = 1",
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "SELECT * FROM frame_of_this_process",
    ],
)
def test_the_database_reaches_nothing_outside_its_home(home: Path, sql: str) -> None:
    con = open_store(home)
    frame_of_this_process = con.execute("SELECT 1")
    with pytest.raises(duckdb.Error):
        con.execute(sql)
    assert frame_of_this_process
    con.close()


def test_a_home_with_a_quote_in_its_name_opens(tmp_path: Path) -> None:
    con = open_store(tmp_path / "o'neill's home")
    assert one(con, "SELECT count(*) FROM runs") == 0
    con.close()


def test_one_process_may_open_the_store_twice(home: Path) -> None:
    first, second = open_store(home), open_store(home)
    first.execute("INSERT INTO prompts (name, version) VALUES ('greeting', 1)")
    assert one(second, "SELECT count(*) FROM prompts") == 1
    first.close()
    second.close()


def test_what_does_not_fit_into_memory_spills_into_the_home(home: Path) -> None:
    con = open_store(home, memory_limit="60MB")
    con.execute(
        "CREATE TEMP TABLE wide AS SELECT range AS a, repeat(md5(range::VARCHAR), 4) AS b "
        "FROM range(700000)"
    )
    assert one(con, "SELECT count(DISTINCT b) FROM wide WHERE a % 10 = 0") == 70_000
    con.close()


PARAMETERS = """
import sys
from pathlib import Path
from secondtake.backend.loader import load_pending
from secondtake.backend.store.connection import open_store
con = open_store(Path(sys.argv[1]))
load_pending(con, Path(sys.argv[1]))
con.execute("SELECT ?, ?, ?", ["a", ["b"], None]).fetchall()
assert not {"numpy", "pandas", "pyarrow"} & set(sys.modules)
frame = con.execute("SELECT 1 AS a").df()
assert type(frame).__module__.startswith("pandas")
"""


def test_parameters_do_not_import_pandas_and_who_wants_a_frame_gets_one(home: Path) -> None:
    pytest.importorskip("pandas")
    write_sealed(home, whole_run())
    subprocess.run([sys.executable, "-c", PARAMETERS, str(home)], check=True)

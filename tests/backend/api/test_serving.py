"""The life of a server: how it starts, says where it is, and ends."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

import pytest
from tests.backend.api.endless import ENDLESS, fill
from tests.support.api_process import api_process
from tests.support.stored import write_research_run

from secondtake.backend.api.serve import address_of, bind
from secondtake.backend.client import Client, find_server
from secondtake.backend.client.owner import owner_path
from secondtake.backend.errors import SecondTakeError
from secondtake.backend.models.runs import RunQuery
from secondtake.runner.errors import UsageError

WITHIN_S: Final = 20.0


def test_a_server_says_where_it_is_to_its_user_alone(home: Path) -> None:
    with api_process(home) as (client, server):
        assert find_server(home) == client.url
        assert client.health().pid == server.process.pid
        assert owner_path(home).stat().st_mode & 0o777 == 0o600
        assert server.end() == 0
        assert not owner_path(home).exists()
        assert find_server(home) is None
    assert server.output() == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_while_a_query_runs(home: Path, number: int) -> None:
    fill(home)
    with api_process(home) as (client, server):
        client.load()
        failed: list[SecondTakeError] = []

        def ask() -> None:
            with Client(client.url) as other:
                try:
                    other.run_sql(ENDLESS)
                except SecondTakeError as error:
                    failed.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(0.3)  # so that the query computes; earlier or later it must end as well
        assert server.end(number) == 0
        asking.join(WITHIN_S)
        assert len(failed) == 1


def test_after_a_kill_the_next_server_starts_at_once(home: Path) -> None:
    run_id = write_research_run(home)
    with api_process(home) as (client, server):
        assert client.load().problems == []
        assert server.end(signal.SIGKILL) == -signal.SIGKILL
        assert owner_path(home).exists()
        assert find_server(home) is None
        write_research_run(home)
    with api_process(home) as (client, _):
        client.load()
        assert client.list_runs(RunQuery()).total_count == 2
        assert client.resolve_run(str(run_id)) == run_id


def test_a_note_of_somebody_else_is_left_alone(home: Path) -> None:
    with api_process(home) as (_, server):
        owner_path(home).write_text('{"pid": 1, "url": "http://127.0.0.1:1"}', encoding="utf-8")
        assert server.end() == 0
    assert owner_path(home).exists()


@pytest.mark.parametrize(
    "note",
    ["", "{}", "[]", "3", '{"pid": 0, "url": "x"}', '{"pid": "x", "url": "y"}',
     '{"pid": 99999999999999999999, "url": "http://127.0.0.1:1"}', '{"pid": PID, "url": 3}',
     '{"pid": PID, "url": "http://127.0.0.1:1"}', '{"pid": PID, "url": "no address"}'],
)  # fmt: skip
def test_a_note_that_is_wrong_is_no_server(home: Path, note: str) -> None:
    home.mkdir()
    owner_path(home).write_text(note.replace("PID", str(os.getpid())), encoding="utf-8")
    assert find_server(home) is None


def test_a_server_of_another_home_at_the_noted_address_is_none(home: Path) -> None:
    with api_process(home) as (client, _):
        other = home.parent / "other"
        other.mkdir()
        note = f'{{"pid": {os.getpid()}, "url": "{client.url}"}}'
        owner_path(other).write_text(note, encoding="utf-8")
        assert find_server(other) is None


def test_a_taken_port_is_one_sentence(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = start("--port", str(port))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: Port {port} of 127.0.0.1 cannot be used: Address already in use. "
        "End what uses it, or choose another with `--port`.\n"
    )


def test_a_second_server_of_a_home_is_one_sentence(home: Path) -> None:
    with api_process(home) as (client, server):
        done = start("--port", "0")
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert f"process {server.process.pid}" in done.stderr
        assert client.url in done.stderr
        assert find_server(home) == client.url


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.com", ""])
def test_an_address_that_others_reach_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match="others could reach it"):
        bind(host, 0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_free_port_is_chosen(host: str) -> None:
    with bind(host, 0) as listener:
        assert address_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_fault_of_the_loader_is_told_and_passes(home: Path) -> None:
    with api_process(home) as (client, _):
        write_research_run(home)
        client.load()
        newer = home / "journal" / "ffff-1.ndjson"
        newer.write_text('{"kind":"segment","format":99,"schema_version":1}\n', encoding="utf-8")
        client.load()
        health = client.health()
        assert (health.status, health.pending_segments) == ("degraded", 1)
        assert "upgrade secondtake" in (health.detail or "")
        newer.unlink()
        client.load()
        assert (client.health().status, client.health().detail) == ("ok", None)


def test_nothing_heavy_is_imported_to_serve() -> None:
    script = (
        "import sys, secondtake.backend.api.serve\n"
        "print([n for n in ('litellm', 'langgraph', 'pandas', 'numpy', 'streamlit', 'jinja2',"
        " 'mlflow', 'opentelemetry.sdk') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def start(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "secondtake.backend.api", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

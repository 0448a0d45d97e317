"""What a query over HTTP can do to the server: nothing."""

import threading
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.backend.api.endless import ENDLESS, fill
from tests.support.api_process import api_process

from secondtake.backend.errors import SecondTakeError
from secondtake.backend.models.runs import RunQuery


def test_a_slow_query_is_stopped_while_others_are_answered(home: Path) -> None:
    fill(home)
    with api_process(home) as (client, _):
        client.load()
        outcome: list[str] = []

        def ask() -> None:
            with pytest.raises(SecondTakeError) as caught:
                client.run_sql(ENDLESS.model_copy(update={"timeout_s": 1.0}))
            outcome.append(caught.value.message)

        asking = threading.Thread(target=ask)
        asking.start()
        answered = 0
        while asking.is_alive():
            assert client.list_runs(RunQuery()).total_count > 0
            answered += 1
        assert "stopped after 1 s" in outcome[0]
        assert answered > 3


@pytest.mark.parametrize(
    "text",
    [
        "select * from read_text('/etc/passwd')",
        "select * from '/etc/passwd'",
        "copy runs to '/tmp/stolen'",
        "attach '/tmp/other.duckdb'",
        "select getenv('HOME')",
        "set memory_limit = '1KB'",
        "pragma database_list",
        "checkpoint",
        "delete from runs",
        "select 1; select 2",
        "call pragma_version()",
        "install httpfs",
    ],
)
def test_a_query_can_neither_read_a_file_nor_change_or_stop_the_server(
    api: TestClient, text: str
) -> None:
    answer = api.post("/sql", json={"text": text})
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == "urn:secondtake:problem:sql-refused"
    assert api.get("/health").json()["status"] == "ok"

"""Secrets planted in ten places are in no file of home, neither before nor after loading."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.journal import all_bytes, recorded_lines

from secondtake.backend.loader import load_pending
from secondtake.backend.store.connection import open_store

PLANTED = {
    "prompt": "sk-proj-promptpromptprompt1234567890",
    "argument": "ghp_argumentargumentargument0123456789ab",
    "result": "AKIAIOSFODNN7RESULTS",
    "header": "Bearer-less-header-value-9f8e7d6c",
    "environment": "env.value.that.has.no.known.form.42",
    "exception": "xoxb-1234567890-exceptionexception",
    "argv": "argv-secret-5t4r3e2w1q",
    "config": "config-passphrase-7y6u5i",
    "remote": "remotetoken1234567890abcdef",
    "file name": "sk-ant-api03-filenamefilename-1234567890",
}

PROGRAM = """
import os, sys
from pathlib import Path
from secondtake.runner import boundary, memory, record
from secondtake.runner.calls import LlmRequest, LlmResponse
from secondtake.runner.run import start_run

planted = dict(zip(sys.argv[2::2], sys.argv[3::2]))
secret = lambda place: os.environ["PLANTED_" + place.replace(" ", "_")]

@record.tool
def fetch(url, headers, path):
    Path(path).write_text("x")
    memory.put("login", {"password": secret("config")})
    return {"body": "the key is " + secret("result"), "env": secret("environment")}

with start_run(
    "leaky",
    config={"database": {"passphrase": secret("config")}},
    inputs={"api_key": secret("config")},
    tags={"note": secret("prompt")},
) as run:
    request = LlmRequest(
        model="openai/gpt-4o",
        messages=[{"role": "user", "content": "use " + secret("prompt")}],
        parameters={"extra_headers": {"X-Api-Key": secret("header")}},
    )
    boundary.call(request, lambda: LlmResponse(
        messages=[{"role": "assistant", "content": "I got " + secret("prompt")}],
        usage={"echo": secret("prompt")},
    ))
    fetch(f"https://x.example/?k={secret('argument')}",
          {"Authorization": "Bearer " + secret("header")}, secret("file name") + ".txt")
    run.set_output("see " + secret("file name"))

@record.run
def failing():
    raise RuntimeError("cannot log in with " + secret("exception"))

try:
    failing()
except RuntimeError:
    pass
"""


@pytest.fixture
def leaky_home(home: Path, tmp_path: Path) -> Path:
    git = tmp_path / ".git"
    git.mkdir()
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    remote = f"https://{PLANTED['remote']}@git.example/team/agent.git"
    (git / "config").write_text(f'[remote "origin"]\n\turl = {remote}\n')
    environment = {f"PLANTED_{place.replace(' ', '_')}": text for place, text in PLANTED.items()}
    environment["MY_SERVICE_TOKEN"] = PLANTED["environment"]
    subprocess.run(
        [sys.executable, "-c", PROGRAM, "--api-key", PLANTED["argv"], f"--password={'p' * 3}"],
        env={**os.environ, **environment}, check=True, timeout=60,
    )  # fmt: skip
    return home


@pytest.mark.parametrize("place", sorted(PLANTED))
def test_a_planted_secret_is_in_no_file_of_home(leaky_home: Path, place: str) -> None:
    secret = PLANTED[place].encode()
    assert len(recorded_lines(leaky_home)) > 5
    assert secret not in all_bytes(leaky_home)

    con = open_store(leaky_home)
    load_pending(con, leaky_home)
    con.execute("CHECKPOINT")
    tables = con.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    for (table,) in tables:
        rows = con.execute(f'SELECT to_json(t) FROM "{table}" AS t').fetchall()
        assert PLANTED[place] not in str(rows), table
    con.close()
    assert secret not in all_bytes(leaky_home)


def test_the_runs_are_whole_but_for_the_secrets(leaky_home: Path) -> None:
    text = str(recorded_lines(leaky_home))

    assert text.count("<secret:") >= 10
    assert "git.example/team/agent.git" in text
    assert "cannot log in with" in text

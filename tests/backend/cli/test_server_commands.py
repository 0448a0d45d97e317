"""Every command says the same whether a server runs or not."""

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from click.testing import CliRunner
from tests.support.repository import REPOSITORY
from tests.support.serving import Serving
from tests.support.stored import write_research_run, write_run
from tests.support.tau_records import TEA, write

from secondtake.backend.cli.connect import connect
from secondtake.backend.cli.main import COMMANDS, main
from secondtake.backend.client import Client
from secondtake.backend.local import LocalBackend
from secondtake.runner.settings import load_settings

RESEARCH: Final = str(REPOSITORY / "data" / "workflows" / "research.yaml")
RUN: Final = "0199aaaa-0000-7000-8000-000000000001"

READS: Final = (
    "runs",
    "runs --json",
    "runs --status error",
    "runs --tag team=search --limit 1",
    "runs --cursor nonsense",
    f"show {RUN}",
    "show 0199aaaa",
    f"show {RUN} --json",
    f"show {RUN} --messages",
    f"show {RUN} --spans",
    f"show {RUN} --spans --json",
    f"show {RUN} --tools",
    f"show {RUN} --state",
    f"show {RUN} --state --step 0",
    "show nosuchrun",
    "show 0199",
    f"diff {RUN} 0199bbbb",
    f"diff {RUN} nosuchrun",
    f"replay {RUN}",
    "replay nosuchrun",
    "compare --show nosuch",
    f"capsule export {RUN} run.take --force",
    "capsule export nosuchrun run.take --force",
    "capsule open missing.take",
    "export runs --format jsonl -o runs.jsonl --force",
    "export runs --format parquet -o tables --force",
    "export runs --format otlp -o spans.jsonl --force --status error",
    "export runs --format openai-finetune -o training.jsonl --force --tag team=search",
    "export runs --format openai-finetune -o training.jsonl",
    "export runs --format jsonl -o missing/runs.jsonl",
    "sql 'SELECT name, cost_usd FROM runs ORDER BY run_id'",
    "sql 'SELECT 1' --json",
    "sql 'DROP TABLE runs'",
    "sql 'SELECT no_such_column FROM runs'",
    f"cancel {RUN}",
    "cancel nosuchrun",
    f"answer {RUN}",
    f"answer {RUN} yes",
    "config",
    "config --json",
    f"validate {RESEARCH}",
    "schema workflow",
    "doctor",
    "import tau-bench missing.json",
)
"""Commands that leave everything as it is."""

_CHANGING: Final = (
    (r"[\d.,]+ GB are free", "GB are free"),
    (r"\"duration_ms\": [\d.]+", "duration"),
    (r"\d+(\.\d+)? (ms|s|µs)\b", "time"),
    (r"[\d,]+ bytes", "bytes"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "id"),
    (r"secondtake show [0-9a-f-]+", "show"),
)
"""What is not the same a second later, or in another home."""


@dataclass(frozen=True)
class Both:
    """What each command says with no server and with one."""

    down: dict[str, tuple[int, str]]
    up: dict[str, tuple[int, str]]


def outcome(home: Path, words: str) -> tuple[int, str]:
    """Return exit code and output of a command."""
    result = CliRunner().invoke(main, ["--home", str(home), *shlex.split(words)])
    text = result.output.replace(str(home), "HOME")
    for pattern, name in _CHANGING:
        text = re.sub(pattern, name, text)
    return result.exit_code, text


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """A home with three runs, asked with no server and with one."""
    folder = tmp_path_factory.mktemp("both")
    before = Path.cwd()
    os.chdir(folder)
    home = folder / "home"
    tags = {"team": "search"}
    write_research_run(home, UUID(RUN), tags=tags)
    write_run(home, UUID("0199bbbb-0000-7000-8000-000000000002"), status="error", tags=tags)
    write_run(home, UUID("0199cccc-0000-7000-8000-000000000003"), name="other")
    down = {words: outcome(home, words) for words in READS}
    with Serving(home) as server:
        up = {words: outcome(home, words) for words in READS}
        assert server.get("/health").json()["runs"] == 3
    yield Both(down, up)
    os.chdir(before)


@pytest.mark.parametrize("words", READS)
def test_a_command_says_the_same_with_a_server_and_without(both: Both, words: str) -> None:
    assert both.up[words] == both.down[words]
    code, text = both.up[words]
    assert text
    assert (code == 0) is not text.startswith("error:")


def test_what_is_recorded_beside_a_server_is_there_at_once(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECONDTAKE_SIM_LATENCY", "off")
    write(tmp_path, [TEA], "tau.json")
    steps = (
        f"run {RESEARCH} -i topic=tea",
        "run --prompt Hello",
        "run --prompt Hello --set nodes.answr.model=x",
        "import tau-bench tau.json",
        "import tau-bench tau.json",
        "runs --limit 1",
        "show last",
        "sql 'SELECT name, status, llm_call_count FROM runs ORDER BY name'",
    )
    without = [outcome(tmp_path / "other", words) for words in steps]
    with Serving(home):
        backend = connect(load_settings({"home": home}))
        assert isinstance(backend, Client)
        backend.close()
        assert [outcome(home, words) for words in steps] == without


def test_each_command_is_among_those_that_are_compared() -> None:
    compared = {words.split()[0] for words in READS}
    assert compared | {"run", "up", "wrap"} == set(COMMANDS)


def test_without_a_server_commands_work_in_this_process(home: Path) -> None:
    assert isinstance(connect(load_settings({"home": home})), LocalBackend)
    home.mkdir()
    # What a killed server leaves: nobody has this process id, or nobody answers there.
    (home / "owner.json").write_text('{"pid": 4194304, "url": "http://127.0.0.1:9"}')
    assert isinstance(connect(load_settings({"home": home})), LocalBackend)
    (home / "owner.json").write_text(f'{{"pid": {os.getpid()}, "url": "http://127.0.0.1:9"}}')
    assert isinstance(connect(load_settings({"home": home})), LocalBackend)
    (home / "owner.json").write_text("not JSON")
    assert outcome(home, "runs") == (0, "No runs yet. Record one: secondtake run WORKFLOW\n")

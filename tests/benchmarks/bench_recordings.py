"""How long it takes to read a run of 200 calls back as a recording, and to pack it.

Run it: `python tests/benchmarks/bench_recordings.py`.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from secondtake.backend.capsules.pack import export_capsule
from secondtake.backend.capsules.unpack import open_capsule
from secondtake.backend.local import LocalBackend
from secondtake.backend.services.recordings import get_recording
from secondtake.backend.store.connection import open_store
from secondtake.runner import journal, record
from secondtake.runner.settings import load_settings

STEPS: Final = 100
"""One LLM call and one tool call each."""
PROMPT_CHARACTERS: Final = 1_000
ROUNDS: Final = 10
BAR_MS: Final = 100.0


@record.llm(model="gpt-4o")
def ask(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Answer without a provider."""
    said = {"role": "assistant", "content": "a" * PROMPT_CHARACTERS}
    return {"choices": [{"message": said, "finish_reason": "stop"}], "model": "gpt-4o"}


@record.tool
def look(number: int) -> str:
    """Return some text."""
    return f"{number} " + "r" * 500


@record.node
def step(number: int) -> str:
    """Ask once and look once."""
    ask([{"role": "user", "content": f"{number} " + "q" * PROMPT_CHARACTERS}])
    return look(number)


@record.run
def program() -> list[str]:
    """Make 200 calls."""
    return [step(number) for number in range(STEPS)]


def measured_ms(work: Callable[[], object]) -> float:
    """Return the median time of a few rounds, in milliseconds."""
    times_ms: list[float] = []
    for _ in range(ROUNDS):
        begun_s = time.perf_counter()
        work()
        times_ms.append((time.perf_counter() - begun_s) * 1000)
    return statistics.median(times_ms)


def main() -> int:
    """Measure; return 1 when the bar is missed."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SECONDTAKE_HOME"] = str(Path(folder) / "home")
        os.chdir(folder)
        program()
        journal.close_all()
        backend = LocalBackend(load_settings())
        backend.load()
        con = open_store(backend.settings.home)
        read_ms = measured_ms(lambda: get_recording(con, "last"))
        recording = get_recording(con, "last")
        con.close()
        target = Path(folder) / "run.take"
        rows = {
            f"read {len(recording.llm_calls) + len(recording.tool_calls)} calls": read_ms,
            "write as JSON": measured_ms(recording.to_json),
            "export a capsule": measured_ms(
                lambda: export_capsule(backend, "last", target, force=True)
            ),
            "open it": measured_ms(lambda: open_capsule(target).close()),
        }
        for name, value_ms in rows.items():
            sys.stdout.write(f"{name:<20} {value_ms:8.1f} ms\n")
        os.chdir("/")
    return int(read_ms > BAR_MS)


if __name__ == "__main__":
    sys.exit(main())

"""How fast recorded runs are executed again.

Run it: `python tests/benchmarks/bench_replay.py [TAU_BENCH_FILES...]`; without files it looks for
those of the recorded data. Each bar is that of the design, on two cores.
"""

import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from secondtake.backend.loader import load_pending
from secondtake.backend.local import LocalBackend
from secondtake.backend.models.runs import RunQuery
from secondtake.backend.services.imports import import_runs
from secondtake.backend.services.recordings import get_recording
from secondtake.backend.store.connection import open_store
from secondtake.runner.errors import UsageError
from secondtake.runner.journal import close_all
from secondtake.runner.replay.changes import read_changes
from secondtake.runner.replay.loop import replay_loop
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.stepwise import replay_stepwise
from secondtake.runner.replay.workflow import Replayed, replay_workflow
from secondtake.runner.settings import Settings, load_settings
from secondtake.runner.workflows.execute import run_workflow
from secondtake.runner.workflows.load import parse_workflow

STEPS: Final = 200
TIMES: Final = 5
PAGE: Final = 200
BAR_STEPS_S: Final = 1.5
BAR_TAU_BENCH_S: Final = 90.0
SHARED: Final = Path(__file__).resolve().parents[3] / "shared" / "data"
WORKFLOW: Final = f"""\
name: steps
model: sim/fast
state: {{note: {{type: string}}}}
nodes:
  write: {{kind: llm, prompt: "Say something new about heat pumps.", output: note,
           max_visits: {STEPS}}}
edges:
  - {{from: START, to: write}}
  - {{from: write, to: write, when: visits.write < {STEPS}}}
  - {{from: write, to: END, otherwise: true}}
output: note
"""


def workflow_recording(backend: LocalBackend, settings: Settings) -> Recording:
    """Execute a workflow of so many steps and return its recording."""
    workflow = parse_workflow(WORKFLOW, name="steps.yaml", settings=settings)
    result = run_workflow(workflow, {}, settings=settings)
    assert result.status == "ok", result.error_message
    close_all()
    recording = backend.get_recording(str(result.run_id))
    assert len(recording.llm_calls) == STEPS
    return recording


def seconds(replay: Callable[[], Replayed]) -> float:
    """Return the median wall time of a replay that is exact; the first one starts libraries up."""
    times: list[float] = []
    for _ in range(TIMES + 1):
        started_s = time.perf_counter()
        replayed = replay()
        times.append(time.perf_counter() - started_s)
        assert replayed.judged is not None
        assert replayed.judged.verdict == "exact", replayed.judged.reason
        assert not replayed.live_by_node
    return statistics.median(times[1:])


def replay_all(
    backend: LocalBackend, settings: Settings, files: list[Path]
) -> tuple[float, Counter[str]]:
    """Replay every run of tau-bench files; return the wall time and counts.

    The time is that of reading the recordings from the store, of the replays, and of loading them.
    """
    import_runs(backend, settings, "tau-bench", files)
    run_ids: list[str] = []
    cursor: str | None = None
    while True:
        page = backend.list_runs(RunQuery(limit=PAGE, cursor=cursor))
        run_ids += [str(run.run_id) for run in page.items if run.source == "import:tau-bench"]
        cursor = page.next_cursor
        if cursor is None:
            break
    counts: Counter[str] = Counter(runs=len(run_ids))
    started_s = time.perf_counter()
    con = open_store(settings.home)
    for run_id in run_ids:
        replay_one(get_recording(con, run_id), settings, counts)
    close_all()
    load_pending(con, settings.home)
    con.close()
    return time.perf_counter() - started_s, counts


def replay_one(recording: Recording, settings: Settings, counts: Counter[str]) -> None:
    """Replay an imported run and count what came of it."""
    changes = read_changes((), recording, llm="recorded")
    try:
        replayed = replay_loop(recording, changes, settings=settings)
    except UsageError:
        counts["without an LLM call"] += 1
        return
    told: dict[str, Any] = replayed.extra["loop"]
    verdict = replayed.judged.verdict if replayed.judged else "not judged"
    counts[verdict] += 1
    for name in ("rebuilt", "openings", "not_rebuildable_count"):
        counts[name] += told[name]


def main() -> None:
    """Print one table."""
    files = [Path(text) for text in sys.argv[1:]]
    files = files or sorted((SHARED / "trajectories").glob("tau-bench*/*.json.gz"))
    os.environ["SECONDTAKE_SIM_LATENCY"] = "off"
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings({"home": Path(folder)})
        backend = LocalBackend(settings)
        recording = workflow_recording(backend, settings)
        changes = read_changes((), recording, llm="recorded")
        whole_s = seconds(lambda: replay_workflow(recording, changes, settings=settings))
        step_s = seconds(lambda: replay_stepwise(recording, changes, settings=settings))
        lines = [
            f"{'replay':44}{'s':>8}{'bar':>8}",
            f"{f'{STEPS} steps of a workflow':44}{whole_s:8.2f}{BAR_STEPS_S:8.2f}",
            f"{f'{STEPS} steps, stepwise':44}{step_s:8.2f}{'':>8}",
        ]
        if files:
            close_all()
            all_s, counts = replay_all(backend, settings, files)
            name = f"{counts['runs']} runs of tau-bench, read and loaded"
            lines.append(f"{name:44}{all_s:8.2f}{BAR_TAU_BENCH_S:8.2f}")
            lines += [f"  {name:42}{count:8,}" for name, count in counts.items()]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

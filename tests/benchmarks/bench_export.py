"""How fast runs are exported in each format, and in how much memory.

Run it: `python tests/benchmarks/bench_export.py [RUNS] [HOME]`. With HOME the runs of that home are
exported, else as many runs of 11 spans as are asked for, and one of 5,000 spans, are written first.
"""

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.support.seeding_bulk import SPANS_PER_RUN, write_bulk

from secondtake.backend.local import LocalBackend
from secondtake.backend.models.runs import RunQuery
from secondtake.runner.settings import load_settings

RUNS: Final = 10_000
"""`make bench` writes so many first; 100,000 take ten minutes to write and load."""
BAR_RSS_MB: Final = 700
"""DuckDB may use 400 MB, Python and the batch under way the rest; whatever the number of runs."""
POLL_S: Final = 0.05
FORMATS: Final = ("jsonl", "parquet", "otlp", "openai-finetune")


def main() -> int:
    """Print the figures; return 1 when a format takes more memory than it may."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with tempfile.TemporaryDirectory(prefix="secondtake-bench-") as folder:
        home = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder) / "home"
        if len(sys.argv) <= 2:
            home.mkdir()
            write_bulk(home, spans=runs * SPANS_PER_RUN)
        backend = LocalBackend(load_settings({"home": home}))
        stored = backend.list_runs(RunQuery(limit=1)).total_count
        backend.close()
        sys.stdout.write(f"{stored:,} runs\n")
        return max(export(home, name, Path(folder) / name) for name in FORMATS)


def export(home: Path, name: str, target: Path) -> int:
    """Export in a process of its own, and print what it took."""
    chosen = ["--min-score", "reward=1"] if name == "openai-finetune" else []
    program = [sys.executable, "-m", "secondtake.backend.cli.main", "--home", str(home)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun_s = time.monotonic()
    child = subprocess.Popen(
        [*program, "export", "runs", "--format", name, "-o", str(target), *chosen]
    )
    rss_mb = 0.0
    while child.poll() is None:
        rss_mb = max(rss_mb, peak_mb(child.pid))
        time.sleep(POLL_S)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    took_s = time.monotonic() - begun_s
    size = sum(path.stat().st_size for path in (*target.glob("*"), target) if path.is_file())
    cpu_s = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    sys.stdout.write(
        f"{name:<16} {took_s:7.1f} s, {cpu_s:7.1f} s of CPU, {size / 1e6:9,.1f} MB written, "
        f"{rss_mb:5.0f} MB of memory (at most {BAR_RSS_MB})\n"
    )
    sys.stdout.flush()
    shutil.rmtree(target, ignore_errors=True)
    return int(child.returncode != 0 or rss_mb > BAR_RSS_MB)


def peak_mb(pid: int) -> float:
    """Return the most memory that a process has had; what `wait4` says has its parent's in it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    lines = [line.split() for line in status.splitlines() if line.startswith("VmHWM")]
    return int(lines[0][1]) / 1024 if lines else 0.0


if __name__ == "__main__":
    sys.exit(main())

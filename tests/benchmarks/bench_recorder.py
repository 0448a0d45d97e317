"""What recording costs the calling thread, with a plain OpenTelemetry span beside it.

The bars: 30 µs for an event of up to 300 bytes, 100 µs for an LLM call with 1.5 KB of new text,
everything included. Machines differ: read the ratios, which come from the same process.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROUNDS = 4_000
TEXT = ("The heat pump moved three units of heat for each unit of power that it used. " * 40)[:1500]


def measure(work: Callable[[int], object]) -> tuple[float, float, float]:
    """Return the median and 95th percentile of wall time, and the CPU time per round, in µs."""
    for number in range(200):
        work(-number - 1)
    times = []
    cpu_s = time.process_time()
    for number in range(ROUNDS):
        started_s = time.perf_counter()
        work(number)
        times.append(time.perf_counter() - started_s)
    cpu_s = time.process_time() - cpu_s
    times.sort()
    return (
        statistics.median(times) * 1e6,
        times[int(len(times) * 0.95)] * 1e6,
        cpu_s / ROUNDS * 1e6,
    )


def opentelemetry_span() -> Callable[[int], object]:
    """Return what starts and ends a span with four attributes and batched export to a file."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    output = open(os.devnull, "w")  # noqa: SIM115 - lives as long as the process
    provider = TracerProvider()
    provider.add_span_processor(
        BatchSpanProcessor(ConsoleSpanExporter(out=output), max_queue_size=1 << 20)
    )
    tracer = provider.get_tracer("bench")

    def span(number: int) -> None:
        with tracer.start_as_current_span("tool") as current:
            current.set_attribute("gen_ai.tool.name", "add")
            current.set_attribute("gen_ai.tool.call.arguments", '{"a": 1, "b": 2}')
            current.set_attribute("gen_ai.tool.call.result", "3")
            current.set_attribute("number", number)

    return span


def rows() -> list[tuple[str, float, float, float]]:
    """Measure each way to record, in one process."""
    from secondtake.backend.prices.snapshot import ensure_snapshot
    from secondtake.runner import ambient, boundary, record
    from secondtake.runner.calls import LlmRequest, LlmResponse, Tokens
    from secondtake.runner.pricing import load_snapshot, price
    from secondtake.runner.run import start_run

    ensure_snapshot(Path(os.environ["SECONDTAKE_HOME"]))

    @record.tool
    def add(a: int, b: int) -> int:
        return a + b

    tokens = Tokens(
        input_tokens=400,
        output_tokens=100,
        uncached_input_tokens=400,
        text_output_tokens=100,
    )

    def llm_call(number: int) -> None:
        question = {"role": "user", "content": f"{number} {TEXT[:1150]}"}
        answer = LlmResponse(
            messages=[{"role": "assistant", "content": f"{number} {TEXT[:350]}"}],
            provider="openai",
            served_model="gpt-4o-2024-08-06",
            tokens=tokens,
        )
        boundary.call(LlmRequest(model="openai/gpt-4o", messages=[question]), lambda: answer)

    snapshot = load_snapshot(Path(os.environ["SECONDTAKE_HOME"]))

    def price_one(_: int) -> None:
        price(
            tokens,
            model="openai/gpt-4o",
            served_model="gpt-4o-2024-08-06",
            provider="openai",
            service_tier=None,
            snapshot=snapshot,
        )

    measured = [("OpenTelemetry span, batch exporter", *measure(opentelemetry_span()))]
    with start_run("bench"):
        measured.append(("event of 200 bytes (clock)", *measure(lambda _: ambient.now())))
        measured.append(("tool call, decorated", *measure(lambda n: add(n, 2))))
        measured.append(("LLM call, 1.5 KB of new text", *measure(llm_call)))
    measured.append(("of that: pricing it", *measure(price_one)))
    return measured


def import_seconds(statement: str) -> float:
    """Return the median wall time of a fresh interpreter that runs `statement`."""
    times = []
    for _ in range(7):
        started_s = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True, capture_output=True)
        times.append(time.perf_counter() - started_s)
    return statistics.median(times)


def main() -> None:
    """Print one table."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["SECONDTAKE_HOME"] = home
        measured = rows()
    base = measured[0][1]
    lines = [f"{'recording, per call':38}{'p50 µs':>9}{'p95 µs':>9}{'CPU µs':>9}{'ratio':>8}"]
    lines += [
        f"{name:38}{p50:9.1f}{p95:9.1f}{cpu:9.1f}{p50 / base:8.2f}"
        for name, p50, p95, cpu in measured
    ]
    bare = import_seconds("pass")
    lines.append(f"\n{'start-up':38}{'s':>9}{'over a bare interpreter':>26}")
    for name, statement in (
        ("import secondtake.runner.record", "import secondtake.runner.record"),
        (
            "secondtake --help",
            "import sys; sys.argv = ['secondtake', '--help']; "
            + "from secondtake.backend.cli.main import main; main()",
        ),
    ):
        seconds = import_seconds(statement)
        lines.append(f"{name:38}{seconds:9.3f}{seconds - bare:26.3f}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

"""The route that runs are exported by: one run a line, as many as fit."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, closing
from itertools import islice
from typing import Annotated, Final

import duckdb
from anyio import to_thread
from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from secondtake.backend.api import examples
from secondtake.backend.api.dependencies import TheServer, a_place_for_sql
from secondtake.backend.api.parameters import ExportParameters
from secondtake.backend.api.problems import documented
from secondtake.backend.api.server import Server
from secondtake.backend.models.exports import ExportedRun, ExportQuery
from secondtake.backend.services import exporting

MEDIA_TYPE: Final = "application/x-ndjson"
RUN_COUNT: Final = "X-Run-Count"
RUNS_AT_ONCE: Final = 100
CHARS_AT_ONCE: Final = 1 << 20

Batch = list[ExportedRun]

router = APIRouter(tags=["runs"], responses=documented(400, 403, 422, 500, 503))


@router.get(
    "/export",
    summary="Export runs, one a line",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": f"The runs as they were when the first one was read; `{RUN_COUNT}` says "
            "how many. A stream with fewer lines was cut.",
            "content": {MEDIA_TYPE: {"example": examples.EXPORTED}},
        }
    },
    dependencies=[Depends(a_place_for_sql)],
)
async def get_export(
    server: TheServer, parameters: Annotated[ExportParameters, Query()]
) -> StreamingResponse:
    """Send each run that fits with every row of it, in the order in which they were loaded."""
    batches = _batches(server, parameters.query())
    nothing: Batch = []
    first = await anext(batches, nothing)
    total = first[0].total if first else 0
    return StreamingResponse(
        _texts(first, batches), media_type=MEDIA_TYPE, headers={RUN_COUNT: str(total)}
    )


async def _texts(first: Batch, batches: AsyncGenerator[Batch]) -> AsyncGenerator[str]:
    async with aclosing(batches):
        yield _joined(first)
        async for batch in batches:
            yield _joined(batch)


async def _batches(server: Server, query: ExportQuery) -> AsyncGenerator[Batch]:
    """Yield the runs, so many at a time that a thread is worth it, and no more than that in memory.

    A server that is about to end interrupts the reading: the stream is then short.
    """
    with server.cursor() as con, closing(exporting.export_runs(con, query)) as runs:
        while True:
            try:
                batch = await to_thread.run_sync(_next_batch, runs)
            except duckdb.InterruptException:
                return
            if not batch:
                return
            yield batch


def _next_batch(runs: Iterator[ExportedRun]) -> Batch:
    batch: Batch = []
    chars = 0
    for run in islice(runs, RUNS_AT_ONCE):
        batch.append(run)
        chars += len(run.text)
        if chars >= CHARS_AT_ONCE:
            break
    return batch


def _joined(batch: Batch) -> str:
    return "".join(f"{run.text}\n" for run in batch)

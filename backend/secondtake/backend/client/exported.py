"""The answer to an export: a number of runs, then one a line."""

from collections.abc import Iterable, Iterator
from typing import Final

import httpx2

from secondtake.backend.client.problems import not_ours
from secondtake.backend.errors import NoServerError
from secondtake.backend.models.exports import ExportedRun

RUN_COUNT: Final = "x-run-count"
NEW_LINE: Final = b"\n"


def exported_runs(response: httpx2.Response, url: str) -> Iterator[ExportedRun]:
    """Yield the runs as they arrive.

    Raises:
        NoServerError: the server, which is at `url`, went away before the last run had come, or
            something else than our server answered.
    """
    total, done = _run_count(response), 0
    for line in lines_of(response.iter_bytes()):
        yield ExportedRun(line, total)
        done += 1
    if done < total:
        raise NoServerError(
            f"The server at {url} ended after {done:,} of {total:,} runs; export again when it is "
            "back."
        )


def lines_of(pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield each whole line of what arrives in pieces; what a cut connection leaves is none.

    At line feeds alone: a text may hold other characters that Python takes for the end of a line.
    """
    waiting: list[bytes] = []
    for piece in pieces:
        *ended, rest = piece.split(NEW_LINE)
        for end in ended:
            yield b"".join((*waiting, end)).decode()
            waiting = []
        if rest:
            waiting.append(rest)


def _run_count(response: httpx2.Response) -> int:
    try:
        return int(response.headers[RUN_COUNT])
    except (KeyError, ValueError) as error:
        raise not_ours(response) from error

"""The answer to an export: a number of runs, then one a line."""

from collections.abc import Iterable, Iterator
from typing import Final

import httpx2

from secondtake.backend.client.problems import not_ours

RUN_COUNT: Final = "x-run-count"
NEW_LINE: Final = b"\n"


def run_count_of(response: httpx2.Response) -> int:
    """Return how many lines will come.

    Raises:
        NoServerError: something else than our server answered.
    """
    try:
        return int(response.headers[RUN_COUNT])
    except (KeyError, ValueError) as error:
        raise not_ours(response) from error


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

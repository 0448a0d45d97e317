"""Searching texts line by line; also the program of the child that runs regular expressions.

As a program it reads one task from standard input and writes one answer, both JSON. It imports
the standard library only, as it is started without site-packages to be quick.
"""

import json
import re
import sys
from collections.abc import Callable
from typing import Any

MEMORY_BYTES = 512 * 1024 * 1024
CPU_S = 3
MAX_SHOWN = 300
"""Characters of a matching line that are returned."""


def search_plain(query: str, documents: list[tuple[str, str]], limit: int) -> list[dict[str, Any]]:
    """Return the lines that contain `query`, ignoring case."""
    wanted = query.casefold()
    return search_lines(lambda line: line.casefold().find(wanted), documents, limit)


def search_lines(
    find: Callable[[str], int], documents: list[tuple[str, str]], limit: int
) -> list[dict[str, Any]]:
    """Return path, line number and text of at most `limit` lines where `find` gives a place."""
    matches: list[dict[str, Any]] = []
    for path, text in documents:
        for number, line in enumerate(text.splitlines(), start=1):
            place = find(line)
            if place < 0:
                continue
            start = max(0, min(place, len(line)) - MAX_SHOWN // 2) if len(line) > MAX_SHOWN else 0
            shown = line[start : start + MAX_SHOWN].strip()
            matches.append({"path": path, "line": number, "text": shown})
            if len(matches) == limit:
                return matches
    return matches


def _search_regex(task: dict[str, Any]) -> dict[str, Any]:
    try:
        pattern = re.compile(task["query"], re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        return {"error": str(error)}

    def find(line: str) -> int:
        found = pattern.search(line)
        return found.start() if found else -1

    return {"matches": search_lines(find, task["documents"], task["limit"])}


def _main() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    sys.stdout.write(json.dumps(_search_regex(json.load(sys.stdin))))


if __name__ == "__main__":
    _main()

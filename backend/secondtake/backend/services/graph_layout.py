"""Puts the nodes of a graph into columns: the longest way from the start, cycles aside."""

from collections.abc import Iterable, Sequence


def layers(nodes: Sequence[str], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return the column of each node, 0 for the first one and all that nothing leads to.

    An edge that leads back to a node it came from is left out. Loops, no recursion: a graph that
    was read from somebody's file may be as deep as it likes.
    """
    after: dict[str, list[str]] = {name: [] for name in nodes}
    for start, end in edges:
        if start in after and end in after and start != end:
            after[start].append(end)
    order, back = _walk(nodes, after)
    column = dict.fromkeys(nodes, 0)
    for name in order:
        for end in after[name]:
            if (name, end) not in back:
                column[end] = max(column[end], column[name] + 1)
    return column


def _walk(
    nodes: Sequence[str], after: dict[str, list[str]]
) -> tuple[list[str], set[tuple[str, str]]]:
    """Return the nodes so that each stands before those it leads to, and the edges that lead back."""
    back: set[tuple[str, str]] = set()
    done: list[str] = []
    is_open: dict[str, bool] = {}
    for root in nodes:
        waiting = [(root, 0)] if root not in is_open else []
        while waiting:
            name, place = waiting.pop()
            is_open[name] = True
            if place == len(after[name]):
                is_open[name] = False
                done.append(name)
                continue
            waiting.append((name, place + 1))
            end = after[name][place]
            if end not in is_open:
                waiting.append((end, 0))
            elif is_open[end]:
                back.add((name, end))
    return done[::-1], back

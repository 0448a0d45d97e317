"""Two JSON values compared place by place.

`deepdiff` is not used here, after measuring it: in lists it takes 1 and True for the same ([True,
"b", 1.0] and [1, "b", True] do not differ to it); it pairs the items of a list of objects by their
index, so that one new item in front reads as all changed; 5,000 numbers against 5,000 took it
105 s; to import it takes 1.4 s where pandas is installed, more than a whole diff may take.
The tests compare with it.
"""

import json
import re
from collections.abc import Hashable, Iterable, Iterator
from typing import Any, Final

from secondtake.evals.diffs.features import canonical, digest
from secondtake.evals.diffs.model import Change
from secondtake.evals.diffs.sequences import compare_sequences
from secondtake.runner.narrow import is_list, is_object

CHANGES_MAX: Final = 1000
LIST_WORK_MAX: Final = 1_000_000
"""See `compare_sequences`; what is left of a longer list is paired by index."""

_PLAIN_KEY: Final = re.compile(r"[^\W\d][\w-]*")


def list_changes(a: Any, b: Any) -> list[Change]:
    """Return each place in which two JSON values differ, none when they are the same.

    Equal means equal as JSON text with sorted keys: 1 and 1.0 differ, as their hashes do. Lists
    are aligned as sequences; the path of a removed item has its index in A, of any other in B.
    Where more than `CHANGES_MAX` places differ they are drawn together to whole items, or to the
    whole object or list.
    """
    return _compare("", a, b)


def _compare(path: str, a: Any, b: Any) -> list[Change]:
    if is_object(a) and is_object(b):
        return _drawn_together(path, a, b, _pairs_of_objects(path, a, b))
    if is_list(a) and is_list(b):
        return _drawn_together(path, a, b, _pairs_of_lists(path, a, b))
    return [] if _is_same(a, b) else [Change(path=path, kind="changed", a=a, b=b)]


def _drawn_together(path: str, a: Any, b: Any, children: Iterable[Change]) -> list[Change]:
    """Return what differs in the children, each in detail as long as there are not too many."""
    whole: list[Change] = []
    details: list[Change] = []
    for child in children:
        if child.kind != "changed":
            found = [child]
        elif len(details) > CHANGES_MAX:
            found = [] if _is_same(child.a, child.b) else [child]
        else:
            found = _compare(child.path, child.a, child.b)
        if found:
            details += found
            whole.append(child)
        if len(whole) > CHANGES_MAX:
            return [Change(path=path, kind="changed", a=a, b=b)]
    return details if len(details) <= CHANGES_MAX else whole


def _pairs_of_objects(path: str, a: dict[str, Any], b: dict[str, Any]) -> Iterator[Change]:
    """Yield each key as if it had changed, in the order of A, then what only B has."""
    for key, value in a.items():
        below = _key_path(path, key)
        if key in b:
            yield _child(below, value, b[key])
        else:
            yield Change(path=below, kind="removed", a=value)
    for key, value in b.items():
        if key not in a:
            yield Change(path=_key_path(path, key), kind="added", b=value)


def _pairs_of_lists(path: str, a: list[Any], b: list[Any]) -> Iterator[Change]:
    """Yield each item between those that are equal, as if it had changed."""
    items_a, items_b = [_identity(item) for item in a], [_identity(item) for item in b]
    opcodes = compare_sequences(items_a, items_b, work_max=LIST_WORK_MAX).opcodes
    for tag, a_start, a_stop, b_start, b_stop in opcodes:
        if tag == "equal":
            continue
        both = min(a_stop - a_start, b_stop - b_start)
        for offset in range(both):
            below = f"{path}[{b_start + offset}]"
            yield _child(below, a[a_start + offset], b[b_start + offset])
        for i in range(a_start + both, a_stop):
            yield Change(path=f"{path}[{i}]", kind="removed", a=a[i])
        for j in range(b_start + both, b_stop):
            yield Change(path=f"{path}[{j}]", kind="added", b=b[j])


def _identity(item: Any) -> Hashable:
    """Return what is equal for equal items alone; Python takes 1, 1.0 and True for equal."""
    if isinstance(item, str):
        return item
    return (type(item), item) if isinstance(item, bool | int | float) else digest(item)


def _child(path: str, a: Any, b: Any) -> Change:
    # Not validated: a copy of each level of a deep value would be made for nothing.
    return Change.model_construct(path=path, kind="changed", a=a, b=b)


def _is_same(a: Any, b: Any) -> bool:
    if isinstance(a, str) and isinstance(b, str):
        return a == b
    return canonical(a) == canonical(b)


def _key_path(path: str, key: Any) -> str:
    name = str(key)
    if _PLAIN_KEY.fullmatch(name):
        return f"{path}.{name}" if path else name
    return f"{path}[{json.dumps(name, ensure_ascii=False)}]"

"""Inputs of many runs: a file with one JSON object a line, read as a stream."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from secondtake.runner.errors import UsageError
from secondtake.runner.narrow import is_list, is_object

if TYPE_CHECKING:
    from secondtake.runner.comparing import Case

LINE_BYTES_MAX: Final = 16 << 20

Check = Callable[[Mapping[str, Any]], object]
"""Raises UsageError for inputs that a workflow does not take."""


class CaseFile:
    """The cases of a file; each is named by its line number. Holds one line at a time."""

    def __init__(self, path: Path, *, common: Mapping[str, Any], check: Check) -> None:
        """Name the file; nothing is read yet.

        Args:
            path: the file; `-` is none, since it is read twice.
            common: inputs of all cases; those of a line win.
            check: looks at the inputs of each line.
        """
        self._path = path
        self._common = common
        self._check = check

    def count(self) -> int:
        """Read and check every line before anything is executed, and return how many there are.

        Raises:
            UsageError: the file cannot be read, a line is wrong, or there is none.
        """
        number = sum(1 for _ in self)
        if not number:
            raise UsageError(f"{self._path} holds no inputs; write one JSON object a line.")
        return number

    def __iter__(self) -> "Iterator[Case]":
        """Yield the cases; empty lines are none.

        Raises:
            UsageError: the file cannot be read, or a line is wrong.
        """
        from secondtake.runner.comparing import Case

        for number, line in self._lines():
            inputs = {**self._common, **self._object(number, line)}
            try:
                self._check(inputs)
            except UsageError as error:
                told = "\n".join(f"{self._place(number)}: {t}" for t in error.message.splitlines())
                raise UsageError(told) from None
            yield Case(case_id=str(number), inputs=inputs)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        number = 0
        try:
            with self._path.open("rb") as file:
                while line := file.readline(LINE_BYTES_MAX + 1):
                    number += 1
                    if len(line) > LINE_BYTES_MAX:
                        raise UsageError(
                            f"{self._place(number)}: the line is longer than "
                            f"{LINE_BYTES_MAX >> 20} MB; split it, or name a file in it."
                        )
                    if number == 1:
                        line = line.removeprefix(b"\xef\xbb\xbf")  # some editors begin a file so
                    if line.strip():
                        yield number, line
        except OSError as error:
            raise UsageError(
                f"Cannot read {self._path} ({error.strerror}); name a file."
            ) from error

    def _object(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            value = json.loads(line.rstrip())
        except UnicodeDecodeError:
            raise UsageError(f"{self._place(number)}: is not UTF-8 text.") from None
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", None) or "it is nested too deeply"
            column = f":{error.colno}" if isinstance(error, json.JSONDecodeError) else ""
            raise UsageError(
                f"{self._place(number)}{column}: no JSON ({reason}); write one object a line."
            ) from None
        if not is_object(value):
            raise UsageError(
                f"{self._place(number)}: {_kind(value)}; write an object of inputs, "
                'like {"topic": "heat pumps"}.'
            )
        return value

    def _place(self, number: int) -> str:
        return f"{self._path}:{number}"


def _kind(value: Any) -> str:
    if is_list(value):
        return "a list"
    if isinstance(value, str):
        return "a text"
    return "nothing" if value is None else "a number or a truth value"

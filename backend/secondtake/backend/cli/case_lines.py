"""Inputs of many runs: a file with one JSON object a line, read as a stream."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from secondtake.backend.case_texts import object_of
from secondtake.runner.errors import UsageError

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
            inputs = {**self._common, **object_of(line, place=self._place(number))}
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

    def _place(self, number: int) -> str:
        return f"{self._path}:{number}"

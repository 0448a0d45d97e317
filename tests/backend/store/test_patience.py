"""A read that found no memory is done again; one that never finds any says so."""

import duckdb
import pytest

from secondtake.backend.store import patience
from secondtake.backend.store.patience import patient

OutOfMemory = duckdb.OutOfMemoryException


class Reads:
    """Fails so many times."""

    def __init__(self, failures: int, error: type[Exception] = OutOfMemory) -> None:
        self.left = failures
        self.error = error
        self.calls = 0

    def read(self, value: int, *, more: int = 0) -> int:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error("no memory")
        return value + more


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSES_S", (0, 0))


def test_it_is_tried_again_with_the_same_arguments() -> None:
    for failures in range(4):
        reads = Reads(failures)
        assert patient(reads.read)(40, more=2) == 42
        assert reads.calls == failures + 1


def test_what_never_fits_is_told() -> None:
    reads = Reads(100)
    with pytest.raises(OutOfMemory):
        patient(reads.read)(1)
    assert reads.calls == 4
    assert patient(Reads(1).read)(1) == 1, "nobody waits for a read that has failed"


def test_another_error_is_told_at_once() -> None:
    reads = Reads(1, duckdb.IOException)
    with pytest.raises(duckdb.IOException):
        patient(reads.read)(1)
    assert reads.calls == 1

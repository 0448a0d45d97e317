from pathlib import Path

import pytest
from tests.support.journal import recorded

from secondtake.runner import ambient, record


def test_clock_random_and_uuid_are_recorded_with_what_they_gave(home: Path) -> None:
    @record.run
    def dice() -> list[str]:
        return [str(ambient.randint(1, 6)), str(ambient.uuid()), ambient.now().isoformat()]

    given = dice()

    reads = recorded(home, "ambient_read")
    assert [read["ambient_kind"] for read in reads] == ["random", "uuid", "clock"]
    assert [str(read["value"]) for read in reads] == given


def test_outside_a_run_they_are_the_plain_ones() -> None:
    assert 0 <= ambient.random() < 1
    assert ambient.uuid() != ambient.uuid()
    assert ambient.choice([7]) == 7
    assert ambient.now().tzinfo is not None


def test_nothing_can_be_chosen_from_nothing() -> None:
    with pytest.raises(IndexError, match="empty"):
        ambient.choice([])

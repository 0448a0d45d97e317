"""Tables of plain text."""

from hypothesis import given
from hypothesis import strategies as st

from secondtake.backend.cli.tables import Column, cells, cut, table

COLUMNS = (Column(title="ID"), Column(title="NAME", shrinks_to=4), Column(title="N", right=True))


def test_columns_are_aligned_and_numbers_stand_right() -> None:
    lines = table(COLUMNS, [["a", "long name", "1"], ["bbb", "x", "1,000"]], width=None)
    assert lines == ["ID   NAME           N", "a    long name      1", "bbb  x          1,000"]


def test_only_what_may_be_cut_is_cut() -> None:
    lines = table(COLUMNS, [["0123456789", "a very long name", "12345"]], width=26)
    assert lines[1] == "0123456789  a very…  12345"
    narrow = table(COLUMNS, [["0123456789", "a very long name", "12345"]], width=10)
    assert narrow[1] == "0123456789  a v…  12345"


def test_wide_characters_take_two_cells() -> None:
    assert cells("日本") == 4
    assert cut("日本語", 5) == "日本…"
    lines = table(COLUMNS, [["a", "日本", "1"], ["b", "xx", "2"]], width=None)
    assert len({cells(line) for line in lines[1:]}) == 1


@given(st.text(st.characters(exclude_categories=("C", "Z")), max_size=30), st.integers(1, 20))
def test_a_cut_text_fits(text: str, width: int) -> None:
    assert cells(cut(text, width)) <= width

"""Two texts compared: nothing is lost, it reads well, and it ends."""

import difflib
import itertools
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secondtake.evals.diffs.model import TextDiff
from secondtake.evals.diffs.texts import compare_texts, indented_json, tokens_of

TEXTS = st.text(alphabet="ab .\n1", max_size=60) | st.text(max_size=30)


def side(diff: TextDiff, other: str) -> str:
    return "".join(piece.text for piece in diff.pieces if piece.operation != other)


def marked(diff: TextDiff) -> str:
    marks = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    return "".join(marks[piece.operation].format(piece.text) for piece in diff.pieces)


@given(TEXTS, TEXTS)
@example("a b", "a c")
@example("a\n", "a")
def test_the_pieces_make_up_both_texts(a: str, b: str) -> None:
    diff = compare_texts(a, b)

    assert side(diff, "added") == a
    assert side(diff, "removed") == b
    assert diff.is_same == (a == b)
    assert all(piece.text for piece in diff.pieces)


@given(TEXTS, TEXTS)
def test_edits_are_never_parted_by_white_space_alone(a: str, b: str) -> None:
    pieces = compare_texts(a, b).pieces

    inner = pieces[1:-1]
    assert not any(piece.operation == "same" and piece.text.isspace() for piece in inner)
    assert all(one.operation != two.operation for one, two in itertools.pairwise(pieces))


@given(st.text(max_size=200))
def test_tokens_make_up_the_text(text: str) -> None:
    assert "".join(tokens_of(text)) == text


def test_tokens_are_words_numbers_signs_and_space() -> None:
    assert tokens_of("I'm 84.90 EUR-rich,\n ok.") == [
        "I'm", " ", "84.90", " ", "EUR-rich", ",", "\n ", "ok", "."
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("It costs 84.90 EUR.", "It costs 85.10 EUR.", "It costs [-84.90-]{+85.10+} EUR."),
        ("a red car", "a blue bike", "a [-red car-]{+blue bike+}"),
        ("one two three", "one three", "one [-two -]three"),
        ("one\ntwo\n", "one\ntwo\nthree\n", "one\ntwo\n{+three\n+}"),
        ("", "new", "{+new+}"),
        ("old", "", "[-old-]"),
        ("same", "same", "same"),
    ],
)
def test_a_word_diff_reads_as_a_person_would_mark_it(a: str, b: str, expected: str) -> None:
    assert marked(compare_texts(a, b)) == expected


LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n"]), max_size=25)


@given(LINES, LINES)
def test_the_unified_diff_turns_a_into_b(a: list[str], b: list[str]) -> None:
    unified = compare_texts("".join(a), "".join(b)).unified.splitlines(keepends=True)

    if a == b:
        assert unified == []
        return
    assert unified[:2] == ["--- A\n", "+++ B\n"]
    patched, at = [], 0
    for line in unified[2:]:
        if line.startswith("@@"):
            start, _, length = line.split()[1][1:].partition(",")
            begin = int(start) - (length != "0")
            patched += a[at:begin]
            at = begin
        elif line[0] == "+":
            patched.append(line[1:])
        else:
            assert a[at] == line[1:]
            at += 1
            patched += [line[1:]] if line[0] == " " else []
    assert patched + a[at:] == b


def test_the_unified_diff_is_what_diff_writes(tmp_path: Path) -> None:
    program = shutil.which("diff")
    if program is None:
        pytest.skip("there is no diff program")
    a = "".join(f"line {i}\n" for i in range(40)) + "last"
    b = a.replace("line 5\n", "line five\n").replace("line 30\n", "") + " one\n"
    (tmp_path / "a").write_text(a)
    (tmp_path / "b").write_text(b)

    said = subprocess.run(
        [program, "-u", "a", "b"], cwd=tmp_path, capture_output=True, text=True, check=False
    ).stdout

    assert compare_texts(a, b).unified.splitlines()[2:] == said.splitlines()[2:]


def test_a_small_change_in_a_long_text_is_found_by_word() -> None:
    lines = [f"Line {i} tells of the heat pump number {i * 7}.\n" for i in range(40_000)]
    a, b = "".join(lines), "".join([*lines[:900], lines[900].replace("heat", "cold"), *lines[901:]])

    diff = compare_texts(a, b)

    assert [piece.text for piece in diff.pieces if piece.operation != "same"] == ["heat", "cold"]
    assert not diff.too_long


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("a b c d " * 5000, "b a d c " * 5000),
        (". " * 200_000, ", " * 200_000 + "."),
        ("a\nb\n" * 50_000, "b\na\n" * 50_000),
        ("x" * 10_000_000, "y" * 10_000_000),
        ("word " * 2_000_000, "word " * 1_999_999 + "end"),
    ],
    ids=["periodic", "signs", "periodic lines", "one word of 10 MB", "one line of 10 MB"],
)
def test_texts_that_are_hard_to_compare_are_compared_by_line(a: str, b: str) -> None:
    diff = compare_texts(a, b)

    assert diff.too_long
    assert side(diff, "added") == a
    assert side(diff, "removed") == b


def test_words_are_matched_as_difflib_matches_them() -> None:
    a = "The quick brown fox jumps over the lazy dog and then over the fence again"
    b = "A quick red fox leaps over the very lazy dog and over the old fence again"
    matcher = difflib.SequenceMatcher(str.isspace, tokens_of(a), tokens_of(b), autojunk=False)
    matched = sum(block.size for block in matcher.get_matching_blocks())

    same = [piece.text for piece in compare_texts(a, b).pieces if piece.operation == "same"]

    kept = sum(len(tokens_of(text)) for text in same)
    assert 0 <= matched - kept <= 3  # white space between two edits belongs to them


def test_json_is_written_in_lines_with_sorted_keys() -> None:
    assert indented_json({"b": 1, "a": [True]}) == '{\n  "a": [\n    true\n  ],\n  "b": 1\n}'
    assert indented_json({"big": 10**30, "half": "\ud800"}) != ""

import gzip
import re
from pathlib import Path

import pytest

from secondtake.backend.importers.files import parse_json, read_bytes, stem_of
from secondtake.runner.errors import UsageError


def test_a_gzip_is_known_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    path.write_bytes(gzip.compress(b"[1]"))
    assert read_bytes(path) == b"[1]"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(f"There is no file {tmp_path / 'no.json'}")):
        read_bytes(tmp_path / "no.json")


def test_a_folder_is_refused_with_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder; name the files in it"):
        read_bytes(tmp_path)


@pytest.mark.parametrize(
    "data", [b"", b" \n", gzip.compress(b"")], ids=["nothing", "blank", "packed nothing"]
)
def test_an_empty_file_is_called_empty(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "runs.json"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="is empty"):
        read_bytes(path)


def test_a_cut_gzip_is_called_broken(tmp_path: Path) -> None:
    path = tmp_path / "runs.json.gz"
    path.write_bytes(gzip.compress(b"[1, 2, 3]" * 100)[:-9])
    with pytest.raises(UsageError, match="is broken gzip"):
        read_bytes(path)


def test_a_json_mistake_has_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    with pytest.raises(UsageError, match=r"runs\.json:2:3: not JSON"):
        parse_json(path, b"[1,\n  ")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        parse_json(tmp_path / "x", b"\xff\xfe\x00")


def test_endless_nesting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nested too deeply"):
        parse_json(tmp_path / "x", b"[" * 100_000)


def test_odd_numbers_and_half_characters_become_json_by_our_rules(tmp_path: Path) -> None:
    value = parse_json(tmp_path / "x", b'[NaN, 99999999999999999999, "\\ud800"]')
    assert value == [{"$float": "nan"}, {"$int": "99999999999999999999"}, "\\ud800"]


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    assert parse_json(tmp_path / "x", b"\xef\xbb\xbf[1]") == [1]


@pytest.mark.parametrize("name", ["a.b", "a.b.json", "a.b.json.gz", "a.b.gz"])
def test_the_stem_leaves_out_how_the_file_is_packed(name: str) -> None:
    assert stem_of(Path("x") / name) == "a.b"

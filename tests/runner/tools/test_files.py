import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from secondtake.runner.errors import ToolError
from secondtake.runner.tools.files import MAX_CHARACTERS, FileTools, is_binary


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text("one\ntwo\nthree\n", encoding="utf-8")
    (folder / "sub" / "b.txt").write_text("bé\n", encoding="utf-8")
    (folder / ".env").write_text("KEY=secret", encoding="utf-8")
    (tmp_path / "outside.txt").write_text("secret", encoding="utf-8")
    return folder


@pytest.fixture
def files(root: Path) -> FileTools:
    return FileTools(root)


def test_a_file_is_read_with_offset_and_limit(files: FileTools) -> None:
    assert files.read_file("a.md") == "one\ntwo\nthree\n"
    assert files.read_file("a.md", offset=2, limit=1) == (
        "two\n[more follows; read on with offset=3]"
    )
    assert files.read_file("a.md", offset=3) == "three\n"
    with pytest.raises(ToolError, match="fewer than 9 lines"):
        files.read_file("a.md", offset=9)


def test_files_are_listed_sorted_and_without_hidden_ones(files: FileTools) -> None:
    assert [entry["path"] for entry in files.list_files()] == ["a.md", "sub/b.txt"]
    assert files.list_files("sub") == [{"path": "sub/b.txt", "size_bytes": 4}]
    assert [entry["path"] for entry in files.list_files(pattern="*.md")] == ["a.md"]


@pytest.mark.parametrize(
    "path",
    [
        "../outside.txt",
        "/etc/passwd",
        "sub/../../outside.txt",
        "link",
        "linked-folder/outside.txt",
        ".env",
        "sub/../.env",
        "nothing.md",
        "a\0b",
        "x" * 5000,
        "a.md/b",
        "loop",
    ],
)
def test_nothing_outside_and_nothing_hidden_can_be_read(
    files: FileTools, root: Path, path: str
) -> None:
    (root / "link").symlink_to(root.parent / "outside.txt")
    (root / "linked-folder").symlink_to(root.parent, target_is_directory=True)
    (root / "loop").symlink_to(root / "loop")
    with pytest.raises(ToolError) as refused:
        files.read_file(path)
    assert str(root) not in refused.value.message
    listed = [entry["path"] for entry in files.list_files()]
    assert listed == ["a.md", "sub/b.txt"]


def test_a_link_inside_the_root_can_be_read(files: FileTools, root: Path) -> None:
    (root / "same.md").symlink_to(root / "a.md")
    assert files.read_file("same.md").startswith("one")


@pytest.fixture
def special(root: Path) -> Iterator[Path]:
    os.mkfifo(root / "fifo")
    listener = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(root)  # the path of a socket must be short
    listener.bind("socket")
    os.chdir(here)
    yield root
    listener.close()


@pytest.mark.timeout(10)
@pytest.mark.parametrize("name", ["fifo", "socket"])
def test_a_fifo_or_socket_is_refused_at_once(files: FileTools, special: Path, name: str) -> None:
    with pytest.raises(ToolError):
        files.read_file(name)
    assert name not in [entry["path"] for entry in files.list_files()]


def test_a_device_reached_by_a_root_of_devices_is_refused() -> None:
    with pytest.raises(ToolError, match="not a regular file"):
        FileTools(Path("/dev")).read_file("zero")


def test_a_binary_file_is_refused(files: FileTools, root: Path) -> None:
    (root / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    with pytest.raises(ToolError, match="not a text file"):
        files.read_file("picture.png")


def test_a_huge_file_is_read_in_bounded_pieces(files: FileTools, root: Path) -> None:
    (root / "big.txt").write_text("x" * 100 + "\n", encoding="utf-8")
    with (root / "big.txt").open("a", encoding="utf-8") as file:
        for _ in range(2000):
            file.write("y" * 99 + "\n")
        file.write("z" * 5_000_000)
    first = files.read_file("big.txt", limit=2000)
    assert len(first) <= MAX_CHARACTERS + 100
    assert "read on with offset=" in first
    last = files.read_file("big.txt", offset=2002)
    assert "more bytes of this line left out" in last


def test_a_folder_is_no_file_and_a_file_no_folder(files: FileTools) -> None:
    with pytest.raises(ToolError, match="list_files"):
        files.read_file("sub")
    with pytest.raises(ToolError, match="read_file"):
        files.list_files("a.md")


def test_a_root_that_does_not_exist_is_said(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="does not exist"):
        FileTools(tmp_path / "none").list_files()


def test_a_character_cut_in_two_is_text() -> None:
    assert not is_binary("é".encode()[:1])
    assert not is_binary(b"abc" + "€".encode()[:2])
    assert is_binary(b"\xff\xfe abc")
    assert is_binary(b"\xc3 abc def")


def test_the_home_folder_inside_the_root_is_kept_out(tmp_path: Path) -> None:
    (tmp_path / "home" / "journal").mkdir(parents=True)
    (tmp_path / "home" / "journal" / "1.ndjson").write_text("recorded")
    (tmp_path / "notes.txt").write_text("notes")
    files = FileTools(tmp_path, keep_out=tmp_path / "home")

    assert [file["path"] for file in files.list_files()] == ["notes.txt"]
    with pytest.raises(ToolError, match="There is no"):
        files.read_file("home/journal/1.ndjson")


def test_a_root_inside_the_home_folder_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "notes.txt").write_text("notes")

    assert FileTools(tmp_path / "documents", keep_out=tmp_path).read_file("notes.txt") == "notes"

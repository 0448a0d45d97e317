import os
from pathlib import Path

import pytest

from secondtake.runner.errors import ToolError
from secondtake.runner.tools.files import FileTools
from secondtake.runner.tools.write_file import FileWriter


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text("one\n", encoding="utf-8")
    (folder / "link").symlink_to(tmp_path / "outside.txt")
    (folder / "out").symlink_to(tmp_path)
    (folder / ".hidden").mkdir()
    os.mkfifo(folder / "fifo")
    return folder


@pytest.fixture
def writer(root: Path) -> FileWriter:
    return FileWriter(FileTools(root))


def test_a_file_is_written_whole_and_nothing_is_left_beside_it(
    writer: FileWriter, root: Path
) -> None:
    assert writer.write_file("sub/b.md", "bé") == {"path": "sub/b.md", "written_bytes": 3}
    assert (root / "sub" / "b.md").read_text(encoding="utf-8") == "bé"
    assert os.listdir(root / "sub") == ["b.md"]


def test_what_is_there_is_replaced_only_when_that_is_said(writer: FileWriter, root: Path) -> None:
    with pytest.raises(ToolError, match="is there already; use the mode overwrite or append"):
        writer.write_file("a.md", "two\n")
    assert (root / "a.md").read_text() == "one\n"
    writer.write_file("a.md", "two\n", "append")
    assert (root / "a.md").read_text() == "one\ntwo\n"
    writer.write_file("a.md", "three\n", "overwrite")
    assert (root / "a.md").read_text() == "three\n"
    assert not [name for name in os.listdir(root) if name.startswith(".a.md")]


@pytest.mark.parametrize("mode", ["create", "overwrite", "append"])
@pytest.mark.parametrize(
    "path",
    [
        "../outside.txt",
        "/tmp/outside.txt",
        "out/outside.txt",
        "link",
        "fifo",
        "sub",
        ".env",
        ".hidden/x",
        "sub/../../outside.txt",
        "nowhere/x",
        "a.md/x",
        "x\0y",
        "",
        "..",
        "x" * 300,
    ],
)
def test_nothing_is_written_elsewhere(writer: FileWriter, root: Path, path: str, mode: str) -> None:
    with pytest.raises(ToolError):
        writer.write_file(path, "x", mode)  # type: ignore[arg-type]
    assert sorted(os.listdir(root.parent)) == ["files"]
    assert sorted(os.listdir(root)) == [".hidden", "a.md", "fifo", "link", "out", "sub"]
    assert os.listdir(root / "sub") == os.listdir(root / ".hidden") == []

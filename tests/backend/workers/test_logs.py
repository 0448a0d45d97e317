"""Logs that many processes share and that never grow without bound."""

import os
from pathlib import Path

from secondtake.backend.workers.logs import last_line, log_path, log_size, open_log, trim_log


def test_a_log_that_grew_too_large_keeps_its_end_and_its_writers(home: Path) -> None:
    log = open_log(home, "worker")
    for number in range(1000):
        os.write(log, b"line %d\n" % number)
    trim_log(home, "worker", most_bytes=100)
    os.write(log, b"after\n")
    os.close(log)

    lines = log_path(home, "worker").read_text().splitlines()
    assert lines[-2:] == ["line 999", "after"]
    assert log_size(home, "worker") <= 110
    assert all(line.startswith(("line ", "after")) for line in lines)


def test_a_small_log_is_left_alone_and_a_missing_one_is_no_fault(home: Path) -> None:
    trim_log(home, "worker", most_bytes=100)
    assert last_line(home, "worker") is None
    log = open_log(home, "worker")
    os.write(log, b"one\n\n")
    os.close(log)
    trim_log(home, "worker", most_bytes=100)
    assert log_path(home, "worker").read_bytes() == b"one\n\n"


def test_the_last_words_are_those_since_a_place(home: Path) -> None:
    log = open_log(home, "worker")
    os.write(log, b"of another process\n")
    begin = log_size(home, "worker")
    assert last_line(home, "worker", since_bytes=begin) is None
    os.write(log, b"Traceback\n  ImportError: no\n\n")
    os.close(log)
    assert last_line(home, "worker", since_bytes=begin) == "ImportError: no"

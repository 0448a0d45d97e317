import threading
from pathlib import Path
from typing import Any

from tests.support.journal import all_bytes, recorded

from secondtake.runner import memory, record


def test_memory_outlives_the_run_and_each_read_and_write_is_recorded(home: Path) -> None:
    @record.run("bot")
    def remember(value: str) -> None:
        memory.put("colour", value)

    @record.run("bot")
    def recall() -> Any:
        return memory.get("colour"), memory.get("colour", "none", scope="workflow")

    @record.run("other")
    def stranger() -> Any:
        return memory.get("colour")

    remember("green")

    assert recall() == ("green", "none")
    assert stranger() is None
    changes = recorded(home, "memory")
    assert [(c["operation"], c["scope"]) for c in changes] == [
        ("write", "agent"), ("read", "agent"), ("read", "workflow"), ("read", "agent"),
    ]  # fmt: skip


def test_memory_works_outside_a_run_and_records_nothing(home: Path) -> None:
    memory.put("colour", {"name": "green"})

    assert memory.get("colour") == {"name": "green"}
    assert not (home / "journal").exists()


def test_two_writers_at_once_lose_nothing(home: Path) -> None:
    threads = [threading.Thread(target=memory.put, args=(f"key{n}", n)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [memory.get(f"key{n}") for n in range(16)] == list(range(16))


def test_a_secret_is_kept_as_its_placeholder(home: Path) -> None:
    memory.put("login", {"password": "Tr0ub4dor&3"})

    assert b"Tr0ub4dor" not in all_bytes(home)
    assert memory.get("login")["password"].startswith("<secret:")

"""What keeps `secondtake up` from starting is one sentence with the cure."""

import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.backend.up.program import TIMEOUT_S, Up
from tests.support.servers import free_port, processes_of

from secondtake.backend.up import checks
from secondtake.backend.up.checks import check_host, check_installed, check_port
from secondtake.backend.up.links import has_desktop
from secondtake.runner.errors import SecondTakeError, UsageError


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens at."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def refusal(home: Path, *words: str, port: int | None = None) -> tuple[int, str]:
    """Return exit code and output of an `up` that does not start."""
    with Up(home, *words, port=port, ready=False) as up:
        code = up.process.wait(TIMEOUT_S)
        assert processes_of(home) == {}
        return code, up.said


def test_a_taken_port_is_one_sentence(home: Path, taken: int) -> None:
    code, said = refusal(home, "--no-studio", port=taken)
    assert code == 2
    assert said.startswith(f"error: Port {taken} of 127.0.0.1 cannot be used: Address already in")
    assert "choose another: --port " in said
    assert said.count("\n") == 1
    assert not (home / "up.lock").exists()


def test_a_taken_studio_port_names_its_own_option(home: Path, taken: int) -> None:
    code, said = refusal(home, "--studio-port", str(taken))
    assert code == 2
    assert f"Port {taken}" in said
    assert "choose another: --studio-port " in said


def test_an_address_that_others_reach_is_refused(home: Path) -> None:
    code, said = refusal(home, "--host", "0.0.0.0")
    assert code == 2
    assert said.startswith("error: --host 0.0.0.0: others could reach the server there")
    assert said.count("\n") == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_addresses_of_this_machine_are_fine(host: str) -> None:
    check_host(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", ""])
def test_all_other_addresses_are_refused(host: str) -> None:
    with pytest.raises(UsageError, match="leave --host out"):
        check_host(host)


def test_a_second_up_of_the_same_home_names_the_first(home: Path) -> None:
    with Up(home, "--no-studio") as first:
        second = Up(home, "--no-studio", ready=False)
        assert second.process.wait(TIMEOUT_S) == 1
        assert "runs for this home already" in second.said
        assert f"process {first.process.pid}, {first.url}" in second.said
        assert first.get("/health").status_code == 200
        assert first.end() == 0


def test_a_locked_store_names_its_holder(home: Path) -> None:
    holding = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from secondtake.backend.store.connection import open_store
        con = open_store(Path(sys.argv[1]))
        print("held", flush=True)
        sys.stdin.read()
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"SECONDTAKE_HOME": "elsewhere"},
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        code, said = refusal(home, "--no-studio")
        holder.kill()
    assert code == 1
    assert said.startswith("error: The server did not start: The database ")
    assert f"is in use by process {holder.pid}" in said
    assert said.count("\n") == 1


def test_a_missing_extra_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(checks.NEEDED, "studio", ("no_such_module",))
    with pytest.raises(SecondTakeError, match=r"pip install 'secondtake\[.*--no-studio"):
        check_installed("studio")
    check_installed("server")


def test_a_port_is_waited_for_when_its_user_is_ending() -> None:
    port = free_port()
    check_port("127.0.0.1", port, option="--port")
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(UsageError):
            check_port("127.0.0.1", port, option="--port", wait_s=0.3)
    check_port("127.0.0.1", port, option="--port", wait_s=0.3)


@pytest.mark.parametrize(
    ("environ", "there"),
    [({}, sys.platform == "darwin"), ({"DISPLAY": ":0"}, True), ({"DISPLAY": ":0", "CI": "1"}, False),
     ({"DISPLAY": ":0", "SSH_CONNECTION": "x"}, False)],
)  # fmt: skip
def test_a_browser_opens_only_where_somebody_sits(environ: dict[str, str], there: bool) -> None:
    assert has_desktop(environ) is there

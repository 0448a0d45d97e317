"""What the browser tests stand on: a browser is found or installed once, and nothing escapes it."""

import os
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import BrowserContext
from tests.support.browser import Window, is_inside
from tests.support.browser_outside import Outside
from tests.support.repository import REPOSITORY

TOOLS: Final = (
    "bash",
    "chmod",
    "dirname",
    "env",
    "find",
    "grep",
    "python3",
    "sleep",
    "timeout",
    "touch",
)


class Machine:
    """A machine without a browser: a copy of the script, and a path of chosen programs."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "bin"
        self.log = folder / "log"
        self.script = folder / "infra" / "browser.sh"
        for path in (self.programs, self.script.parent, folder / ".venv"):
            path.mkdir(parents=True)
        shutil.copy(REPOSITORY / "infra" / "browser.sh", self.script)
        for name in TOOLS:
            found = shutil.which(name)
            assert found is not None
            (self.programs / name).symlink_to(found)
        # A Python without Playwright: nothing is looked for, and nothing downloaded, outside.
        refused = 'case "$1" in -|-m) exit 1;; esac'
        self.has("python-own", f'{refused}\nexec {sys.executable} "$@"')

    def has(self, name: str, body: str) -> Path:
        """Put a program on the path."""
        path = self.programs / name
        path.write_text(f"#!/usr/bin/env bash\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the script there."""
        python = str(self.programs / "python-own")
        return subprocess.run(
            ["bash", str(self.script)],
            env={"PATH": str(self.programs), "SECONDTAKE_PYTHON": python, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def debian(machine: Machine) -> Machine:
    """A machine on which root can install a package."""
    machine.has("id", "echo 0")
    machine.has(
        "apt-get",
        f'echo "$@" >> {machine.log}\nsleep 0.3\n[ "$1" = install ] || exit 0\n'
        f'printf "#!/usr/bin/env bash\\necho Chromium 1.2\\n" > {machine.programs}/chromium\n'
        f"chmod +x {machine.programs}/chromium",
    )
    return machine


def test_a_browser_that_is_there_is_taken_and_nothing_is_installed(debian: Machine) -> None:
    chromium = debian.has("google-chrome", "echo Google Chrome 1.2")
    result = debian.run()
    assert (result.returncode, result.stdout.strip()) == (0, str(chromium))
    assert not debian.log.exists()


def test_a_named_browser_comes_first(machine: Machine, tmp_path: Path) -> None:
    machine.has("chromium", "echo Chromium 1.2")
    named = machine.has("named", "echo Chromium 3.4")
    assert machine.run(SECONDTAKE_CHROMIUM=str(named)).stdout.strip() == str(named)

    wrong = machine.run(SECONDTAKE_CHROMIUM=str(tmp_path / "nowhere"))
    assert wrong.returncode == 1
    assert "correct or unset it" in wrong.stderr


def test_two_at_once_install_one_browser(debian: Machine) -> None:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: debian.run(), range(2)))
    assert {result.returncode for result in results} == {0}, results
    assert {result.stdout.strip() for result in results} == {str(debian.programs / "chromium")}
    assert [line.split()[0] for line in debian.log.read_text().splitlines()] == [
        "update",
        "install",
    ]


def test_a_program_that_only_tells_how_to_get_a_browser_is_none(debian: Machine) -> None:
    debian.has("chromium-browser", "echo 'requires the snap to be installed'; exit 1")
    assert debian.run().stdout.strip() == str(debian.programs / "chromium")


def test_without_a_browser_one_sentence_says_how_to_get_one(machine: Machine) -> None:
    machine.has("id", "echo 1000")
    first = machine.run(SECONDTAKE_BROWSER_INSTALL_S="11")
    assert first.returncode == 1
    assert first.stdout == ""
    last = first.stderr.strip().splitlines()[-1]
    assert "apt-get install chromium" in last
    assert "SECONDTAKE_CHROMIUM" in last

    again = machine.run()
    assert "failed less than" in again.stderr
    assert len(again.stderr.strip().splitlines()) == 1


def test_an_installation_that_hangs_is_ended(machine: Machine) -> None:
    machine.has("id", "echo 0")
    machine.has("apt-get", "sleep 60")
    result = machine.run(SECONDTAKE_BROWSER_INSTALL_S="2")
    assert result.returncode == 1
    assert "within 2 seconds" in result.stderr


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("http://127.0.0.1:8501/run", True),
        ("ws://localhost:8501/_stcore/stream", True),
        ("data:image/png;base64,AA==", True),
        ("blob:http://127.0.0.1:1/x", True),
        ("https://fonts.gstatic.com/a.woff2", False),
        ("http://127.0.0.1.outside.example/", False),
        ("http://localhost@outside.example/", False),
    ],
)
def test_an_address_is_inside_or_outside(address: str, inside: bool) -> None:
    assert is_inside(address) == inside


def test_what_a_page_asks_of_others_is_seen_and_does_not_get_out(
    browser: BrowserContext, outside_of_browser: Outside
) -> None:
    window = Window(browser)
    page = '<img src="http://outside.example/a.png"><script>alert("hello"); broken()</script>'
    try:
        window.page.goto(f"data:text/html,{page}")
        window.page.wait_for_load_state("networkidle")
        assert window.outside_addresses == ["http://outside.example/a.png"]
        assert window.dialogs == ["hello"]
        assert any("broken is not defined" in text for text in window.real_errors)
        assert [request.host for request in outside_of_browser.requests] == ["outside.example"]
    finally:
        window.close()
        outside_of_browser.requests.clear()


def test_no_other_host_is_reached_by_programs_behind_the_proxy(outside: Outside) -> None:
    code = "import urllib.request; urllib.request.urlopen('http://outside.example/x', timeout=5)"
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | outside.environment,
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert result.returncode != 0
    assert [request.target for request in outside.requests] == ["http://outside.example/x"]
    outside.requests.clear()

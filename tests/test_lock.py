"""requirements.lock says exactly what pyproject.toml asks for: nothing missing, nothing left."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from tests.support.repository import REPOSITORY

_PIN: Final = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?P<rest>.*)$", re.MULTILINE
)
CURE: Final = "lock again, see docs/development.md"


def pins() -> dict[str, Version]:
    """Return the locked version of every package that this machine needs."""
    text = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    locked: dict[str, Version] = {}
    for found in _PIN.finditer(text):
        line = found[0].rstrip("\\ ")
        marker = Requirement(line).marker
        if marker is None or marker.evaluate():
            locked[canonicalize_name(found["name"])] = Version(found["version"])
    return locked


def asked_for() -> list[Requirement]:
    """Return what pyproject.toml names itself: base, every extra, and the dev group."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    lines = [
        *project["project"]["dependencies"],
        *(line for name, lines in extras.items() if name != "all" for line in lines),
        *project["dependency-groups"]["dev"],
        *project["build-system"]["requires"],
    ]
    return [Requirement(line) for line in lines]


def installed(name: str) -> Distribution:
    """Return an installed package; fail the test with the cure when it is not there."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        pytest.fail(f"{name} is not installed; run `make setup`")


def needs(name: str, extras: Iterable[str]) -> Iterator[Requirement]:
    """Yield what an installed package needs here, with these extras."""
    for line in installed(name).requires or ():
        requirement = Requirement(line)
        marker = requirement.marker
        environments = [{"extra": extra} for extra in ("", *extras)]
        if marker is None or any(marker.evaluate(environment) for environment in environments):
            yield requirement


def reachable() -> list[Requirement]:
    """Return every requirement that follows from pyproject.toml."""
    waiting = asked_for()
    met: set[tuple[str, frozenset[str]]] = set()
    found: list[Requirement] = []
    while waiting:
        requirement = waiting.pop()
        found.append(requirement)
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key not in met:
            met.add(key)
            waiting += needs(requirement.name, requirement.extras)
    return found


def test_every_requirement_is_locked_to_a_version_that_fits() -> None:
    locked = pins()
    wrong = [
        str(requirement)
        for requirement in reachable()
        if (version := locked.get(canonicalize_name(requirement.name))) is None
        or not requirement.specifier.contains(version, prereleases=True)
    ]
    assert wrong == [], CURE


def test_nothing_is_locked_that_nothing_needs() -> None:
    needed = {canonicalize_name(requirement.name) for requirement in reachable()}
    assert pins().keys() - needed == set(), CURE


def test_what_is_installed_is_what_is_locked() -> None:
    different = {
        name: f"{installed(name).version} is not the locked {version}"
        for name, version in pins().items()
        if Version(installed(name).version) != version
    }
    assert different == {}, "run `make setup`"

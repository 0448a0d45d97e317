"""Looks at everything that recording and reading need, and names a cure for what is amiss."""

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from dotenv import dotenv_values
from duckdb import DuckDBPyConnection

from secondtake.backend.models.system import Check, Health
from secondtake.backend.services.recording_checks import (
    check_faults,
    check_journal,
    check_prices,
    check_rejected,
    check_torn,
)
from secondtake.backend.store.health import StoreHealth, read_health
from secondtake.runner.errors import SecondTakeError
from secondtake.runner.home import database_path, journal_folder
from secondtake.runner.settings import Settings

FREE_FAIL_BYTES: Final = 100 * 1024**2
FREE_WARN_BYTES: Final = 2 * 1024**3

EXTRAS: Final = (
    ("run", ("litellm", "langgraph"), "fail"),
    ("server", ("duckdb",), "fail"),
    ("studio", ("streamlit",), "warn"),
    ("mlflow", ("mlflow",), "warn"),
)
"""Extra, what it brings, and how bad it is when that is missing."""

PROVIDER_KEYS: Final = (
    "ANTHROPIC_API_KEY",
    "AWS_ACCESS_KEY_ID",
    "AZURE_API_KEY",
    "COHERE_API_KEY",
    "DEEPSEEK_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GROQ_API_KEY",
    "MISTRAL_API_KEY",
    "OPENAI_API_KEY",
    "OPENROUTER_API_KEY",
    "TOGETHERAI_API_KEY",
    "XAI_API_KEY",
)
"""The variables that LiteLLM reads the providers' keys from."""

OpenStore = Callable[[], AbstractContextManager[DuckDBPyConnection]]


def doctor(settings: Settings, open_store: OpenStore) -> Health:
    """Run every check. Nothing is imported, sent or made for it but the store's own tables.

    Args:
        settings: what is in force.
        open_store: opens the store with what is pending loaded; may raise `SecondTakeError`.
    """
    database, health = _open(settings, open_store)
    return Health(
        checks=[
            _check_home(settings.home),
            _check_disk(settings.home),
            database,
            check_journal(settings.home),
            check_rejected(settings.home, health),
            check_faults(settings.home, health),
            check_torn(health),
            check_prices(settings.home),
            *_check_extras(),
            _check_keys(os.environ, _dotenv()),
            _check_dotenv(),
        ]
    )


def _open(settings: Settings, open_store: OpenStore) -> tuple[Check, StoreHealth | None]:
    path = database_path(settings.home)
    if not path.exists() and not any(journal_folder(settings.home).glob("*")):
        return (
            Check(
                name="database",
                status="ok",
                detail=f"There is none yet; the first run makes {path}.",
            ),
            None,
        )
    try:
        with open_store() as con:
            health = read_health(con)
    except SecondTakeError as error:
        cause, _, cure = error.message.partition(". ")
        return (
            Check(
                name="database", status="fail", detail=cause.rstrip(".") + ".", cure=cure or None
            ),
            None,
        )
    detail = (
        f"{path} opens: schema version {health.schema_version}, {health.runs:,} runs, "
        f"of these {health.interrupted_runs:,} interrupted."
    )
    return Check(name="database", status="ok", detail=detail), health


def _check_home(home: Path) -> Check:
    place = _nearest_existing(home)
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return Check(
            name="home",
            status="fail",
            detail=f"{home} cannot be written.",
            cure="Set SECONDTAKE_HOME to a folder that you may write to.",
        )
    so = "is writable" if place == home else "does not exist yet and can be made"
    return Check(name="home", status="ok", detail=f"{home} {so}.")


def _check_disk(home: Path) -> Check:
    try:
        free = shutil.disk_usage(_nearest_existing(home)).free
    except OSError as error:
        return Check(name="disk space", status="warn", detail=f"It cannot be read: {error}.")
    status = "fail" if free < FREE_FAIL_BYTES else "warn" if free < FREE_WARN_BYTES else "ok"
    return Check(
        name="disk space",
        status=status,
        detail=f"{free / 1024**3:,.1f} GB are free.",
        cure=None if status == "ok" else "Make room, or set SECONDTAKE_HOME to a larger disk.",
    )


def _nearest_existing(path: Path) -> Path:
    return next((folder for folder in (path, *path.parents) if folder.exists()), path)


def _check_extras() -> Iterator[Check]:
    for extra, modules, status in EXTRAS:
        missing = [name for name in modules if importlib.util.find_spec(name) is None]
        yield Check(
            name=f"extra {extra}",
            status="ok" if not missing else "fail" if status == "fail" else "warn",
            detail=f"Missing: {', '.join(missing)}."
            if missing
            else f"Installed: {', '.join(modules)}.",
            cure=f"pip install 'secondtake[{extra}]'" if missing else None,
        )


def _check_keys(environ: Mapping[str, str], dotenv: Mapping[str, str | None]) -> Check:
    found = [
        name if environ.get(name) else f"{name} (.env)"
        for name in PROVIDER_KEYS
        if environ.get(name) or dotenv.get(name)
    ]
    detail = f"Set: {', '.join(found)}." if found else "None is set; the models `sim/*` need none."
    return Check(name="provider keys", status="ok", detail=detail)


def _check_dotenv() -> Check:
    path = Path.cwd() / ".env"
    if not path.is_file():
        return Check(name=".env", status="ok", detail=f"There is none in {path.parent}.")
    return Check(name=".env", status="ok", detail=f"{path} is read: {len(_dotenv())} variables.")


def _dotenv() -> dict[str, str | None]:
    return dotenv_values(Path.cwd() / ".env")

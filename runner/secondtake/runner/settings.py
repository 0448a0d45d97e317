"""Settings, each with where its value came from: flag > environment > secondtake.toml > default.

`.env` in the working directory counts as environment and never overrides a real variable.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values

from secondtake.runner.errors import SettingsError

TOML_NAME: Final = "secondtake.toml"
PREFIX: Final = "SECONDTAKE_"
ON: Final = ("on", "true", "yes", "1")
OFF: Final = ("off", "false", "no", "0")
PORT_MAX: Final = 65_535
WORKERS_MAX: Final = 64


@dataclass(frozen=True, kw_only=True)
class Option:
    """One setting: its name, where the toml file has it, its type and what it is for."""

    name: str
    table: str
    type: type
    default: Any
    help: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + self.name.upper()


OPTIONS: Final = (
    Option(name="home", table="", type=Path, default=Path("~/.secondtake"),
           help="Folder of the database, the journal and the blobs."),
    Option(name="model", table="", type=str, default="sim/strong",
           help="Model of a run or node that names none."),
    Option(name="content", table="", type=bool, default=True,
           help="Off: keep structure, tokens, cost and timing, but no text."),
    Option(name="workflows_root", table="", type=Path, default=Path("workflows"),
           help="Folder in which workflows are found by name."),
    Option(name="files_root", table="tools", type=Path, default=Path(),
           help="The only folder that the file tools may read and write."),
    Option(name="allowed_hosts", table="tools", type=list, default=(),
           help="Hosts that the web tools may ask, e.g. `*.example.org`."),
    Option(name="allowed_networks", table="tools", type=list, default=(),
           help="Networks of addresses that are not public and may be asked all the same."),
    Option(name="search_url", table="tools", type=str, default="",
           help="Search engine: `brave`, or a SearXNG's address with `{query}` in it."),
    Option(name="shell_commands", table="tools", type=list, default=(),
           help="Beginnings of command lines that the tool `shell` may execute, e.g. `git log`."),
    Option(name="trusted_modules", table="trusted", type=list, default=(),
           help="Prefixes of modules that `python` nodes may import."),
    Option(name="redaction_patterns", table="redaction", type=list, default=(),
           help="Further regular expressions whose matches are secrets."),
    Option(name="sim_latency", table="sim", type=bool, default=True,
           help="Off: simulated models answer at once."),
    Option(name="host", table="server", type=str, default="127.0.0.1",
           help="Address that the server and the studio listen at."),
    Option(name="port", table="server", type=int, default=8000,
           help="Port of the server."),
    Option(name="studio_port", table="server", type=int, default=8501,
           help="Port of the studio."),
    Option(name="workers", table="server", type=int, default=2,
           help="Runs that the server has executed at the same time."),
)  # fmt: skip
"""Every setting there is."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The resolved settings; `origins` says for each name where its value came from."""

    home: Path
    model: str
    content: bool
    workflows_root: Path
    files_root: Path
    allowed_hosts: tuple[str, ...]
    allowed_networks: tuple[str, ...]
    search_url: str
    shell_commands: tuple[str, ...]
    trusted_modules: tuple[str, ...]
    redaction_patterns: tuple[str, ...]
    sim_latency: bool
    host: str
    port: int
    studio_port: int
    workers: int
    origins: Mapping[str, str]
    toml_path: Path | None

    @property
    def base(self) -> Path:
        """The folder that trusted modules are imported from: that of the toml file."""
        return self.toml_path.parent if self.toml_path else Path.cwd()


def load_settings(
    flags: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Settings:
    """Resolve every setting.

    Raises:
        SettingsError: a value has the wrong type, or the toml file cannot be read.
    """
    cwd = cwd or Path.cwd()
    environ = os.environ if environ is None else environ
    dotenv = {k: v for k, v in dotenv_values(cwd / ".env").items() if v is not None}
    toml_path = _nearest_toml(cwd)
    toml = _read_toml(toml_path) if toml_path else {}
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for option in OPTIONS:
        section = toml.get(option.table, {}) if option.table else toml
        key = "modules" if option.name == "trusted_modules" else option.name
        key = "patterns" if option.name == "redaction_patterns" else key
        if flags and flags.get(option.name) is not None:
            raw, origin, base = flags[option.name], "flag", cwd
        elif option.variable in environ:
            raw, origin, base = environ[option.variable], f"environment {option.variable}", cwd
        elif option.variable in dotenv:
            raw, origin, base = dotenv[option.variable], f".env {option.variable}", cwd
        elif toml_path and key in section:
            raw, origin, base = section[key], str(toml_path), toml_path.parent
        else:
            raw, origin, base = option.default, "default", toml_path.parent if toml_path else cwd
        values[option.name] = _convert(option, raw, base=base, origin=origin)
        origins[option.name] = origin
    return Settings(**values, origins=origins, toml_path=toml_path)


def load_dotenv_into_environment(cwd: Path | None = None) -> None:
    """Give the providers' keys of `.env` to this process; real variables win."""
    for name, value in dotenv_values((cwd or Path.cwd()) / ".env").items():
        if value is not None:
            os.environ.setdefault(name, value)


def _nearest_toml(cwd: Path) -> Path | None:
    for folder in (cwd, *cwd.parents):
        if (folder / TOML_NAME).is_file():
            return folder / TOML_NAME
    return None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"Cannot read {path}: {error}. Correct or remove the file.") from error


def _convert(option: Option, raw: Any, *, base: Path, origin: str) -> Any:
    if option.type is Path:
        return (base / Path(str(raw)).expanduser()).resolve()
    if option.type is bool and isinstance(raw, bool):
        return raw
    if option.type is bool:
        if str(raw).lower() in (*ON, *OFF):
            return str(raw).lower() in ON
        raise SettingsError(f"{option.name} is {raw!r} ({origin}); write `on` or `off`.")
    if option.type is int:
        return _whole_number(option, raw, origin=origin)
    if option.type is list and isinstance(raw, str):
        return tuple(part.strip() for part in raw.split(",") if part.strip())
    if option.type is list:
        return tuple(str(part) for part in raw)
    return str(raw)


def _whole_number(option: Option, raw: Any, *, origin: str) -> int:
    highest = PORT_MAX if option.name.endswith("port") else WORKERS_MAX
    try:
        number = int(str(raw))
    except ValueError:
        number = 0
    if not 1 <= number <= highest:
        raise SettingsError(
            f"{option.name} is {raw!r} ({origin}); write a whole number from 1 to {highest}."
        )
    return number

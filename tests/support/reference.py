"""Writes docs/reference from the code: `python -m tests.support.reference`.

`tests/test_docs.py` compares the pages with what this makes, so they cannot fall behind.
"""

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, get_args

import click
from tests.support.meanings import COLUMNS, FIELDS, TABLES, WORKFLOW_FIELDS
from tests.support.repository import REPOSITORY

from secondtake.backend.api.app import create_app
from secondtake.backend.cli.main import main as program
from secondtake.backend.store.migrations import known_migrations
from secondtake.runner import events
from secondtake.runner.settings import OPTIONS, load_settings
from secondtake.runner.workflows.schema import Definition

FOLDER: Final = REPOSITORY / "docs" / "reference"
MADE: Final = "<!-- Made from the code by `python -m tests.support.reference`. -->"
HELP_WIDTH: Final = 92

_TABLE: Final = re.compile(r"CREATE TABLE (\w+) \((.*?)\n\);", re.DOTALL)
_COLUMN: Final = re.compile(r"^ +([a-z]\w*) ([A-Z][A-Z0-9]*(?:\([^)]*\))?(?:\[\])?)", re.MULTILINE)
_VIEW: Final = re.compile(r"CREATE VIEW (\w+)")


def event_classes() -> list[type[events.BaseEvent]]:
    """Return the class of each kind of event, in the vocabulary's order."""
    union = get_args(events.Event)[0]
    return list(get_args(union))


def field_meanings(kind: type[Any]) -> dict[str, str]:
    """Return what each field of a model means: the text under it, of its class or a base."""
    told: dict[str, str] = {}
    for owner in reversed(kind.__mro__):
        if owner.__module__.startswith("secondtake."):
            told |= dict(_texts_under_fields(owner))
    return told


def tables() -> dict[str, dict[str, str]]:
    """Return table -> column -> type, as the migrations make them."""
    made: dict[str, dict[str, str]] = {}
    for migration in known_migrations():
        for name, body in _TABLE.findall(migration.sql):
            made[name] = dict(_COLUMN.findall(body))
    return made


def views() -> list[str]:
    """Return the names of the views."""
    return [name for migration in known_migrations() for name in _VIEW.findall(migration.sql)]


def commands_page() -> str:
    """Return the page of the commands: the help of each."""
    root = click.Context(program, info_name="secondtake", help_option_names=["-h", "--help"])
    intro = (
        "`secondtake [--home FOLDER] COMMAND`. Exit codes: 0 fine, 1 what "
        "was asked for failed, 2 asked for in a wrong way."
    )
    parts = ["# Commands", MADE, intro]
    for name in program.list_commands(root):
        command = program.get_command(root, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=root, max_content_width=HELP_WIDTH)
        context.terminal_width = HELP_WIDTH
        parts += [f"## secondtake {name}", f"```text\n{command.get_help(context)}\n```"]
    return _page(parts)


def tables_page() -> str:
    """Return the page of the tables and their columns."""
    told: dict[str, dict[str, str]] = {}
    for kind in event_classes():
        table = events.TABLES[kind.model_fields["kind"].default]
        told.setdefault(table, {}).update(field_meanings(kind))
    intro = (
        "Times are TIMESTAMP and hold UTC. NULL is unknown; it is never "
        "written as 0 or as an empty text. Money is US dollars."
    )
    parts = ["# Tables", MADE, intro]
    for table, columns in tables().items():
        meanings = FIELDS | told.get(table, {}) | COLUMNS.get(table, {})
        rows = [(f"`{name}`", kind, meanings[name]) for name, kind in columns.items()]
        parts += [f"## {table}", TABLES[table], _table(("column", "type", "meaning"), rows)]
    parts += ["## Views", "\n".join(f"* `{name}`: {TABLES[name]}" for name in views())]
    return _page(parts)


def events_page() -> str:
    """Return the page of the event kinds and their fields."""
    intro = (
        "A journal segment holds one of these a line, as JSON. Fields that "
        "are unknown are left out."
    )
    parts = ["# Events", MADE, intro]
    for kind in event_classes():
        meanings = FIELDS | field_meanings(kind)
        rows = [(f"`{name}`", meanings[name]) for name in kind.model_fields if name != "kind"]
        name = kind.model_fields["kind"].default
        text = " ".join(inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].split())
        parts += [f"## {name}", f"{text} Fills `{events.TABLES[name]}`."]
        parts += [_table(("field", "meaning"), rows)]
    return _page(parts)


def settings_page() -> str:
    """Return the page of the settings."""
    rows = [
        (
            f"`{option.name}`",
            f"`{option.variable}`",
            f"`[{option.table}]`" if option.table else "top",
            _shown_default(option.default),
            option.help,
        )
        for option in OPTIONS
    ]
    intro = (
        "A flag wins over the environment (`.env` is read too), the environment over the nearest "
        "`secondtake.toml` upwards, that over the default. `secondtake config` prints each value "
        "and where it came from."
    )
    head = ("name", "environment", "in secondtake.toml", "default", "meaning")
    return _page(["# Settings", MADE, intro, _table(head, rows)])


def workflows_page() -> str:
    """Return the page of what a workflow file may say."""
    schema = Definition.model_json_schema(by_alias=True)
    sections = {"Workflow": schema, **schema["$defs"]}
    intro = (
        "YAML. `secondtake validate FILE` checks one, `secondtake "
        "schema workflow` prints the JSON Schema for your editor."
    )
    parts = ["# Workflow files", MADE, intro]
    for name, section in sections.items():
        rows = [
            (f"`{field}`", "yes" if field in section.get("required", ()) else "", about)
            for field, about in _workflow_fields(name, section)
        ]
        text = section.get("description", "").split("\n\n")[0]
        parts += [f"## {name}", " ".join(text.split())]
        parts += [_table(("field", "required", "meaning"), rows)]
    return _page(parts)


def routes() -> dict[str, dict[str, Any]]:
    """Return what OpenAPI says of each operation, by `GET /path`."""
    paths = create_app(load_settings()).openapi()["paths"]
    return {
        f"{method.upper()} {path}": operation
        for path, operations in paths.items()
        for method, operation in operations.items()
    }


def api_page() -> str:
    """Return the page of the API's routes."""
    intro = (
        "`secondtake up` serves these at http://127.0.0.1:8000, with the whole of it in "
        "`/openapi.json`. A run in a path is an id with or without hyphens, a unique prefix, or "
        "`last`. Every error is an `application/problem+json` whose `detail` names the cure."
    )
    parts = ["# API", MADE, intro]
    for name, operation in routes().items():
        text = " ".join(operation["description"].split())
        parts += [f"## {name}", f"{operation['summary']}. {text}"]
        asked = [f"`{given['name']}`" for given in operation.get("parameters", ())]
        codes = ", ".join(sorted(operation["responses"]))
        given = f"Parameters: {', '.join(asked)}. " if asked else ""
        parts += [f"{given}Answers {codes}."]
    return _page(parts)


PAGES: Final = {
    "api.md": api_page,
    "commands.md": commands_page,
    "tables.md": tables_page,
    "events.md": events_page,
    "settings.md": settings_page,
    "workflows.md": workflows_page,
}


def _workflow_fields(name: str, section: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for field, about in section["properties"].items():
        text = about.get("description") or WORKFLOW_FIELDS.get(f"{name}.{field}")
        yield field, text or WORKFLOW_FIELDS[field]


def _texts_under_fields(owner: type[Any]) -> Iterator[tuple[str, str]]:
    [body] = ast.parse(inspect.getsource(owner)).body
    assert isinstance(body, ast.ClassDef)
    for field, text in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            yield field.target.id, " ".join(str(text.value.value).split())


def _shown_default(value: Any) -> str:
    if value is True or value is False:
        return "`on`" if value else "`off`"
    return f"`{value}`" if value != () else "none"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(parts) + "\n"


def write() -> None:
    """Write every page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write()

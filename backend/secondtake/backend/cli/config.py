"""`secondtake config`: every setting and where it came from."""

import json
from typing import Any

import click

from secondtake.backend.cli.connect import current_settings
from secondtake.backend.cli.output import json_option, print_json, print_lines
from secondtake.backend.cli.tables import Column, table
from secondtake.backend.formats import one_line
from secondtake.backend.services.config import describe_settings


@click.command("config")
@json_option
def command(as_json: bool) -> None:
    """Print every setting and where it came from."""
    configuration = describe_settings(current_settings())
    if as_json:
        print_json(configuration)
        return
    columns = [Column(title="SETTING"), Column(title="VALUE"), Column(title="FROM")]
    rows = [
        [setting.name, one_line(_shown(setting.value)), one_line(setting.origin)]
        for setting in configuration.settings
    ]
    print_lines(table(columns, rows, width=None))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

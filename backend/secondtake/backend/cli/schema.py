"""`secondtake schema`: the JSON schemas of the files that users write."""

import click

from secondtake.backend.cli.output import print_json


@click.command("schema")
@click.argument("kind", type=click.Choice(["workflow"]))
def command(kind: str) -> None:
    """Print the JSON schema of a workflow file, e.g. for an editor."""
    from secondtake.runner.workflows.load import workflow_json_schema

    print_json(workflow_json_schema())

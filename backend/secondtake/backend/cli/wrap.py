"""`secondtake wrap`: run any program and record what it asks models, at the wire."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from secondtake.backend import formats
from secondtake.backend.cli.connect import current_settings
from secondtake.backend.cli.pairs import PAIR, read_pairs

if TYPE_CHECKING:
    from secondtake.runner.wrap.execute import Outcome


@click.command("wrap", context_settings={"ignore_unknown_options": True})
@click.argument("command_line", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND")
@click.option("--name", help="What to call the run, instead of the program's file name.")
@click.option(
    "--tag", "tags", metavar=PAIR, callback=read_pairs, multiple=True, help="A label of the run."
)
@click.option("--session", "session_id", help="The session that the run belongs to.")
@click.option("--user", "user_id", help="For whom it is run.")
@click.option(
    "--upstream-openai",
    metavar="URL",
    help="Where OpenAI's API really is, instead of OPENAI_BASE_URL.",
)
@click.option(
    "--upstream-anthropic",
    metavar="URL",
    help="Where Anthropic's API really is, instead of ANTHROPIC_BASE_URL.",
)
@click.pass_context
def command(
    ctx: click.Context,
    command_line: Sequence[str],
    name: str | None,
    tags: dict[str, str],
    session_id: str | None,
    user_id: str | None,
    upstream_openai: str | None,
    upstream_anthropic: str | None,
) -> None:
    """Run any program and record what it asks models, at the wire.

    Write the command after `--`: secondtake wrap -- python agent.py. The program is not changed:
    it is given OPENAI_BASE_URL and ANTHROPIC_BASE_URL, and its terminal is its own. The exit code
    is the program's.
    """
    from secondtake.backend.prices.snapshot import ensure_snapshot
    from secondtake.runner.settings import load_dotenv_into_environment
    from secondtake.runner.wrap.execute import Command, execute

    settings = current_settings()
    own = dict(os.environ)  # `.env` is for finding the APIs and for redaction, not for the program
    load_dotenv_into_environment()
    ensure_snapshot(settings.home)
    wanted = Command(
        argv=command_line,
        environment=own,
        name=name,
        session_id=session_id,
        user_id=user_id,
        tags=tags,
        upstreams={"openai": upstream_openai, "anthropic": upstream_anthropic},
    )
    outcome = execute(wanted, settings)
    for line in _closing_lines(outcome):
        click.echo(line, err=True)
    ctx.exit(outcome.exit_code)


def _closing_lines(outcome: "Outcome") -> list[str]:
    """Return what is said when the program has ended: the run, and how to replay it."""
    result, totals = outcome.result, outcome.result.totals
    seen = [formats.counted(totals.llm_calls, "LLM call")]
    if totals.tool_calls:
        seen.append(formats.counted(totals.tool_calls, "tool call"))
    if outcome.other_requests:
        seen.append(formats.counted(outcome.other_requests, "other request"))
    lines = [f"secondtake: run {result.run_id} ({result.status}): {', '.join(seen)}"]
    if not totals.llm_calls:
        lines.append(
            "secondtake: the program asked no model through OPENAI_BASE_URL or "
            "ANTHROPIC_BASE_URL; does it set an address of its own?"
        )
    else:
        lines.append("secondtake: to run it again: secondtake replay last")
    if result.recording_faults:
        faults = formats.counted(result.recording_faults, "event")
        lines.append(f"secondtake: {faults} could not be recorded; see `secondtake doctor`")
    return lines

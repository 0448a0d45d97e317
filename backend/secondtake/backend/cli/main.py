"""The program `secondtake`."""

from pathlib import Path
from typing import Final

import click

from secondtake.backend.cli.lazy import LazyGroup

_HERE: Final = "secondtake.backend.cli."

COMMANDS: Final = {
    "run": (_HERE + "run", "Run a workflow or a prompt, and record it."),
    "wrap": (_HERE + "wrap", "Run any program and record what it asks models, at the wire."),
    "runs": (_HERE + "runs", "List recorded runs, newest first."),
    "show": (_HERE + "show", "Show one run: what happened, how long it took, what it cost."),
    "replay": (
        _HERE + "replay",
        "Execute a recorded run again: unchanged calls are answered, changed ones executed.",
    ),
    "diff": (
        _HERE + "diff",
        "Compare two runs step by step: what changed, from where on, at what cost.",
    ),
    "capsule": (_HERE + "capsule", "Put a run into one file, or look into such a file."),
    "compare": (
        _HERE + "compare",
        "Compare models on a workflow or a prompt: answers, agreement, cost, latency, failures.",
    ),
    "answer": (
        _HERE + "answer",
        "Answer the question that a run waits with; without VALUE, show it.",
    ),
    "cancel": (_HERE + "cancel", "End a run that is being executed, wherever on this machine."),
    "sql": (_HERE + "sql", "Ask the tables one SELECT."),
    "up": (_HERE + "up", "Start the server and the studio; Ctrl-C ends both."),
    "import": (
        _HERE + "import_files",
        "Import recorded runs of another program; a second time changes nothing.",
    ),
    "export": (_HERE + "export", "Write runs into a file or a folder for other programs."),
    "validate": (_HERE + "validate", "Check a workflow file without running it."),
    "schema": (_HERE + "schema", "Print the JSON schema of a workflow file, e.g. for an editor."),
    "config": (_HERE + "config", "Print every setting and where it came from."),
    "doctor": (_HERE + "doctor", "Check that everything works, and name the cure if not."),
}
"""Name: module and help. Modules are imported when their command is called."""


@click.group(
    cls=LazyGroup,
    commands_help=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 fine, 1 what was asked for failed, 2 asked for in a wrong way.",
)
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the database and the journal, instead of the configured one.",
)
@click.version_option(package_name="secondtake", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context, home: Path | None) -> None:
    """Record, replay and compare runs of LLM agents, on this machine."""
    ctx.obj = {"home": home}


if __name__ == "__main__":
    main()

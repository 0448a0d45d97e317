"""`secondtake capsule`: one run in one file, to be sent to somebody or kept."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secondtake.backend import formats
from secondtake.backend.cli.connect import connect
from secondtake.backend.cli.output import json_option, print_json, print_lines
from secondtake.backend.cli.show_run import run_lines
from secondtake.backend.cli.tables import screen_width

if TYPE_CHECKING:
    from secondtake.backend.capsules.manifest import Manifest
    from secondtake.backend.capsules.unpack import OpenedCapsule
    from secondtake.backend.models.runs import RunDetail, SpanTree

_A_FILE = click.Path(path_type=Path)


@click.group("capsule")
def command() -> None:
    """Put a run into one file, or look into such a file.

    Nothing that is in the file is ever executed.
    """


@command.command("export")
@click.argument("run", metavar="RUN")
@click.argument("file", metavar="FILE", type=_A_FILE)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@json_option
def export_command(run: str, file: Path, force: bool, as_json: bool) -> None:
    """Write RUN into FILE, as run.take: its events, its tables, its images, and their hashes.

    RUN is an id, the beginning of one that no other run has, or `last`.
    """
    from secondtake.backend.capsules.pack import export_capsule

    manifest = export_capsule(connect(), run, file, force=force)
    if manifest.missing_blobs:
        number = formats.counted(len(manifest.missing_blobs), "binary part")
        click.echo(f"warning: {number} of the run could not be found and are not in it", err=True)
    if as_json:
        print_json(manifest)
        return
    shown = formats.one_line(str(file))
    click.echo(f"{shown} · {_size(file)} · {formats.counted(len(manifest.members) + 1, 'member')}")
    click.echo(f"secondtake capsule open {shown}")


@command.command("open")
@click.argument("file", metavar="FILE", type=_A_FILE)
@json_option
def open_command(file: Path, as_json: bool) -> None:
    """Verify FILE and show the run that is in it. Nothing is stored, nothing is executed."""
    from secondtake.backend.capsules.unpack import open_capsule

    with open_capsule(file) as capsule:
        detail, tree = _stored(capsule)
        if as_json:
            print_json(_as_json(capsule.manifest, detail))
            return
        print_lines([_verified(capsule), "", *run_lines(detail, tree, width=screen_width())])


def _stored(capsule: "OpenedCapsule") -> "tuple[RunDetail, SpanTree]":
    """Return the run as `show` has it, by way of a store that is gone afterwards."""
    from secondtake.backend.capsules.scratch import stored_alone
    from secondtake.backend.services import runs

    run = str(capsule.manifest.run_id)
    with stored_alone(capsule.recording, status=capsule.manifest.status) as (con, _):
        return runs.get_run(con, run), runs.run_spans(con, run)


def _as_json(manifest: "Manifest", detail: "RunDetail") -> dict[str, Any]:
    return {"manifest": manifest.model_dump(mode="json"), "run": detail.model_dump(mode="json")}


def _verified(capsule: "OpenedCapsule") -> str:
    manifest = capsule.manifest
    parts = [
        f"capsule {formats.one_line(str(capsule.path))}",
        f"all {formats.counted(len(manifest.members) + 1, 'member')} verified",
        f"written {formats.utc(manifest.created_at)}",
        f"Second Take {formats.one_line(manifest.program_version)}",
    ]
    if manifest.missing_blobs:
        parts.append(f"{formats.counted(len(manifest.missing_blobs), 'binary part')} missing")
    return " · ".join(parts)


def _size(file: Path) -> str:
    return formats.counted(file.stat().st_size, "byte")

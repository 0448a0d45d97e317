"""Imports what OpenAI's two evaluation products write.

The hosted Evals: output items of an eval run, as `GET /evals/{id}/runs/{id}/output_items` answers:
`{"object": "list", "data": [...]}`, the list alone, or one item a line. An item is as openai-python
defines it in `types/evals/runs/output_item_list_response.py`:

    {id, object: "eval.run.output_item", eval_id, run_id, created_at, status, datasource_item,
     datasource_item_id, results: [{name, passed, score, sample}], sample: {input, output, model,
     finish_reason, usage {prompt_tokens, completion_tokens, cached_tokens, total_tokens}, error,
     temperature, top_p, seed, max_completion_tokens}}

`prompt_tokens` contains `cached_tokens`. `created_at` is the time of the whole eval run, so it is
no time of ours and stays in `extra`; so do the graders' own samples. An item without a sample was
not generated, but judged as it stood in the data: a run with scores and no LLM call.

The open-source openai/evals: the log of `oaieval`, as `evals/record.py` writes it. Its first line
is `{"spec"}`, one is `{"final_report"}`, the others are events `{run_id, event_id, sample_id, type,
data, created_by, created_at}`. All events of a sample become one run: `sampling` an LLM call
(`prompt`, `sampled`, and in later versions `model` and `usage`), `match` the score `match`, each
number of `metrics` a score; the rest is kept in `extra`. An event is written when it has happened,
so `created_at` is when a call ended; without a zone it is UTC. When it began is not said. Where the
event does not name the model, the one completion function of the spec stands for it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from secondtake.backend.importers import openai_evals_items, openai_evals_log
from secondtake.backend.importers.builder import RunBuilder
from secondtake.backend.importers.files import SourceFile, shape_of, stem_of
from secondtake.backend.importers.frame import Importer, Origin
from secondtake.backend.importers.json_lines import BrokenLine, read_json_or_lines
from secondtake.backend.importers.recognising import hint_at
from secondtake.runner.errors import UsageError
from secondtake.runner.narrow import is_list, is_object

FORMAT: Final = openai_evals_items.FORMAT


def read_file(path: Path) -> SourceFile:
    """Read output items or a log of `oaieval`, plain or gzipped.

    Raises:
        UsageError: it is missing, broken, or neither.
    """
    text = read_json_or_lines(path)
    values = _items(text.values[0]) if text.is_whole else text.values
    is_log = any(is_object(value) and "spec" in value for value in values)
    records = openai_evals_log.samples_of(values) if is_log else values
    problems = [problem_of(record) for record in records]
    if all(problems):
        raise UsageError(f"{path} is no export of OpenAI Evals: {_found(is_log, values, problems)}")
    stem = stem_of(path).removesuffix(".jsonl")
    return SourceFile(path=path, stem=stem, sha256=text.sha256, records=records)


def problem_of(record: Any) -> str | None:
    """Say why a record cannot be taken; None when it can."""
    if isinstance(record, BrokenLine):
        return record.problem
    if not is_object(record):
        return f"it is {shape_of(record)}, not an object"
    if "spec" in record:
        return openai_evals_log.problem_of(record)
    return openai_evals_items.problem_of(record)


def is_empty(record: Mapping[str, Any]) -> bool:
    """Tell whether nothing was said."""
    return not (record.get("sample") or record.get("events"))


def build(record: Mapping[str, Any], origin: Origin, builder: RunBuilder) -> None:
    """Add the events of one record."""
    provenance = {
        "format": FORMAT,
        "file": origin.file.path.name,
        "sha256": origin.file.sha256,
        "index": origin.index,
    }
    of_its_kind = openai_evals_log if "spec" in record else openai_evals_items
    of_its_kind.build(record, provenance, builder)


def _items(value: Any) -> list[Any]:
    if is_object(value) and "data" in value:
        value = value["data"]
    return value if is_list(value) else [value]


def _found(is_log: bool, values: Sequence[Any], problems: Sequence[str | None]) -> str:
    if is_log:
        return "it is a log of oaieval in which no sample was evaluated."
    if not values:
        return "it holds no output item."
    return (
        f"of its first record, {problems[0]}. Name the output items of an eval run, or a log of "
        f"oaieval.{hint_at(list(values), but=FORMAT)}"
    )


IMPORTER: Final = Importer(
    format=FORMAT,
    help="output items of OpenAI's hosted Evals, or logs of openai/evals (.json, .jsonl)",
    read_file=read_file,
    problem_of=problem_of,
    is_empty=is_empty,
    build=build,
)
"""What the registry holds."""

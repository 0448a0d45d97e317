"""What a list of runs says beside their rows: where a run is now, and how it was scored."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.store.long_texts import short_id
from secondtake.backend.store.rows import fetch
from secondtake.backend.store.run_filter import OPEN_NODE

QUESTION_CHARACTERS: Final = 200

QUESTION_TEXT: Final = "coalesce(question->>'$.question', question->>'$')"
"""What a person is asked, of the column `question`."""


def add_live_facts(con: DuckDBPyConnection, rows: Iterable[dict[str, Any]]) -> None:
    """Give rows of runs `scores`, and those that are running `current_node` and `question`."""
    by_id: dict[UUID, dict[str, Any]] = {row["run_id"]: row for row in rows}
    for run_id, scores in _scores(con, list(by_id)).items():
        by_id[run_id]["scores"] = scores
    running = [run_id for run_id, row in by_id.items() if row["status"] == "running"]
    for fact in _open_nodes(con, running):
        by_id[fact.pop("run_id")].update(fact)


def _scores(con: DuckDBPyConnection, run_ids: Sequence[UUID]) -> dict[UUID, dict[str, float]]:
    if not run_ids:
        return {}
    rows = fetch(
        con,
        f"""
        SELECT run_id, {short_id("name")} AS name, score_value
        FROM evaluations
        WHERE run_id IN (SELECT unnest($run_ids::UUID[]))
          AND span_id IS NULL AND name IS NOT NULL AND score_value IS NOT NULL
        ORDER BY recorded_at NULLS FIRST, seq NULLS FIRST, evaluation_id
        """,
        {"run_ids": [str(run_id) for run_id in run_ids]},
    )
    scores: dict[UUID, dict[str, float]] = defaultdict(dict)
    for row in rows:
        scores[row["run_id"]][row["name"]] = row["score_value"]
    return scores


def _open_nodes(con: DuckDBPyConnection, run_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Return for each run the node that began last, and the question that was asked first."""
    if not run_ids:
        return []
    newest = "ORDER BY started_at DESC NULLS LAST, seq DESC NULLS LAST, span_id"
    oldest = "ORDER BY started_at NULLS LAST, seq NULLS LAST, span_id"
    return fetch(
        con,
        f"""
        SELECT run_id, first(left(node, {QUESTION_CHARACTERS}) {newest}) AS current_node,
               first(left({QUESTION_TEXT}, {QUESTION_CHARACTERS}) {oldest})
                   FILTER (question IS NOT NULL) AS question
        FROM node_timings
        WHERE run_id IN (SELECT unnest($run_ids::UUID[])) AND {OPEN_NODE}
        GROUP BY run_id
        """,
        {"run_ids": [str(run_id) for run_id in run_ids]},
    )

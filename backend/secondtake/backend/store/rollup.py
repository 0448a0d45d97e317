"""The cost rollup: LLM calls by 15 minutes and everything that money is asked by.

For each run that a batch touches, what it contributed before is taken away and what it
contributes now is added, in exact numbers; so late calls, and a run's start that arrives after its
calls and names the workflow, leave the rollup equal to one that is made anew.
"""

from typing import Final

from duckdb import DuckDBPyConnection

from secondtake.backend.store.totals import UNPRICED, WITHOUT_USAGE

KEYS: Final = (
    "bucket_at", "source", "workflow", "node", "agent", "user_id", "provider", "model",
    "served_from", "simulated",
)  # fmt: skip

SUMS: Final = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cost_usd", "avoided_cost_usd",
)  # fmt: skip
"""Each is NULL when no call has it; `<name>_known_calls` counts the calls that do."""

COUNTS: Final = (
    "calls", "failed_calls", "unpriced_calls", "calls_without_usage",
    *(f"{name}_known_calls" for name in SUMS),
)  # fmt: skip

_KEY_LIST: Final = ", ".join(KEYS)


def note_contributions_before(con: DuckDBPyConnection) -> None:
    """Fill `rollup_delta` with minus what the touched runs contribute now."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE rollup_delta AS
        SELECT {_KEY_LIST}, {", ".join(f"-{name} AS {name}" for name in (*COUNTS, *SUMS))}
        FROM ({_contributions("SELECT run_id FROM touched WHERE is_known")})
        """
    )


def apply_contributions(con: DuckDBPyConnection) -> None:
    """Add to the rollup what the touched runs contribute now, less what they did before."""
    values = (*COUNTS, *SUMS)
    con.execute(
        f"""
        INSERT INTO rollup_delta
        SELECT {_KEY_LIST}, {", ".join(values)}
        FROM ({_contributions("SELECT run_id FROM touched")})
        """
    )
    same = " AND ".join(f"t.{key} IS NOT DISTINCT FROM d.{key}" for key in KEYS)
    counted = ", ".join(f"{name} = t.{name} + d.{name}" for name in COUNTS)
    summed = ", ".join(
        f"{name} = CASE WHEN t.{name}_known_calls + d.{name}_known_calls > 0 "
        f"THEN coalesce(t.{name}, 0) + d.{name} END"
        for name in SUMS
    )
    inserted = ", ".join(
        f"CASE WHEN d.{name}_known_calls > 0 THEN d.{name} END" if name in SUMS else f"d.{name}"
        for name in (*KEYS, *values)
    )
    con.execute(
        f"""
        MERGE INTO cost_rollup t
        USING (
            SELECT {_KEY_LIST}, {", ".join(f"sum({name}) AS {name}" for name in COUNTS)},
                   {", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in SUMS)}
            FROM rollup_delta
            GROUP BY {_KEY_LIST}
            HAVING {" OR ".join(f"sum({name}) <> 0" for name in values)}
        ) d
        ON {same}
        WHEN MATCHED AND t.calls + d.calls = 0 THEN DELETE
        WHEN MATCHED THEN UPDATE SET {counted}, {summed}
        WHEN NOT MATCHED THEN INSERT ({", ".join((*KEYS, *values))}) VALUES ({inserted})
        """
    )
    con.execute("DROP TABLE rollup_delta")


def rebuild_rollup(con: DuckDBPyConnection) -> None:
    """Make the rollup anew from every LLM call."""
    columns = ", ".join((*KEYS, *COUNTS, *SUMS))
    con.execute("DELETE FROM cost_rollup")
    con.execute(
        f"""
        INSERT INTO cost_rollup ({columns})
        SELECT {columns} FROM ({_contributions("SELECT run_id FROM runs")})
        """
    )


def _contributions(run_ids: str) -> str:
    """Return a query for the rollup of the LLM calls of these runs alone."""
    sums = ", ".join(
        f"sum(c.{name})::DECIMAL(38, {9 if name.endswith('_usd') else 0}) AS {name}, "
        f"count(c.{name}) AS {name}_known_calls"
        for name in SUMS
    )
    return f"""
        SELECT time_bucket(INTERVAL 15 MINUTE, coalesce(c.started_at, c.recorded_at)) AS bucket_at,
               r.source, r.workflow,
               regexp_extract(c.node_path, '([^/\\[]+)(\\[[^/]*)?$', 1) AS node,
               r.agent, r.user_id, c.provider, coalesce(c.model, c.served_model) AS model,
               c.served_from, c.simulated,
               count(*) AS calls, count(c.error_type) AS failed_calls,
               count(*) FILTER (c.is_unpriced) AS unpriced_calls,
               count(*) FILTER (c.is_without_usage) AS calls_without_usage, {sums}
        FROM (
            SELECT *, {UNPRICED} AS is_unpriced, {WITHOUT_USAGE} AS is_without_usage
            FROM llm_calls
            WHERE run_id IN ({run_ids})
        ) c
        JOIN runs r ON r.run_id = c.run_id
        GROUP BY ALL
    """

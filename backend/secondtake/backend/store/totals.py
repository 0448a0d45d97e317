"""Totals of a run, derived from its rows in the transaction that changes them.

* `node_count`: executions of nodes (span kinds `node` and `agent`), however they ended.
* `tool_call_count`: tool calls; a person's answer to an interrupt (kind `other`) is none.
* `error_count`: spans with an error, as the view `spans` has them.
* `input_tokens`, `output_tokens`, `cache_read_tokens`: sums over the LLM calls that know them;
  NULL when none does.
* `calls_without_usage`: LLM calls that did not fail and report no tokens.
* `cost_usd`, `avoided_cost_usd`: sums of the known amounts; NULL when no call has one. Prices of
  tools are added.
* `unpriced_calls`: live LLM calls without a cost. A call that failed and reported no usage is
  free and does not count.
* `simulated`: any call is.
* `models`: names asked for, else served, sorted. NULL when calls exist and none says its model.

A sum that does not fit its column is unknown.
"""

from typing import Final

from duckdb import DuckDBPyConnection

FAILED_UNUSED: Final = "(error_type IS NOT NULL AND input_tokens IS NULL AND output_tokens IS NULL)"
"""An LLM call that failed before it used anything."""

WITHOUT_USAGE: Final = "(error_type IS NULL AND input_tokens IS NULL AND output_tokens IS NULL)"

UNPRICED: Final = f"(cost_usd IS NULL AND served_from = 'live' AND NOT {FAILED_UNUSED})"

TOTALS: Final = (
    "simulated", "node_count", "llm_call_count", "tool_call_count", "message_count",
    "error_count", "input_tokens", "output_tokens", "cache_read_tokens", "calls_without_usage",
    "cost_usd", "unpriced_calls", "avoided_cost_usd", "models",
)  # fmt: skip
"""The columns of `runs` that are derived from its child rows."""


def derive_totals(con: DuckDBPyConnection) -> None:
    """Fill `totals` for every run of `touched` from the rows stored now."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE totals AS
        WITH nodes AS (
            SELECT run_id, count(*) FILTER (span_kind IN ('node', 'agent')) AS nodes,
                   count(error_type) AS errors
            FROM node_timings SEMI JOIN touched USING (run_id) GROUP BY run_id
        ),
        llm AS (
            SELECT run_id, count(*) AS calls, count(error_type) AS errors,
                   try_cast(sum(input_tokens) AS BIGINT) AS input_tokens,
                   try_cast(sum(output_tokens) AS BIGINT) AS output_tokens,
                   try_cast(sum(cache_read_tokens) AS BIGINT) AS cache_read_tokens,
                   count(*) FILTER {WITHOUT_USAGE} AS calls_without_usage,
                   sum(cost_usd) AS cost_usd,
                   count(*) FILTER {UNPRICED} AS unpriced_calls,
                   sum(avoided_cost_usd) AS avoided_cost_usd,
                   bool_or(simulated) AS simulated,
                   list_sort(array_agg(DISTINCT coalesce(model, served_model))
                       FILTER (coalesce(model, served_model) IS NOT NULL)) AS models
            FROM llm_calls SEMI JOIN touched USING (run_id) GROUP BY run_id
        ),
        tools AS (
            SELECT run_id, count(*) FILTER (span_kind IS DISTINCT FROM 'other') AS calls,
                   count(error_type) AS errors, sum(cost_usd) AS cost_usd,
                   bool_or(simulated) AS simulated
            FROM tool_calls SEMI JOIN touched USING (run_id) GROUP BY run_id
        ),
        said AS (
            SELECT run_id, count(*) AS messages
            FROM messages SEMI JOIN touched USING (run_id) GROUP BY run_id
        )
        SELECT t.run_id, t.is_known,
               coalesce(llm.simulated, false) OR coalesce(tools.simulated, false) AS simulated,
               coalesce(nodes.nodes, 0) AS node_count,
               coalesce(llm.calls, 0) AS llm_call_count,
               coalesce(tools.calls, 0) AS tool_call_count,
               coalesce(said.messages, 0) AS message_count,
               coalesce(nodes.errors, 0) + coalesce(llm.errors, 0)
                   + coalesce(tools.errors, 0) AS error_count,
               llm.input_tokens, llm.output_tokens, llm.cache_read_tokens,
               coalesce(llm.calls_without_usage, 0) AS calls_without_usage,
               try_cast(coalesce(llm.cost_usd + tools.cost_usd, llm.cost_usd, tools.cost_usd)
                   AS DECIMAL(18, 9)) AS cost_usd,
               coalesce(llm.unpriced_calls, 0) AS unpriced_calls,
               try_cast(llm.avoided_cost_usd AS DECIMAL(18, 9)) AS avoided_cost_usd,
               CASE WHEN llm.calls IS NULL THEN [] ELSE llm.models END AS models
        FROM touched t
        LEFT JOIN nodes ON nodes.run_id = t.run_id
        LEFT JOIN llm ON llm.run_id = t.run_id
        LEFT JOIN tools ON tools.run_id = t.run_id
        LEFT JOIN said ON said.run_id = t.run_id
        """
    )

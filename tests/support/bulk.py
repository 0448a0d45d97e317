"""A store with many runs at once, written by SQL: for what must be fast on a full store."""

from duckdb import DuckDBPyConnection

RUNS = """
    INSERT INTO runs (
        run_id, name, source, workflow, inputs, output, status, error_type, error_message,
        session_id, user_id, tags, simulated, recorded_at, started_at, ended_at, duration_ms,
        recording_faults, node_count, llm_call_count, tool_call_count, message_count, error_count,
        input_tokens, output_tokens, calls_without_usage, cost_usd, unpriced_calls, models
    )
    SELECT md5('run' || n)::UUID, 'workflow ' || n % 12, 'native', 'workflow-' || n % 12,
           json_object('topic', repeat('heat pumps and their use ', 8), 'number', n),
           json_object('answer', repeat('A fridge turned round. ', 40)),
           CASE WHEN n % 1000 = 0 THEN 'running' WHEN n % 17 = 0 THEN 'error' ELSE 'ok' END,
           CASE WHEN n % 17 = 0 THEN 'TimeoutError' END,
           CASE WHEN n % 17 = 0 THEN 'the model did not answer in time' END,
           'session-' || n % 900, 'user-' || n % 70,
           MAP {'team': 'team-' || n % 5, 'release': 'r' || n % 40}, n % 3 = 0,
           began, began, began + to_milliseconds(n % 9000), n % 9000 + 0.5, 0, 3,
           5, 3, 12, 0, 5000 + n, 700, 0, CASE WHEN n % 50 <> 0 THEN 0.000123 * (n % 997) END,
           CASE WHEN n % 50 = 0 THEN 5 ELSE 0 END, ['model-' || n % 9, 'openai/gpt-' || n % 4]
    FROM (SELECT range AS n, TIMESTAMP '2026-11-20 12:00:00' - to_seconds(range * 120) AS began
          FROM range(?))
"""
NODES = """
    INSERT INTO node_timings (run_id, seq, recorded_at, span_id, span_kind, node, node_kind,
                              node_path, visit, attempt, started_at, ended_at, duration_ms)
    SELECT run_id, k, started_at, 'node-' || k, 'node', 'node ' || k, 'llm', 'node[1]', 1, 1,
           started_at + to_milliseconds(k), ended_at, duration_ms / 3
    FROM runs, range(3) t(k)
"""
LLM_CALLS = """
    INSERT INTO llm_calls (run_id, seq, recorded_at, span_id, parent_span_id, model, provider,
                           started_at, ended_at, duration_ms, input_tokens, output_tokens,
                           cost_usd, served_from, attempt, simulated)
    SELECT run_id, 10 + k, started_at, 'llm-' || k, 'node-' || k % 3, models[1], 'p', started_at,
           ended_at, 100, input_tokens / 5, output_tokens / 5, cost_usd / 5, 'live', 1, simulated
    FROM runs, range(5) t(k)
"""
TOOL_CALLS = """
    INSERT INTO tool_calls (run_id, seq, recorded_at, span_id, parent_span_id, span_kind, tool,
                            arguments, result, started_at, ended_at, duration_ms, served_from,
                            attempt, simulated)
    SELECT run_id, 20 + k, started_at, 'tool-' || k, 'node-' || k, 'tool', 'search_text',
           '{"pattern": "pump"}', '{"found": []}', started_at, ended_at, 5, 'live', 1, simulated
    FROM runs, range(3) t(k)
"""


def fill_store(con: DuckDBPyConnection, runs: int) -> None:
    """Insert so many runs, each of eleven spans."""
    con.execute(RUNS, [runs])
    for statement in (NODES, LLM_CALLS, TOOL_CALLS):
        con.execute(statement)
    con.execute("CHECKPOINT")

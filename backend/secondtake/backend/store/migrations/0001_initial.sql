-- The tables of Second Take. No primary keys and no indexes: the same tables and queries
-- run on DuckLake. Times are TIMESTAMP holding UTC, NULL is unknown, money is DECIMAL(18,9).

CREATE TABLE runs (
    run_id UUID NOT NULL,
    name VARCHAR,
    source VARCHAR,
    writer_id VARCHAR,
    workflow VARCHAR,
    workflow_hash VARCHAR,
    config JSON,
    inputs JSON,
    output JSON,
    status VARCHAR NOT NULL,
    error_type VARCHAR,
    error_message VARCHAR,
    error_traceback VARCHAR,
    session_id VARCHAR,
    user_id VARCHAR,
    agent VARCHAR,
    tags MAP(VARCHAR, VARCHAR),
    replayable VARCHAR,
    replayable_reason VARCHAR,
    simulated BOOLEAN,
    source_run_id UUID,
    experiment_id VARCHAR,
    variant VARCHAR,
    case_id VARCHAR,
    repeat INTEGER,
    environment JSON,
    recording_faults BIGINT,
    recorded_at TIMESTAMP,
    started_at TIMESTAMP,
    ended_at TIMESTAMP,
    duration_ms DOUBLE,
    -- Totals, derived from the child rows in the transaction that changes them.
    node_count BIGINT,
    llm_call_count BIGINT,
    tool_call_count BIGINT,
    message_count BIGINT,
    error_count BIGINT,
    input_tokens BIGINT,
    output_tokens BIGINT,
    cache_read_tokens BIGINT,
    calls_without_usage BIGINT,
    cost_usd DECIMAL(18, 9),
    unpriced_calls BIGINT,
    avoided_cost_usd DECIMAL(18, 9),
    models VARCHAR[],
    extra JSON
);

CREATE TABLE node_timings (
    run_id UUID NOT NULL,
    seq BIGINT,
    recorded_at TIMESTAMP,
    span_id VARCHAR NOT NULL,
    parent_span_id VARCHAR,
    span_kind VARCHAR,
    node VARCHAR,
    node_kind VARCHAR,
    node_path VARCHAR,
    visit INTEGER,
    branch_key VARCHAR,
    attempt INTEGER,
    started_at TIMESTAMP,
    ended_at TIMESTAMP,
    duration_ms DOUBLE,
    self_ms DOUBLE,
    error_type VARCHAR,
    error_message VARCHAR,
    error_traceback VARCHAR,
    extra JSON
);

CREATE TABLE llm_calls (
    run_id UUID NOT NULL,
    seq BIGINT,
    recorded_at TIMESTAMP,
    span_id VARCHAR NOT NULL,
    parent_span_id VARCHAR,
    node_path VARCHAR,
    provider VARCHAR,
    model VARCHAR,
    served_model VARCHAR,
    parameters JSON,
    input_message_id UUID,
    output_message_ids UUID[],
    finish_reason VARCHAR,
    response_id VARCHAR,
    stream BOOLEAN,
    started_at TIMESTAMP,
    ended_at TIMESTAMP,
    duration_ms DOUBLE,
    time_to_first_token_ms DOUBLE,
    usage JSON,
    usage_convention VARCHAR,
    usage_note VARCHAR,
    service_tier VARCHAR,
    input_tokens BIGINT,
    output_tokens BIGINT,
    uncached_input_tokens BIGINT,
    cache_read_tokens BIGINT,
    cache_write_5m_tokens BIGINT,
    cache_write_1h_tokens BIGINT,
    audio_input_tokens BIGINT,
    image_input_tokens BIGINT,
    text_output_tokens BIGINT,
    reasoning_output_tokens BIGINT,
    audio_output_tokens BIGINT,
    cost_usd DECIMAL(18, 9),
    cost_basis VARCHAR,
    cost_details JSON,
    reported_cost_usd DECIMAL(18, 9),
    avoided_cost_usd DECIMAL(18, 9),
    price_snapshot VARCHAR,
    request_hash VARCHAR,
    model_hash VARCHAR,
    messages_hash VARCHAR,
    tools_hash VARCHAR,
    parameters_hash VARCHAR,
    served_from VARCHAR,
    attempt INTEGER,
    error_type VARCHAR,
    error_class VARCHAR,
    error_message VARCHAR,
    error_traceback VARCHAR,
    http_status INTEGER,
    retry_after_s DOUBLE,
    simulated BOOLEAN,
    extra JSON
);

CREATE TABLE tool_calls (
    run_id UUID NOT NULL,
    seq BIGINT,
    recorded_at TIMESTAMP,
    span_id VARCHAR NOT NULL,
    parent_span_id VARCHAR,
    span_kind VARCHAR,
    node_path VARCHAR,
    tool VARCHAR,
    tool_call_id VARCHAR,
    arguments JSON,
    result JSON,
    request_hash VARCHAR,
    served_from VARCHAR,
    attempt INTEGER,
    started_at TIMESTAMP,
    ended_at TIMESTAMP,
    duration_ms DOUBLE,
    cost_usd DECIMAL(18, 9),
    error_type VARCHAR,
    error_message VARCHAR,
    error_traceback VARCHAR,
    simulated BOOLEAN,
    extra JSON
);

-- A forest of chat turns: a shared prefix is stored once.
CREATE TABLE messages (
    run_id UUID NOT NULL,
    seq BIGINT,
    recorded_at TIMESTAMP,
    message_id UUID NOT NULL,
    parent_id UUID,
    depth INTEGER,
    role VARCHAR,
    content VARCHAR,
    parts JSON,
    tool_calls JSON,
    tool_call_id VARCHAR,
    name VARCHAR,
    span_id VARCHAR,
    node_path VARCHAR,
    extra JSON
);

CREATE TABLE tool_definitions (
    run_id UUID NOT NULL,
    seq BIGINT,
    recorded_at TIMESTAMP,
    tools_hash VARCHAR NOT NULL,
    definitions JSON,
    extra JSON
);

CREATE TABLE memory_snapshots (
    run_id UUID NOT NULL,
    seq BIGINT,
    recorded_at TIMESTAMP,
    scope VARCHAR,
    operation VARCHAR,
    key VARCHAR,
    value JSON,
    span_id VARCHAR,
    node_path VARCHAR,
    extra JSON
);

CREATE TABLE ambient_reads (
    run_id UUID NOT NULL,
    seq BIGINT,
    recorded_at TIMESTAMP,
    ambient_kind VARCHAR,
    value JSON,
    span_id VARCHAR,
    node_path VARCHAR,
    extra JSON
);

CREATE TABLE evaluations (
    run_id UUID NOT NULL,
    seq BIGINT,
    recorded_at TIMESTAMP,
    evaluation_id UUID NOT NULL,
    name VARCHAR,
    score_value DOUBLE,
    label VARCHAR,
    reason VARCHAR,
    scorer VARCHAR,
    scorer_kind VARCHAR,
    span_id VARCHAR,
    extra JSON
);

-- A replay's verdict and what it cost and saved.
CREATE TABLE replays (
    run_id UUID NOT NULL,
    source_run_id UUID NOT NULL,
    recorded_at TIMESTAMP,
    overrides JSON,
    from_node VARCHAR,
    llm_policy VARCHAR,
    tool_policy VARCHAR,
    verdict VARCHAR,
    diverged_node_path VARCHAR,
    diverged_span_id VARCHAR,
    diverged_field VARCHAR,
    live_calls BIGINT,
    recorded_calls BIGINT,
    cost_usd DECIMAL(18, 9),
    avoided_cost_usd DECIMAL(18, 9),
    extra JSON
);

CREATE TABLE diffs (
    diff_id UUID NOT NULL,
    run_id_a UUID NOT NULL,
    run_id_b UUID NOT NULL,
    recorded_at TIMESTAMP,
    summary JSON,
    steps JSON,
    extra JSON
);

CREATE TABLE experiments (
    experiment_id VARCHAR NOT NULL,
    name VARCHAR,
    suite VARCHAR,
    dataset_id VARCHAR,
    config JSON,
    status VARCHAR,
    created_at TIMESTAMP,
    ended_at TIMESTAMP,
    extra JSON
);

CREATE TABLE variants (
    experiment_id VARCHAR NOT NULL,
    variant VARCHAR NOT NULL,
    is_baseline BOOLEAN,
    config JSON,
    extra JSON
);

CREATE TABLE datasets (
    dataset_id VARCHAR NOT NULL,
    name VARCHAR,
    version INTEGER,
    description VARCHAR,
    source VARCHAR,
    created_at TIMESTAMP,
    extra JSON
);

CREATE TABLE cases (
    dataset_id VARCHAR NOT NULL,
    case_id VARCHAR NOT NULL,
    version INTEGER,
    inputs JSON,
    expected JSON,
    tags MAP(VARCHAR, VARCHAR),
    extra JSON
);

CREATE TABLE prompts (
    name VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    template VARCHAR,
    prompt_hash VARCHAR,
    label VARCHAR,
    created_at TIMESTAMP,
    extra JSON
);

CREATE TABLE prices (
    provider VARCHAR,
    model VARCHAR NOT NULL,
    unit VARCHAR NOT NULL,
    service_tier VARCHAR,
    context_from BIGINT,
    usd_per_unit DECIMAL(38, 15) NOT NULL,
    valid_from TIMESTAMP,
    valid_to TIMESTAMP,
    source VARCHAR,
    fetched_at TIMESTAMP,
    extra JSON
);

CREATE TABLE budgets (
    budget_id UUID NOT NULL,
    scope JSON,
    period VARCHAR,
    limit_usd DECIMAL(18, 9),
    created_at TIMESTAMP,
    extra JSON
);

CREATE TABLE alerts (
    alert_id UUID NOT NULL,
    budget_id UUID,
    rule JSON,
    fired_at TIMESTAMP,
    acknowledged_at TIMESTAMP,
    message VARCHAR,
    extra JSON
);

CREATE TABLE annotations (
    annotation_id UUID NOT NULL,
    run_id UUID NOT NULL,
    span_id VARCHAR,
    author VARCHAR,
    name VARCHAR,
    score_value DOUBLE,
    label VARCHAR,
    note VARCHAR,
    created_at TIMESTAMP,
    extra JSON
);

-- 15 minutes x everything that money is asked by. Kept equal to the LLM calls by the loader:
-- a sum is NULL when no call of the row has the value, and *_known_calls says how many have it.
-- Wide sums, because adding and taking away must stay exact whatever a journal claims.
CREATE TABLE cost_rollup (
    bucket_at TIMESTAMP,
    source VARCHAR,
    workflow VARCHAR,
    node VARCHAR,
    agent VARCHAR,
    user_id VARCHAR,
    provider VARCHAR,
    model VARCHAR,
    served_from VARCHAR,
    simulated BOOLEAN,
    calls BIGINT,
    failed_calls BIGINT,
    unpriced_calls BIGINT,
    calls_without_usage BIGINT,
    input_tokens DECIMAL(38, 0),
    output_tokens DECIMAL(38, 0),
    cache_read_tokens DECIMAL(38, 0),
    cost_usd DECIMAL(38, 9),
    avoided_cost_usd DECIMAL(38, 9),
    input_tokens_known_calls BIGINT,
    output_tokens_known_calls BIGINT,
    cache_read_tokens_known_calls BIGINT,
    cost_usd_known_calls BIGINT,
    avoided_cost_usd_known_calls BIGINT
);

CREATE TABLE mirror_outbox (
    run_id UUID NOT NULL,
    queued_at TIMESTAMP,
    sent_at TIMESTAMP,
    attempts INTEGER,
    last_error VARCHAR
);

-- What makes a load exactly once: a segment's name is here if and only if its rows are.
CREATE TABLE loaded_segments (
    segment VARCHAR NOT NULL,
    writer_id VARCHAR,
    host VARCHAR,
    loaded_at TIMESTAMP,
    line_count BIGINT,
    row_count BIGINT,
    rejected_count BIGINT,
    duplicate_count BIGINT,
    torn_bytes BIGINT
);

CREATE VIEW spans AS
SELECT run_id, seq, span_id, parent_span_id, span_kind, node AS name, node_path,
       started_at, ended_at, duration_ms, error_type, error_message,
       NULL::BIGINT AS input_tokens, NULL::BIGINT AS output_tokens,
       NULL::DECIMAL(18, 9) AS cost_usd, NULL::VARCHAR AS served_from
FROM node_timings
UNION ALL
SELECT run_id, seq, span_id, parent_span_id, 'llm', coalesce(model, served_model), node_path,
       started_at, ended_at, duration_ms, error_type, error_message,
       input_tokens, output_tokens, cost_usd, served_from
FROM llm_calls
UNION ALL
SELECT run_id, seq, span_id, parent_span_id, span_kind, tool, node_path,
       started_at, ended_at, duration_ms, error_type, error_message,
       NULL, NULL, cost_usd, served_from
FROM tool_calls;

"""What fields and columns mean whose meaning stands nowhere in the code."""

from typing import Final

NOT_YET: Final = "Made for what is to come; empty in this version."

FIELDS: Final = {
    "agent": "The agent that acted, as its author calls it.",
    "ambient_kind": "`clock`, `random` or `uuid`.",
    "arguments": "What the tool was given, by parameter name.",
    "attempt": "1 for the first try, 2 for the first retry, ...",
    "audio_input_tokens": "Input bucket: audio.",
    "audio_output_tokens": "Output bucket: audio.",
    "avoided_cost_usd": "What answers out of a recording would have cost.",
    "cache_read_tokens": "Input bucket: read from the provider's cache.",
    "cache_write_1h_tokens": "Input bucket: written to a cache that lives one hour.",
    "cache_write_5m_tokens": "Input bucket: written to a cache that lives five minutes.",
    "case_id": "The case of a dataset that the run is about.",
    "cost_usd": "What it cost, in US dollars; none when unknown.",
    "definitions": "The tools' schemas, in OpenAI's form.",
    "diverged_node_path": "Node of the first call that was not as recorded.",
    "diverged_source_span_id": "What the first call that was not as recorded was in the source.",
    "duration_ms": "How long it took, by the monotonic clock.",
    "ended_at": "When it ended, UTC.",
    "error_message": "The exception's text, without secrets.",
    "error_traceback": "The exception's traceback, without secrets.",
    "evaluation_id": "Identifies the verdict.",
    "experiment_id": "The experiment that the run belongs to.",
    "finish_reason": "Why the model stopped: `stop`, `tool_calls`, `length`, ...",
    "from_node": "The node that a replay forked at.",
    "http_status": "Status of the provider's answer to a failed request.",
    "image_input_tokens": "Input bucket: images.",
    "inputs": "What the run was given.",
    "key": "The key of the state or of the memory.",
    "label": "The verdict as a word, where it is one.",
    "live_by_node": "How many calls were executed in each node.",
    "live_calls": "How many calls were executed.",
    "llm_policy": "Who answers LLM calls: `auto`, `recorded` or `live`.",
    "message_id": "Identifies the turn within the run; the same for the same conversation so far.",
    "messages_hash": "Hash of the messages that were sent.",
    "model_hash": "Hash of the model that was asked for.",
    "name": "Its name.",
    "node": "Name of the node.",
    "node_path": "Where in the workflow this happened: `plan[1]/search[2:9f3a]`.",
    "operation": "`init`, `set`, `append`, `add`, `merge`, `read` or `write`.",
    "output": "What the run came to.",
    "overrides": "What was changed, by its path.",
    "parameters_hash": "Hash of the parameters.",
    "parent_id": "The turn before; none for the first.",
    "parent_span_id": "The span that this one is inside of.",
    "provider": "Who was asked: `openai`, `anthropic`, `sim`, ...",
    "reason": "Why this verdict.",
    "reasoning_output_tokens": "Output bucket: reasoning that is billed and not shown.",
    "recorded_calls": "How many calls the recording answered.",
    "repeat": "Which repetition of the case.",
    "replay_kind": "`full` (executed again), `stepwise` (each call by itself) or `loop` (no program).",
    "replayable": "`full`, `stepwise` or `no`.",
    "request_hash": "Hash of the whole request.",
    "response_id": "The provider's id of the answer.",
    "result": "What the tool returned.",
    "role": "`system`, `user`, `assistant` or `tool`.",
    "scope": "`state` within the run; `node`, `agent` or `workflow` for long-term memory.",
    "scorer": "What judged.",
    "scorer_kind": "`code`, `llm`, `human`, or `recorded` when an import brought it.",
    "served_from": "`live`, `recorded` or `cache`.",
    "service_tier": "The provider's service tier, which decides the price.",
    "session_id": "Runs with the same one belong together.",
    "simulated": "True when a simulated model or tool answered.",
    "source_run_id": "The run that this one replays.",
    "span_id": "The span that this belongs to.",
    "span_kind": "`agent`, `node`, `llm`, `tool`, `retriever` or `other`.",
    "started_at": "When it began, UTC.",
    "status": "`running`, `ok`, `error`, `interrupted`, `cancelled` or `budget_exceeded`.",
    "stream": "Whether the answer was streamed.",
    "tags": "Labels that runs are found by.",
    "text_output_tokens": "Output bucket: text and tool calls.",
    "time_to_first_token_ms": "Time until the first piece of a streamed answer.",
    "tool": "Name of the tool.",
    "tool_policy": "Who answers tool calls: `auto`, `recorded` or `live`.",
    "tools_hash": "Hash of the tool definitions; their text is in `tool_definitions`.",
    "uncached_input_tokens": "Input bucket: neither read from nor written to a cache.",
    "user_id": "For whom the run was.",
    "value": "The value, as JSON.",
    "variant": "The variant of the experiment.",
    "verdict": "`exact`, `same_output` or `diverged`.",
    "verdict_reason": "The verdict in a sentence.",
    "workflow": "Name of the workflow; none for a user's own code.",
    "workflow_hash": "Hash of the workflow file's text.",
}
"""By name, wherever the name occurs."""

TABLES: Final = {
    "runs": "One row a run: what it was, how it ended, and its totals.",
    "node_timings": "One row for each execution of a node.",
    "llm_calls": "One row for each request to a model; a retry is a row of its own.",
    "tool_calls": "One row for each invocation of a tool.",
    "messages": "One row a turn. A prefix that many calls share is stored once.",
    "tool_definitions": "The tool definitions that LLM calls were sent, once a run.",
    "memory_snapshots": "The state before the first node, what each node changed, and long-term "
    "memory as it was read and written.",
    "ambient_reads": "What the run read of the clock, of random numbers and of uuids.",
    "evaluations": "One row a verdict.",
    "replays": "One row a replay: what was changed, its verdict, what it cost and saved.",
    "diffs": f"Differences of two runs. {NOT_YET}",
    "experiments": f"Comparisons of variants. {NOT_YET}",
    "variants": f"What an experiment compares. {NOT_YET}",
    "datasets": f"Collections of cases. {NOT_YET}",
    "cases": f"Inputs with what is expected of them. {NOT_YET}",
    "prompts": f"Versions of prompts. {NOT_YET}",
    "prices": f"What a unit costs, by model and time. {NOT_YET}",
    "budgets": f"What may be spent. {NOT_YET}",
    "alerts": f"Budgets that were used up. {NOT_YET}",
    "annotations": f"What people note about runs. {NOT_YET}",
    "cost_rollup": "LLM calls summed over 15 minutes and everything that money is asked by. A sum "
    "is NULL when no call of the row has the value.",
    "mirror_outbox": f"Runs that wait to be copied elsewhere. {NOT_YET}",
    "loaded_segments": "The journal segments whose rows are in the tables.",
    "spans": "`node_timings`, `llm_calls` and `tool_calls` by their common columns.",
}
"""What a table or view holds."""

_SUM: Final = {
    "input_tokens": "All input tokens of the calls that report them.",
    "output_tokens": "All output tokens of the calls that report them.",
    "cache_read_tokens": "Tokens read from the provider's cache.",
    "calls_without_usage": "LLM calls that reported no tokens.",
    "cost_usd": "Sum of the calls whose price is known.",
    "unpriced_calls": "LLM calls whose price is unknown.",
    "avoided_cost_usd": "What answers from a recording or cache would have cost.",
}
_EXTRA: Final = {"extra": "What there is no column for."}
_OF_RUN: Final = {"run_id": "The run.", "recorded_at": "When the row was made, UTC."}

COLUMNS: Final[dict[str, dict[str, str]]] = {
    "runs": _SUM
    | {
        "node_count": "Node executions.",
        "llm_call_count": "LLM calls, failed ones and retries included.",
        "tool_call_count": "Tool calls.",
        "message_count": "Messages.",
        "error_count": "Spans that failed.",
        "models": "The models that were asked or answered.",
        "simulated": "True when simulated models answered: their prices are not money.",
    },
    "diffs": _EXTRA
    | _OF_RUN
    | {
        "diff_id": "Identifies the comparison.",
        "run_id_a": "The first run.",
        "run_id_b": "The second run.",
        "summary": "Counts, tokens, money and time.",
        "steps": "The aligned steps.",
    },
    "experiments": _EXTRA
    | {
        "experiment_id": "Identifies the experiment.",
        "suite": "The suite that was run.",
        "dataset_id": "The cases that were run.",
        "config": "What was asked for.",
        "status": "How far it is.",
        "created_at": "When it began, UTC.",
    },
    "variants": _EXTRA
    | {
        "experiment_id": "The experiment.",
        "is_baseline": "True for the one that the others are compared with.",
        "config": "What this variant changes.",
    },
    "datasets": _EXTRA
    | {
        "dataset_id": "Identifies the dataset.",
        "version": "Counts its changes.",
        "description": "What is in it.",
        "source": "Where it came from.",
        "created_at": "When it was made, UTC.",
    },
    "cases": _EXTRA
    | {
        "dataset_id": "The dataset.",
        "case_id": "Identifies the case in it.",
        "version": "Counts its changes.",
        "inputs": "What a run is given.",
        "expected": "What it should come to.",
    },
    "prompts": _EXTRA
    | {
        "version": "1, 2, ...",
        "template": "The text.",
        "prompt_hash": "Hash of the text.",
        "label": "What this version is used for.",
        "created_at": "When it was made, UTC.",
    },
    "prices": _EXTRA
    | {
        "model": "The model, as its provider names it.",
        "unit": "What is counted: a token bucket, an image, a search.",
        "context_from": "Length of the prompt, in tokens, from which the price holds.",
        "usd_per_unit": "US dollars for one.",
        "valid_from": "From when it holds, UTC.",
        "valid_to": "Until when it holds, UTC.",
        "source": "Who says so.",
        "fetched_at": "When that was read, UTC.",
    },
    "budgets": _EXTRA
    | {
        "budget_id": "Identifies the budget.",
        "scope": "What it is for.",
        "period": "Day, week or month.",
        "limit_usd": "What may be spent in one.",
        "created_at": "When it was made, UTC.",
    },
    "alerts": _EXTRA
    | {
        "alert_id": "Identifies the alert.",
        "budget_id": "The budget.",
        "rule": "What was watched.",
        "fired_at": "When it happened, UTC.",
        "acknowledged_at": "When somebody saw it, UTC.",
        "message": "What happened, in words.",
    },
    "annotations": _EXTRA
    | _OF_RUN
    | {
        "annotation_id": "Identifies the note.",
        "author": "Who wrote it.",
        "score_value": "The verdict as a number.",
        "note": "The text.",
        "created_at": "When it was written, UTC.",
    },
    "cost_rollup": _SUM
    | {
        "bucket_at": "Beginning of the 15 minutes, UTC.",
        "source": "As in `runs`.",
        "node": "The outermost node; none outside of a workflow.",
        "model": "The model that was asked for.",
        "calls": "LLM calls.",
        "failed_calls": "LLM calls that failed.",
        "input_tokens_known_calls": "How many calls `input_tokens` sums.",
        "output_tokens_known_calls": "How many calls `output_tokens` sums.",
        "cache_read_tokens_known_calls": "How many calls `cache_read_tokens` sums.",
        "cost_usd_known_calls": "How many calls `cost_usd` sums.",
        "avoided_cost_usd_known_calls": "How many calls `avoided_cost_usd` sums.",
    },
    "mirror_outbox": _OF_RUN
    | {
        "queued_at": "Since when it waits, UTC.",
        "sent_at": "When it was copied, UTC.",
        "attempts": "How often that was tried.",
        "last_error": "Why it failed the last time.",
    },
    "loaded_segments": {
        "segment": "Name of the segment.",
        "writer_id": "The process that wrote it.",
        "host": "The machine that it was written on.",
        "loaded_at": "When its rows came, UTC.",
        "line_count": "Events in it.",
        "row_count": "Events that became rows or completed one.",
        "rejected_count": "Events that are in `rejected/` instead.",
        "duplicate_count": "Events that were there already.",
        "torn_bytes": "Length of a last line that was cut off and never acknowledged.",
    },
}
"""By table, where the name alone does not say it."""

WORKFLOW_FIELDS: Final = {
    "Workflow.description": "What it does, for people.",
    "Workflow.edges": "Which node follows which; see Edge.",
    "Workflow.inputs": "What a run is given, by name; see Input.",
    "Workflow.limits": "What one run may use; see RunLimits.",
    "Workflow.name": "What runs of it are called.",
    "Workflow.nodes": "The steps, by name: LlmNode, AgentNode, ToolNode or PythonNode.",
    "Workflow.state": "What nodes read and write, by name; see StateKey.",
    "description": "For people.",
    "kind": "Says which node this is: `llm`, `agent`, `tool` or `python`.",
    "output": "State key that takes the result; or `{state key: field of the result}`.",
    "retry": "Try again after a failure; see Retry.",
    "seconds": "Seconds.",
    "system": "The system message; a template.",
    "tokens": "Tokens, input and output.",
    "tool": "A built-in tool by name, or an own one as `module:function`.",
    "usd": "US dollars.",
}
"""By name, or by section and name."""

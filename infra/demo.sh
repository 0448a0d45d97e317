#!/usr/bin/env bash
# Three sample workflows on simulated models: no key, no network. Then what was recorded of them.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"

headline() { printf '\n\n== %s ==\n' "$1"; }

# Shows a command as a person would type it, then runs it.
try() {
    printf '\n$ secondtake'
    local word
    for word in "$@"; do
        if [[ $word =~ ^[A-Za-z0-9_./=@:-]+$ ]]; then printf ' %s' "$word"; else printf ' "%s"' "$word"; fi
    done
    printf '\n\n'
    secondtake "$@"
}

headline "Three runs"
try run data/workflows/research.yaml -i "topic=heat pumps" --tag demo=1 --profile
try run data/workflows/extraction.yaml --tag demo=1
try run data/workflows/assistant.yaml --tag demo=1

headline "What was recorded"
try runs --tag demo=1 --limit 3
try show last

headline "What it cost, by workflow and node (simulated prices: no money was spent)"
try sql "SELECT workflow, node, sum(calls) AS calls, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cost_usd) AS cost_usd FROM cost_rollup WHERE simulated GROUP BY ALL ORDER BY ALL"

headline "Where the time went, by node, model and tool"
try sql "SELECT span_kind, name, count(*) AS spans, round(sum(duration_ms)) AS total_ms, round(max(duration_ms)) AS longest_ms FROM spans GROUP BY ALL ORDER BY total_ms DESC"

headline "What to type next"
cat <<'EOF'

source .venv/bin/activate
secondtake show last --messages           every turn of the last run; also --spans, --tools, --state
secondtake run data/workflows/research.yaml -i topic=insulation --model sim/weak
secondtake run --prompt "What is 17 * 23?" --model sim/strong --tools calculator
secondtake run --prompt "Hello" --model openai/gpt-4o-mini      a real model, with its usual key in .env
secondtake sql "SELECT model, sum(cost_usd) FROM llm_calls GROUP BY ALL"
secondtake doctor
EOF

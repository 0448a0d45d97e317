#!/usr/bin/env bash
# Sample workflows on simulated models: no key, no network. Then what was recorded of them, and at the
# end server and studio: until Ctrl-C where somebody looks at a screen, else just to see them answer.
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

headline "Four runs"
try run data/workflows/research.yaml -i "topic=heat pumps" --tag demo=1 --profile
try run data/workflows/extraction.yaml --tag demo=1
try run data/workflows/assistant.yaml --tag demo=1
try run data/workflows/support.yaml -i ticket=@data/tickets/invoice.txt --answer approve=send --tag demo=1

headline "What was recorded"
try runs --tag demo=1 --limit 4
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
secondtake run data/workflows/support.yaml -i ticket=@data/tickets/heat-pump.txt    it asks you at its end
secondtake run --prompt "What is 17 * 23?" --model sim/strong --tools calculator
secondtake run --prompt "Hello" --model openai/gpt-4o-mini      a real model, with its usual key in .env
secondtake sql "SELECT model, sum(cost_usd) FROM llm_calls GROUP BY ALL"
secondtake doctor
EOF

headline "Server and studio"

free_port() {
    python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

answers() {
    python -c 'import sys, urllib.request as u; u.build_opener(u.ProxyHandler({})).open(sys.argv[1], timeout=5)' "$1"
}

if [ -z "${CI:-}" ] && [ -t 0 ] && [ -t 1 ]; then
    printf '\n$ secondtake up\n\n'
    exec secondtake up
fi

# Nobody looks: see that both answer, and end them.
port=$(free_port)
studio_port=$(free_port)
said=$(mktemp)
printf '\n$ secondtake up --port %s --studio-port %s --no-browser\n\n' "$port" "$studio_port"
secondtake up --port "$port" --studio-port "$studio_port" --no-browser >"$said" 2>&1 &
up=$!
trap 'kill "$up" 2>/dev/null || true; cat "$said"; rm -f "$said"' EXIT
until grep -q '^Ctrl-C' "$said"; do
    kill -0 "$up" 2>/dev/null || exit 1
    sleep 0.1
done
answers "http://127.0.0.1:$port/health"
answers "http://127.0.0.1:$studio_port"
kill -INT "$up"
wait "$up"
trap - EXIT
cat "$said"
rm -f "$said"
printf '\nBoth answered and were ended again. In a terminal they stay: secondtake up\n'

#!/usr/bin/env bash
# Every rule that a program can check without running the code. All are run; any that fails fails all.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=()

run() {
    local title=$1
    shift
    printf -- '-- %s\n' "$title"
    "$@" || failed+=("$title")
}

no_stray_init() {
    local found
    found=$(ls -- */secondtake/__init__.py 2>/dev/null) || return 0
    printf '%s hides the other rooms; remove it\n' $found
    return 1
}

python=.venv/bin/python
run "ruff check" "$python" -m ruff check
run "ruff format" "$python" -m ruff format --check
run "mypy" "$python" -m mypy
run "pyright" "$python" -m pyright
run "lint-imports" .venv/bin/lint-imports --no-logo
run "no __init__.py in a room's secondtake/" no_stray_init
run "house rules" "$python" -m pytest -q -p no:cacheprovider \
    tests/test_size.py tests/test_house.py tests/test_layers.py tests/test_lock.py tests/test_docs.py

if [ ${#failed[@]} -gt 0 ]; then
    printf '\nFailed:'
    printf ' %s;' "${failed[@]}"
    printf '\n'
    exit 1
fi
printf '\nAll checks passed.\n'

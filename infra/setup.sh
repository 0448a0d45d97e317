#!/usr/bin/env bash
# Makes .venv with exactly what requirements.lock says. Needs python3 >= 3.11 and nothing else;
# uses uv when it is there, because it is faster. $1 is the stamp file to leave when done.
set -euo pipefail
cd "$(dirname "$0")/.."
ready=$1

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
has_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# Prints the Python to use: the first that is new enough, before all others one that has venv.
find_python() {
    local name without_venv=
    for name in "${PYTHON3:-python3.13}" python3.13 python3.12 python3.11 python3 python; do
        if ! command -v "$name" >/dev/null || ! fits "$name"; then continue; fi
        if has_venv "$name"; then
            command -v "$name"
            return
        fi
        without_venv=${without_venv:-$(command -v "$name")}
    done
    if [ -n "$without_venv" ]; then
        printf '%s\n' "$without_venv"
        return
    fi
    die "Second Take needs Python 3.11 or newer, and $(python3 --version 2>&1 || echo "no python3") is" \
        "what is here; install a newer one, or name it: PYTHON3=/path/to/python3 make setup"
}

# Debian and Ubuntu ship python3 without ensurepip.
need_venv() {
    has_venv "$1" && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "python3-venv is missing; installing it with apt-get ..."
        apt-get install -y -qq python3-venv >/dev/null 2>&1 ||
            { apt-get update -qq && apt-get install -y -qq python3-venv; } >/dev/null || true
    fi
    has_venv "$1" || die "$1 cannot make virtual environments;" \
        "on Debian and Ubuntu run: sudo apt-get install python3-venv"
}

make_with_uv() {
    [ -x .venv/bin/python ] || uv venv --quiet --python "$1" .venv || return
    touch .venv/.unfinished
    uv pip install --quiet --python .venv/bin/python --compile-bytecode --require-hashes --no-deps \
        -r requirements.lock || return
    uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
}

make_with_pip() {
    if [ ! -x .venv/bin/python ]; then
        need_venv "$1"
        "$1" -m venv .venv
    fi
    touch .venv/.unfinished
    .venv/bin/python -c 'import pip' 2>/dev/null || .venv/bin/python -m ensurepip >/dev/null
    local pip=(.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps)
    "${pip[@]}" --require-hashes -r requirements.lock
    "${pip[@]}" --no-build-isolation -e .
}

is_ready() {
    [ "$(cat "$ready" 2>/dev/null)" = "$here" ] && [ "$ready" -nt requirements.lock ] &&
        [ "$ready" -nt pyproject.toml ] && [ "$ready" -nt infra/setup.sh ]
}

# Of another folder, half made, or with a Python that is gone or too old: not worth mending.
is_unusable() {
    [ -e .venv/.unfinished ] || ! fits .venv/bin/python ||
        { [ -e "$ready" ] && [ "$(cat "$ready")" != "$here" ]; }
}

here=$(pwd -P)
python=$(find_python)

# One set-up at a time: the lock is this shell's and ends with it, however it ends.
exec 9<pyproject.toml
"$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)'
if is_ready; then exit 0; fi # somebody else has just done it

if [ -e .venv ] && is_unusable; then rm -rf .venv; fi
rm -f "$ready"
say "Setting up .venv with $("$python" --version) (some minutes the first time) ..."
if ! { command -v uv >/dev/null && make_with_uv "$python"; }; then
    make_with_pip "$python"
fi
rm -f .venv/.unfinished
printf '%s' "$here" >"$ready"
say "Ready. The command is .venv/bin/secondtake"

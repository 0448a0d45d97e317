#!/usr/bin/env bash
# Prints the path of a Chromium for the browser tests, and installs one where there is none: Debian's
# package with apt-get as root, otherwise Playwright's own. Exits 1 with one sentence when neither works.
# Needs no network when a browser is there. SECONDTAKE_CHROMIUM names one; `--find` installs nothing.
set -uo pipefail
cd "$(dirname "$0")/.."

PYTHON=${SECONDTAKE_PYTHON:-.venv/bin/python}
INSTALL_S=${SECONDTAKE_BROWSER_INSTALL_S:-240} # for all steps together
RETRY_MIN=15                                   # how long a failed installation is not tried again
FAILED=.venv/.browser-failed
CURE="install one (on Debian: sudo apt-get install chromium; elsewhere: $PYTHON -m playwright install chromium) \
or name one: SECONDTAKE_CHROMIUM=/path/to/chromium"

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Runs a command for at most so many seconds.
bounded() {
    local seconds=$1
    shift
    if command -v timeout >/dev/null; then timeout -k 5 "$seconds" "$@"; else "$@"; fi
}

# Some systems ship a `chromium-browser` that only tells how to get one: ask it for its version.
works() { [ -n "$1" ] && [ -x "$1" ] && bounded 30 "$1" --version 2>/dev/null | grep -qiE 'chrom'; }

playwrights_own() {
    bounded 30 "$PYTHON" - 2>/dev/null <<'PY'
from playwright.sync_api import sync_playwright

with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
PY
}

find_browser() {
    local name path
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        path=$(command -v "$name") || continue
        if works "$path"; then
            printf '%s\n' "$path"
            return
        fi
    done
    path=$(playwrights_own)
    works "$path" && printf '%s\n' "$path"
}

left_s() { echo $((INSTALL_S - SECONDS)); }

install_with_apt() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    say "No browser for the tests; installing Debian's chromium with apt-get ..."
    export DEBIAN_FRONTEND=noninteractive
    bounded "$(left_s)" apt-get update -qq >/dev/null 2>&1
    [ "$(left_s)" -gt 10 ] &&
        bounded "$(left_s)" apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1
}

install_with_playwright() {
    [ "$(left_s)" -gt 10 ] || return 1
    say "No browser for the tests; installing Playwright's Chromium ..."
    bounded "$(left_s)" "$PYTHON" -m playwright install chromium >/dev/null 2>&1
}

if [ -n "${SECONDTAKE_CHROMIUM:-}" ]; then
    works "$SECONDTAKE_CHROMIUM" ||
        die "SECONDTAKE_CHROMIUM names $SECONDTAKE_CHROMIUM, which is no Chromium that starts; correct or unset it."
    printf '%s\n' "$SECONDTAKE_CHROMIUM"
    exit 0
fi
find_browser && exit 0
[ "${1:-}" != --find ] || die "There is no Chromium; $CURE."

# One installation at a time: the lock is this shell's and ends with it, however it ends.
exec 9<infra/browser.sh
"$PYTHON" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)' || die "There is no $PYTHON; run: make setup"
find_browser && exit 0 # somebody else has just installed it
if [ -n "$(find "$FAILED" -mmin "-$RETRY_MIN" 2>/dev/null)" ]; then
    die "There is no Chromium, and installing one failed less than $RETRY_MIN minutes ago; $CURE."
fi

if install_with_apt && find_browser; then exit 0; fi
if install_with_playwright && find_browser; then exit 0; fi
touch "$FAILED" 2>/dev/null
die "There is no Chromium and none could be installed within $INSTALL_S seconds; $CURE."

#!/bin/sh
# Makes .venv with the packages of the requirement files given as arguments.
# Run by `make setup`. Needs nothing but a POSIX shell until a fitting Python is found.
set -eu

say() { printf '%s\n' "$@" >&2; }

is_fitting() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        if is_fitting "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    say "Python 3.11 or newer is needed, and wasn't found as ${PYTHON:-python3}."
    if command -v "${PYTHON:-python3}" >/dev/null; then
        say "Here: $("${PYTHON:-python3}" --version 2>&1)"
    fi
    say "Install one (Debian, Ubuntu: apt install python3 python3-venv; others: python.org),"
    say "then: make setup, or, if it isn't on the PATH: make setup PYTHON=/path/to/python3"
    exit 1
}

python=$(find_python)
if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    say "$python can't make virtual environments: its venv module is missing."
    say "Install it (Debian, Ubuntu: apt install python3-venv), then run the same command again."
    exit 1
fi

# A virtual environment whose Python was removed or broken off is made anew.
if ! is_fitting .venv/bin/python || ! .venv/bin/python -c 'import pip' >/dev/null 2>&1; then
    echo "Making .venv with $("$python" --version)"
    if ! "$python" -m venv --clear .venv; then
        say "The virtual environment couldn't be made: see above."
        say "Enough disk space, and permission to write $(pwd)/.venv? Then run the same command again."
        exit 1
    fi
fi
exec .venv/bin/python deploy/local/install.py "$@"

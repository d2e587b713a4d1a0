#!/usr/bin/env bash
# Installs what the tests need (PostgreSQL, Redis and Chromium from Debian, the extra `dev` into .venv) and passes all checks.
#   bash scripts/test.sh [PYTEST ARGUMENTS]
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v apt-get >/dev/null; then
  source scripts/apt.sh
  apt_install postgresql chromium redis-server ||
    echo "without PostgreSQL, Redis and Chromium: their tests will be skipped" >&2
fi
bash scripts/install.sh dev
.venv/bin/ruff format --check .
.venv/bin/ruff check .
.venv/bin/mypy
.venv/bin/lint-imports
# Every marker: also the tests that ask the embedded language model, and the slow ones.
.venv/bin/pytest -m "" --durations 15 "$@"

#!/usr/bin/env bash
# Installs what the tests need (PostgreSQL, Redis and Chromium from Debian, the extra `dev` into .venv) and passes all checks.
#   bash scripts/test.sh [PYTEST ARGUMENTS]
# The tests make two runs of pytest, and the second is made whatever comes of the first: in as many processes as there
# are cores all but those that drive a browser or ask the embedded language model; then these, which want the machine
# for themselves. Both runs get the arguments: name files, choose by -k, or undo the many processes by -n 0. An -m of
# one's own would replace the one that divides them, and so everything that it chooses would run twice.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v apt-get >/dev/null; then
  source scripts/apt.sh
  apt_install postgresql chromium redis-server ||
    echo "without PostgreSQL, Redis and Chromium: their tests will be skipped" >&2
fi
# What tests import is compiled when they do; to compile all that is installed takes a minute.
PIP_COMPILE=0 bash scripts/install.sh dev
.venv/bin/ruff format --check .
.venv/bin/ruff check .
.venv/bin/mypy
.venv/bin/lint-imports

found=no
failed=no
tests() {
  local status=0
  .venv/bin/pytest --durations 15 "$@" || status=$?
  [ $status -eq 5 ] || found=yes # 5: the arguments choose none of this run's tests
  [ $status -eq 0 ] || [ $status -eq 5 ] || failed=yes
}
trap 'exit 130' INT
# Processes side by side do not fight for the cores with several threads each.
OMP_NUM_THREADS=1 tests -m "not browser and not local_llm" -n logical --maxprocesses 8 --dist worksteal "$@"
tests -m "browser or local_llm" "$@"
[ $found = yes ] || { echo "the arguments choose no test" >&2; exit 5; }
[ $failed = no ]

#!/usr/bin/env bash
# Makes .venv with Domain Distiller in it. Needs Python 3.11 or newer; installs nothing else outside .venv,
# except the venv module where Debian ships Python without it.
#   bash scripts/install.sh [EXTRAS]      EXTRAS as in pyproject.toml, by default: local
set -euo pipefail
cd "$(dirname "$0")/.."

extras=${1:-local}
python=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}
if [ -z "$python" ] || ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "Domain Distiller needs Python 3.11 or newer; name one with PYTHON=/path/to/python3.11" >&2
  exit 2
fi
if [ ! -x .venv/bin/pip ] && ! "$python" -m venv .venv >/dev/null 2>&1; then
  source scripts/apt.sh
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  apt_install "python$version-venv"
  "$python" -m venv --clear .venv
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
  --constraint constraints.txt --editable ".[$extras]"

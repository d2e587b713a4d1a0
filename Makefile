# The few commands people use.
.PHONY: install test quick format docs constraints

install: ## everything that users need, into .venv
	bash scripts/install.sh

test: ## everything that CI runs
	bash scripts/test.sh

quick: ## the fast tests only
	.venv/bin/pytest

format: ## lay the code out, mend what can be mended
	.venv/bin/ruff format . && .venv/bin/ruff check --fix .

docs: ## the reference of the command line
	COLUMNS=200 NO_COLOR=1 .venv/bin/python -m typer distiller.cli utils docs --name distiller \
	  --title "The command line" > docs/command-line.md

constraints: ## pin what is installed now
	.venv/bin/pip freeze --exclude-editable | sed 's/+cpu//' > constraints.txt

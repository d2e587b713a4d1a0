# The few commands people use.
.PHONY: install test quick format constraints

install: ## everything that users need, into .venv
	bash scripts/install.sh

test: ## everything that CI runs
	bash scripts/test.sh

quick: ## the fast tests only
	.venv/bin/pytest

format: ## lay the code out, mend what can be mended
	.venv/bin/ruff format . && .venv/bin/ruff check --fix .

constraints: ## pin what is installed now
	.venv/bin/pip freeze --exclude-editable | sed 's/+cpu//' > constraints.txt

PYTHON := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: install run test lint audit format translations bench test-n8n test-faults help

install: ## make .venv from the lock file, with saiweb in it
	@scripts/install.sh

run: install ## install and start everything with the demo network; prints the address
	@$(PYTHON) -m saiweb run --demo

test: .dev ## install what tests need and pass them (ARGS="-k stream" selects)
	@scripts/chromium.sh
	$(PYTHON) -m pytest $(ARGS)

lint: .dev ## ruff, bandit and pyright
	$(PYTHON) -m ruff check
	.venv/bin/bandit -q -s B311,B404,B603,B608 -r saiweb config.py wsgi.py # ruff looks at these, folder by folder
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m pyright

format: .dev ## put the code in its usual form
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

audit: .dev ## known holes in what the lock file installs (needs the network)
	@mkdir -p build
	.venv/bin/uv export -q --frozen --no-dev --no-emit-project --format requirements-txt -o build/requirements.txt
	.venv/bin/pip-audit --strict --disable-pip --require-hashes -r build/requirements.txt

translations: .dev ## collect the texts of pages and compile the English ones
	@mkdir -p build
	.venv/bin/pybabel -q extract -F babel.cfg --no-wrap --sort-output --no-location --omit-header -o build/messages.pot .
	.venv/bin/pybabel -q update -i build/messages.pot -d saiweb/translations -l en --no-fuzzy-matching --ignore-obsolete --no-wrap
	.venv/bin/pybabel -q compile -d saiweb/translations

bench: .dev ## measure, and print the tables of docs/benchmarks.md
	@scripts/chromium.sh
	$(PYTHON) -m bench $(ARGS)

test-n8n: .dev ## the whole way live, with a real n8n (needs npm and the network)
	@scripts/chromium.sh
	$(PYTHON) -m tests.n8n_live.run $(ARGS)

test-faults: .dev ## the faults at full count
	SAIWEB_FAULT_ROUNDS=50 $(PYTHON) -m pytest -m faults $(ARGS)

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: .dev
.dev:
	@scripts/install.sh --dev

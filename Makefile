# Everything between a bare machine and running processes; `make` alone lists it.

PYTHON ?= python3
BIN := .venv/bin
SUPERVISOR := $(BIN)/python -m evbilling.supervisor
ARGS ?=

MAKEFLAGS += --no-print-directory
.NOTPARALLEL:
.PHONY: help tools setup demo run test fast certification lint types fmt bench soak docs migrate messages

help:
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

tools:
	@$(PYTHON) scripts/bootstrap.py

setup: ## install the locked dependencies into this checkout
	@$(PYTHON) scripts/bootstrap.py --serve

demo: setup ## start everything with a demo company and simulated chargers
	@exec $(SUPERVISOR) demo

run: setup ## start everything for real use on this machine
	@exec $(SUPERVISOR) run

test: tools ## the whole suite, with real servers and a browser
	@exec $(PYTHON) scripts/test_env.py test $(ARGS)

fast: tools ## the tests that need no database, in seconds
	@exec $(PYTHON) scripts/test_env.py fast $(ARGS)

certification: tools ## OCA's 77 cases; writes their table into docs/certification.md
	@exec $(PYTHON) scripts/test_env.py certification $(ARGS)

lint: tools ## style, import directions, templates, data files, missing migrations
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/djlint --lint --quiet --use-gitignore --allow-empty-input .
	@$(BIN)/python scripts/data_files.py
	@$(BIN)/python -W ignore manage.py makemigrations --check --dry-run

types: tools ## mypy, strict
	@$(BIN)/mypy .

fmt: tools ## format Python and what ruff can mend
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

bench: tools ## measure, beside throwaway servers
	@exec $(SUPERVISOR) exec --throwaway --fsync -- $(BIN)/python -m benchmarks $(ARGS)

soak: tools ## the long tests
	@exec $(PYTHON) scripts/test_env.py soak $(ARGS)

docs: tools ## write the API's description from the code to docs/openapi.yaml
	@$(BIN)/python manage.py spectacular --lang en --validate --fail-on-warn --file docs/openapi.yaml

migrate: tools ## bring the database up to date
	@exec $(SUPERVISOR) exec -- $(BIN)/python manage.py migrate

messages: tools ## compile the translations
	@$(BIN)/python scripts/messages.py

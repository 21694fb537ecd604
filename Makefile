# What people and CI run. Needs Python >= 3.11 and make, nothing else: no AWS account, no Docker, no root.
# GNU make, 3.81 (macOS) or newer.
.SUFFIXES:
.DEFAULT_GOAL := help

VENV     := .venv
PY       := $(VENV)/bin/python
STAMP    := $(VENV)/.made-from-lock
WORKLOAD ?= fixtures/workloads/orders-warm-standby.toml
N        ?= 20
# The first Python that is new enough; set PYTHON=... to choose another.
PYTHON   ?= $(firstword $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p"; done))

# An empty environment (env -i) has no PATH, and then not even rm is found.
export PATH := $(or $(PATH),/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin)

# What is installed comes from the lock file alone, and what is run from the virtual environment alone.
unexport PYTHONPATH
unexport PYTHONHOME

.PHONY: help test lint types tests drill gameday bench soak setup lock clean

help: ## say what there is
	@echo "make <target>, with:"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-9s %s\n", $$1, $$2 }' Makefile
	@echo "WORKLOAD=<file> chooses another workload for drill. make itself ends with 2 where a drill does"
	@echo "not pass; the exit code that says why is in its last line, and that of: $(PY) -m pytest drills --workload <file>"

test: lint types tests ## lint, types, and the harness's own tests

lint: $(STAMP) ## ruff: rules and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(STAMP) ## mypy --strict
	$(PY) -m mypy

tests: $(STAMP) ## the harness's own tests; they break nothing
	$(PY) -m pytest -n 2 --dist loadfile

drill: $(STAMP) ## run the drills before a release (marked gate) that apply to WORKLOAD, in the lab
	$(PY) -m pytest drills --workload=$(WORKLOAD) -m gate

gameday: $(STAMP) ## a drill for each disruption of every reference workload, in the lab, and their scorecard
	$(PY) -m drills

bench: $(STAMP) ## measure the harness itself: truth, others, pacer, judging, mutation (half an hour)
	$(PY) -m bench

soak: $(STAMP) ## make drill N times (20), each compared with what the lab knows to be true (an hour)
	$(PY) -m bench.soak --runs $(N) --workload $(WORKLOAD)

setup: $(STAMP) ## make .venv from the lock file

$(STAMP): requirements.lock
	@test -n "$(PYTHON)" && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "dr-drills needs Python 3.11 or newer; $(or $(PYTHON),python3) is not. Name one: make PYTHON=/path/to/python3.11"; \
		exit 1; }
	@echo "Setting up $(VENV) with $$("$(PYTHON)" -V): once, a minute or two."
	@rm -rf $(VENV)
	@"$(PYTHON)" -m venv $(VENV) || { \
		echo "Python cannot make a virtual environment. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@{ $(PY) -m pip install --disable-pip-version-check --require-hashes --no-deps -r requirements.lock 2>&1 \
		|| echo "setup-failed"; } | awk '\
		/^Collecting / { count++; if (count % 20 == 0) { printf "  %d packages found\n", count; fflush() } } \
		/^Installing / { printf "  installing them\n"; fflush() } \
		/^ERROR|^error|^WARNING: Retrying/ { print "  " $$0; fflush() } \
		{ last = $$0 } \
		END { if (last == "setup-failed") { \
			print "The packages could not be installed: see the lines above. Is there a way to a package index?"; exit 1 } }'
	@touch $(STAMP)

lock: ## solve pyproject.toml again and write requirements.lock (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/"; exit 1; }
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--extra postgresql --extra signing --extra timestamp --extra lab --extra dev pyproject.toml -o requirements.lock

clean: ## remove .venv and caches; the evidence in reports/out stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

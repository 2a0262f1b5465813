# Each target sets itself up: it makes .venv and installs into it whatever is missing there.
# Written for GNU make 3.81 (macOS) and later.

# The first of these that is new enough; or name one yourself: make test PYTHON=/opt/python3.12/bin/python3
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)

INSTALLED := .venv/.installed
PY := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help docs test prepare outputs bench test-slow lab dist clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

docs: $(INSTALLED) ## build the site into _docs/: with Quarto if there is one, else a preview with pandoc (QUARTO=no: always the preview)
	@$(PY) -m tools.docs $(QUARTO)

test: $(INSTALLED) ## everything that has to be green before a commit: notebooks, package, tests, types
	@$(PY) -m tools.suite

prepare: $(INSTALLED) ## what to run before a commit: export, test the notebooks, clean them, refresh sidebar, map and README
	.venv/bin/nbdev_export
	@$(PY) -m tools.suite notebooks
	.venv/bin/nbdev_clean
	@$(PY) -m tools.sidebar
	@$(PY) -m tools.readme

outputs: $(INSTALLED) ## run notebooks and store their outputs: all, or NB=nbs/lib/core.ipynb; with SLOW=1 the slow cells too
	@$(PY) -m tools.outputs $(if $(SLOW),--slow) $(NB)

bench: $(INSTALLED) ## our agents and planners beside those of others, in one run: two hours on a quiet machine
	@$(PY) -m pip install -qq --disable-pip-version-check -e '.[bench]'
	@$(PY) -m benchmarks.tabular
	@$(PY) -m benchmarks.deep cartpole
	@$(PY) -m benchmarks.deep lander

test-slow: $(INSTALLED) ## the cells flagged slow and the tests marked slow: minutes to hours
	@$(PY) -m tools.suite slow

lab: $(INSTALLED) ## open the notebooks in JupyterLab
	.venv/bin/jupyter lab nbs

dist: $(INSTALLED) ## build the source package and the wheel, with the lessons in it, into dist/
	rm -rf dist build
	$(PY) -m build --quiet --no-isolation
	@rm -rf build && ls -l dist

clean: ## remove all that was built; .venv stays
	rm -rf _docs _proc _cells dist build *.egg-info .pytest_cache .hypothesis
	find nbs rlpt tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
	find nbs -name .ipynb_checkpoints -type d -prune -exec rm -rf {} +

NEW_ENOUGH := import sys; sys.version_info < (3, 11) and sys.exit("%s is Python %s." % (sys.executable, sys.version.split()[0]))

$(INSTALLED): settings.ini setup.py pyproject.toml
	@$(PY) -m pip --version >/dev/null 2>&1 || "$(or $(PYTHON),python3)" -c '$(NEW_ENOUGH)' || { \
		echo "rlpt needs Python 3.11 or newer, and none was found that runs. Install one, or say where it is:"; \
		echo "make $(MAKECMDGOALS) PYTHON=/path/to/python3.12"; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || { echo "Making .venv with $(PYTHON)."; rm -rf .venv; "$(PYTHON)" -m venv .venv; } || { \
		echo "No virtual environment could be made. On Debian and Ubuntu the package python3-venv may be missing."; rm -rf .venv; exit 1; }
	@$(PY) -c '$(NEW_ENOUGH)' || { echo "rlpt needs Python 3.11 or newer: remove the folder .venv and try again."; exit 1; }
	@echo "Installing rlpt and its tools into .venv: some minutes the first time."
	@$(PY) -m pip install -qq --disable-pip-version-check -e '.[lessons,dev]'
	@touch $@

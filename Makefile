# The whole command list of the project. uv comes with pip where it is missing.
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo $(CURDIR)/.venv-uv/bin/uv)
RUN := $(UV) run --frozen --all-extras

.PHONY: demo test tests check fix up bench soak system

demo: $(UV)
	@$(UV) run --frozen --extra demo --no-dev analysis-sandbox demo

up: $(UV)
	@$(UV) run --frozen --extra demo --no-dev analysis-sandbox up --demo

test: $(UV) system
	@$(RUN) python --version # makes the environment before two use it at once
	@$(MAKE) --no-print-directory --jobs 2 check tests

# What fails beside others runs once more alone: on a busy machine a wait can end too early. Both
# runs are shown, and what fails twice fails.
tests: $(UV)
	$(RUN) pytest -m "not soak" -n 2 --no-loadscope-reorder $(TESTS) || \
	{ test $$? -eq 1 && $(RUN) pytest -m "not soak" --last-failed --last-failed-no-failures none; }

soak: $(UV) system
	$(RUN) pytest -m soak

bench: $(UV)
	$(RUN) python -m bench

check: $(UV)
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) pyright
	$(RUN) lint-imports

fix: $(UV)
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

system:
	@sh tests/system.sh

$(CURDIR)/.venv-uv/bin/uv:
	@$(PYTHON) -m venv $(CURDIR)/.venv-uv
	@$(CURDIR)/.venv-uv/bin/pip install --quiet --disable-pip-version-check "uv>=0.13"

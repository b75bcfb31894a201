# Trợ Giúp. `make` alone lists the targets; everything is installed by what needs it.

# The first Python 3.11 that can make environments; else any Python, which says in one line what is missing.
PYTHON ?= $(shell for try in "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))" "import sys; sys.exit(sys.version_info < (3, 8))"; do \
	for python in python3.11 /usr/local/bin/python3.11 /usr/bin/python3.11 "$$HOME"/.pyenv/versions/3.11.*/bin/python python3 python; do \
	"$$python" -c "$$try" >/dev/null 2>&1 && echo "$$python" && exit; done; done)
BIN := .venv/bin
PYTEST ?=
FILES := knowledge index actions bot tests tools

.DEFAULT_GOAL := help
.PHONY: help run test check bench drill bench-channels demo-telegram demo-zalo train ablation nlu lock rasa-tensorflow clean setup setup-dev

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

run: setup ## install what is missing, build what is not fresh, start the service
	@exec $(BIN)/trogiup serve

test: setup-dev ## install what is missing, run all tests (PYTEST="-k name" for some)
	@$(BIN)/python -m pytest -n auto --dist loadfile $(if $(TROGIUP_REQUIRE_ALL_TESTS),-p tools.require_all_tests) $(PYTEST)

check: setup-dev ## what CI runs: format, lint, types, layers, tests with coverage
	$(BIN)/ruff format --check $(FILES)
	$(BIN)/ruff check $(FILES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test PYTEST="--cov --cov-report=term:skip-covered $(PYTEST)"

bench: setup ## the benchmarks: speed, memory, the first answer, answers, danger, other engines, 100,000 passages; also under var/bench/
	@status=0; for part in bench bench_first_answer bench_quality bench_triage bench_engines bench_large; do $(BIN)/python -m tools.$$part || status=1; done; exit $$status

drill: setup ## 10,000 simulated cases, with officers who vanish and programs killed in the middle of work; 1 when one is lost
	@OMP_NUM_THREADS=1 $(BIN)/python -m tools.drill_cases

bench-channels: setup ## 100,000 messages through a channel while its house is killed 20 times; the times of acknowledgement, danger and answers
	@OMP_NUM_THREADS=1 $(BIN)/python -m tools.bench_channels --with-rasa

demo-telegram: setup ## a conversation in Telegram, both sides in the terminal; needs no token, but Node.js with npm
	@OMP_NUM_THREADS=1 $(BIN)/python -m tools.demo_telegram

demo-zalo: setup ## a conversation in Zalo, both sides in the terminal; needs no account
	@OMP_NUM_THREADS=1 $(BIN)/python -m tools.demo_zalo

train: setup-dev ## train what search, answering and triage learn from tests/eval, byte for byte the same each time
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tools.train
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tools.train_triage

ablation: setup-dev ## what each part of search is worth: the tables with that part left out
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tools.ablation

nlu: setup ## how well the dialogue model understands: held-out 30%, accented and stripped
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 .venv-rasa/bin/python -m bot.rasa.evaluate_nlu

lock: setup ## compile requirements/*.in into the locks again
	@$(BIN)/python -m pip install --quiet --no-deps --upgrade --target var/uv "$$($(BIN)/python -c 'import sys; sys.path.insert(0, "tools"); import setup; print(setup.UV)')"
	@$(BIN)/python tools/lock.py var/uv/bin/uv; status=$$?; rm -rf var/uv; exit $$status

rasa-tensorflow: setup ## the real TensorFlow in Rasa's environment, for DIET (1 GB more)
	@$(call python,tools/setup.py --tensorflow)

clean: ## remove what can be made again: environments, models, caches (never the database)
	rm -rf .venv .venv-rasa .venv-bench .rasa var/rasa var/index var/bench build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis htmlcov .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@$(call python,tools/setup.py)

setup-dev:
	@$(call python,tools/setup.py --dev)

# $(call python,SCRIPT): runs it with $(PYTHON), which is looked for only here.
python = python="$(PYTHON)"; if [ -n "$$python" ]; then exec "$$python" $(1); fi; \
	echo "Python 3.11 needed, and no Python found. Debian or Ubuntu: apt-get install python3.11 python3.11-venv; then run the same command again."; exit 1

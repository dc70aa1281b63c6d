# The commands of this project; `make` alone lists them. Each first makes, checks or repairs .venv.

SHELL := /bin/sh
PY := .venv/bin/python
# More arguments for the tool that a command runs, such as: make test ARGS="-k lock -x"
ARGS :=
# Of a variant of the homeworks; 0 stands for the masters as they are.
SEED := 0
# Tests run in a process on each core, four at most (ARGS="-n 0": in one), in the order that tests/conftest.py chooses.
PARALLEL := -n logical --maxprocesses 4 --no-loadscope-reorder
BESIDE := assignments corpus fuzz gpu notebooks packaging site  # what tests/ holds beside the library's tests

# Settings of another environment must not leak into .venv or into the notebooks' kernels.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX JUPYTER_PATH PIP_TARGET PIP_PREFIX PIP_USER
export JUPYTER_PREFER_ENV_PATH := 1

.DEFAULT_GOAL := help
.PHONY: help venv lab tutorial site slides assignments grade gradebook check test test-library slow bench gpu fuzz runtimes readme picture corpus weights table1 host lock format clean

help: ## List these commands
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## /\1: /p' Makefile | while IFS=: read -r name text; do \
		printf '  make %-14s%s\n' "$$name" "$$text"; done

venv: ## Make, check or repair .venv (every command does this first)
	@PYTHON='$(PYTHON)' sh .ci/venv.sh

lab: venv ## Open the notebooks in JupyterLab
	$(PY) -m jupyterlab --notebook-dir=notebooks $(ARGS)

tutorial: venv ## Execute every notebook in fast mode; executed copies and HTML go to build/
	$(PY) notebooks/run.py $(ARGS)

site: tutorial ## Build the website in build/site/: notebooks with their outputs, reference, models, results
	$(PY) docs/build.py $(ARGS)

slides: tutorial ## Make slides of the notebooks' core paths in build/slides/
	$(PY) docs/slides.py $(ARGS)

assignments: venv ## Build the homeworks: what students get, and what grades them (SEED=7 for a variant)
	$(PY) notebooks/assignments/build.py --seed $(SEED) $(ARGS)

grade: venv ## Grade a folder of notebooks by a built homework (HOMEWORK=hw3 FOLDER=... SEED=...)
	$(PY) notebooks/assignments/grade.py '$(or $(HOMEWORK),$(error HOMEWORK=hw3 says which))' \
		'$(or $(FOLDER),$(error FOLDER=... says where the notebooks lie))' --seed $(SEED)

gradebook: venv ## Say what a class did at each question, from a folder of gradings (FOLDER=...)
	$(PY) notebooks/assignments/gradebook.py '$(or $(FOLDER),$(error FOLDER=... says where the gradings lie))'

check: venv ## Check style and types, and run one case of each test that starts no process (a minute)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest $(PARALLEL) -m quick $(ARGS)

test: venv ## Run every check and test, notebooks included (half an hour)
	$(PY) -m pytest $(PARALLEL) -m "not browser" $(ARGS) || test $$? = 5
	$(PY) -m pytest $(PARALLEL) -m browser $(ARGS) || test $$? = 5  # 5: ARGS chose none of these

test-library: venv ## Run the tests and doctests of hypersound_lib alone
	$(PY) -m pytest $(PARALLEL) -m "not browser" $(addprefix --ignore=tests/,$(BESIDE)) $(ARGS)

slow: venv ## Run the notebooks on one core at half its speed, after `make tutorial`: the same lesson, later
	$(PY) notebooks/slow.py $(ARGS)

bench: venv ## Measure speed and memory
	$(PY) -m tests.benchmarks $(ARGS)

gpu: venv ## Test and measure on a GPU: what it computes, how fast, and what it learns in minutes
	$(PY) -m tests.benchmarks gpu_correctness gpu_speed gpu_quality $(ARGS)

fuzz: venv ## Try thousands of damaged files, hostile numbers, kills and cuts: each must end in a result or a named error
	TQDM_DISABLE=1 $(PY) -m tests.fuzz --out data/results/reliability.json $(ARGS)

runtimes: venv ## Measure the notebooks, section by section, for the README and the lesson plans (ARGS=--full: full mode)
	$(PY) notebooks/run.py --record data/results/notebooks.json $(ARGS)
	$(PY) notebooks/runtimes.py

readme: venv ## Render what was measured into README.md, the notebooks, the lesson plans and the page of results
	$(PY) notebooks/runtimes.py
	$(PY) data/build/readme.py

picture: venv ## Compute the README's pictures and sounds anew, into data/results/
	$(PY) -m hypersound_lib compress data/mini/wav48_silence_trimmed/s22/s22_004_mic1.ogg \
		data/results/unseen_voice/copy.hs
	$(PY) -m hypersound_lib reconstruct data/mini/wav48_silence_trimmed/s22/s22_004_mic1.ogg \
		data/results/unseen_voice/copy.flac --picture data/results/unseen_voice/copy.png --device cpu
	$(PY) -m hypersound_lib fit data/mini/wav48_silence_trimmed/s22/s22_004_mic1.ogg --seconds 1.4861 \
		--out data/results/one_sound --device cpu

corpus: venv ## Rebuild the embedded corpus in data/ (needs espeak-ng and flite)
	$(PY) data/build/build.py $(ARGS)

weights: venv ## Ship a training run's best weights in data/checkpoints/ (ARGS=RUN)
	$(PY) data/build/weights.py $(ARGS)

table1: venv ## Run the paper's Table 1 as two CPU cores can (some three hours), and ship two of its models
	$(PY) -m hypersound_lib reproduce table1 --scale tutorial --out data/results/table1 $(ARGS)
	$(PY) data/build/table1_weights.py

host: venv ## Put another GitHub repository's address in all files (REPO=owner/name)
	$(PY) .ci/host.py '$(REPO)'
	$(PY) -m ruff format --quiet notebooks  # a longer address may need another line

lock: venv ## Choose new versions for constraints.txt within pyproject.toml (ARGS=--upgrade for the newest)
	$(PY) -m uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 -c constraints.in \
		--no-annotate --custom-compile-command "make lock" -o constraints.txt $(ARGS)

format: venv ## Format the code, and strip outputs from the notebooks
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	find notebooks -name '*.ipynb' -not -path '*/.ipynb_checkpoints/*' -exec $(PY) -m nbstripout --keep-id --extra-keys \
		"metadata.papermill metadata.widgets metadata.language_info.version cell.metadata.papermill cell.metadata.execution" {} +

clean: ## Remove build/ and the tools' caches; .venv stays
	rm -rf build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name .venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

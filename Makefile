# make demo: set everything up and open the app.   make test: set everything up and pass the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READERS := .readers
ENGINES := .engines
FACTORY := .engine-llamafactory
TRL := .engine-trl
VERL := .engine-verl
RAY := .engine-ray
DOCS := .docs
FUZZERS := .fuzzers
PIP := SAM2_BUILD_CUDA=0 $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo docs pages test lint web contract bench bench-more sweep soak readers engines engine-llamafactory test-llamafactory engine-trl test-trl engine-verl test-verl engine-ray test-ray format clean

demo: $(VENV)/app.done
	$(BIN)/python app.py

# Two processes at once, one for the tests in a browser. make test ARGS="-k undo" hands arguments to pytest.
test: $(VENV)/dev.done
	$(BIN)/python .ci/suite.py $(ARGS)

# The light part of the suite with another interpreter: make test-python PYTHON=python3.13 [WITH_TORCH=1]
# Everything is compiled. Without WITH_TORCH (a download of gigabytes) the tests of what needs no torch are run, and the
# program says which were left out.
test-python:
	$(PYTHON) .ci/other_python.py $(if $(WITH_TORCH),--torch)

lint: $(VENV)/dev.done web
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# The page's modules: types, lint and unit tests. Nothing is built: they are served as they are.
web: node_modules/done
	npm run --silent types
	npm run --silent lint
	npm test --silent

node_modules/done: package.json package-lock.json .npmrc
	command -v npm >/dev/null || sh .ci/system-packages.sh nodejs npm
	npm ci --silent
	touch $@

contract: $(VENV)/dev.done
	$(BIN)/python -m veason.studio.server.contract > veason/studio/web/contract.d.ts

format: $(VENV)/dev.done node_modules/done
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	npm run --silent format

# Corrections and second questions, the CPU proxy set: some 12 minutes on two quiet cores. The table goes to docs/speed.md.
PROXY_SET := corrections prefix ahead memory open stream

bench: $(VENV)/dev.done
	for name in $(PROXY_SET); do $(BIN)/python benchmarks/bench_$$name.py || exit 1; done
	$(BIN)/python benchmarks/table.py

bench-more: $(VENV)/dev.done
	for name in metrics dataset_open project nano_segmenter ui; do $(BIN)/python benchmarks/bench_$$name.py || exit 1; done

sweep: $(VENV)/dev.done
	$(BIN)/python benchmarks/sweep_scaling.py

soak: $(VENV)/dev.done
	$(BIN)/python benchmarks/soak.py --minutes 30

# Programs of others that read our exports back; they want other versions than we do, so they have an environment of their own.
readers: $(VENV)/dev.done $(READERS)/done
	VEASON_READERS=$(abspath $(READERS)/bin/python) $(BIN)/python -m pytest tests/formats/test_readers.py tests/policy/test_real_vocabulary.py

# Model servers of others with the embedded weights, twenty questions each: transformers serve, and vLLM on the processor
# in an environment of its own (some 4 GB; where only a CUDA build of torch is to be had, some 7).
engines: $(VENV)/dev.done $(ENGINES)/done
	VEASON_VLLM=$(abspath $(ENGINES)/bin/python) $(BIN)/python -m pytest tests/policy/test_real_server.py

# LLaMA-Factory, for `veason train sft`, in an environment of its own (some 2 GB; where only a CUDA build of torch is to be
# had, some 7).
engine-llamafactory: $(FACTORY)/done

# It trains the embedded policy for a few steps, is killed, goes on, and what comes out answers.
test-llamafactory: $(VENV)/dev.done $(FACTORY)/done
	VEASON_LLAMAFACTORY=$(abspath $(FACTORY)/bin/python) $(BIN)/python -m pytest tests/training/test_real_engine.py

# TRL and verl, for `veason train grpo`, each in an environment of its own with Veason in it (some 2 GB; where only a CUDA
# build of torch is to be had, some 7). verl answers with vLLM on a GPU alone: here its rows, its configuration and its
# rewards are run; on a machine with a GPU: make engine-verl VLLM=1
engine-trl: $(TRL)/done

engine-verl: $(VERL)/done

# Ten steps on the embedded policy, killed in the middle, with the reward service; what comes out answers.
test-trl: $(VENV)/dev.done $(TRL)/done
	VEASON_TRL=$(abspath $(TRL)/bin/python) $(BIN)/python -m pytest tests/training/test_real_trl.py

test-verl: $(VENV)/dev.done $(VERL)/done
	VEASON_VERL=$(abspath $(VERL)/bin/python) $(BIN)/python -m pytest tests/training/test_real_verl.py

# Ray, for `veason batch` and `veason eval` with `--engine ray`, beside Veason itself in an environment of its own (some 2 GB;
# where only a CUDA build of torch is to be had, some 6).
engine-ray: $(RAY)/done

# Real Ray on this machine: results equal to a single process bit for bit, whatever is killed.
test-ray: $(RAY)/done
	$(RAY)/bin/python -m pytest tests/cluster $(ARGS)

# Thousands of requests that make no sense to a public server, and of labels that something was done to; schemathesis and
# atheris have an environment of their own.
fuzzers: $(VENV)/dev.done $(FUZZERS)/done
	$(BIN)/python benchmarks/fuzz_doors.py $(abspath $(FUZZERS)/bin/python)
	$(BIN)/python benchmarks/fuzz_importers.py --atheris $(abspath $(FUZZERS)/bin/python)

# The site under docs/, into site/. It is built from the sources alone, in an environment of its own; a warning is an error.
docs: $(DOCS)/done
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict

# The pages that are made from code and results; a test fails until they are those of this code.
pages: $(VENV)/dev.done
	$(BIN)/python docs/scripts/reference.py
	$(BIN)/python docs/scripts/drawing.py
	$(BIN)/python benchmarks/results_page.py
	$(BIN)/python benchmarks/scale_page.py

$(DOCS)/done: .ci/requirements-docs.txt
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check -r .ci/requirements-docs.txt
	touch $@

$(READERS)/done: .ci/requirements-readers.txt .ci/requirements-readers-bare.txt
	$(PYTHON) -m venv $(READERS)
	$(READERS)/bin/python -m pip install --quiet --disable-pip-version-check -r .ci/requirements-readers.txt
	$(READERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r .ci/requirements-readers-bare.txt
	touch $@

$(ENGINES)/done: .ci/vllm/requirements.txt .ci/vllm/torchvision_on_cpu.py
	$(PYTHON) -m venv $(ENGINES)
	$(ENGINES)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 torchvision==0.28.0
	$(ENGINES)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r .ci/vllm/requirements.txt
	cp .ci/vllm/torchvision_on_cpu.py $$($(ENGINES)/bin/python -c 'import torch; print(torch.__path__[0])')/..
	echo import torchvision_on_cpu > $$($(ENGINES)/bin/python -c 'import torch; print(torch.__path__[0])')/../torchvision_on_cpu.pth
	touch $@

# It imports torchaudio, of which there is no release for this torch, and needs it for sound alone.
$(FACTORY)/done: .ci/llamafactory/requirements.txt .ci/llamafactory/torchaudio.py .ci/vllm/torchvision_on_cpu.py
	$(PYTHON) -m venv $(FACTORY)
	$(FACTORY)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 torchvision==0.28.0
	$(FACTORY)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r .ci/llamafactory/requirements.txt
	cp .ci/llamafactory/torchaudio.py .ci/vllm/torchvision_on_cpu.py $$($(FACTORY)/bin/python -c 'import torch; print(torch.__path__[0])')/..
	echo import torchvision_on_cpu > $$($(FACTORY)/bin/python -c 'import torch; print(torch.__path__[0])')/../torchvision_on_cpu.pth
	touch $@

$(TRL)/done: .ci/trl/requirements.txt .ci/constraints.txt
	$(PYTHON) -m venv $(TRL)
	$(TRL)/bin/python -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt setuptools torch torchvision
	$(TRL)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r .ci/trl/requirements.txt
	$(TRL)/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	touch $@

# vLLM pins the torch that verl 0.9.1 is tried with on a GPU; without it any torch serves. sam2 is for the reward service
# behind Ray Serve, and builds against that torch.
$(VERL)/done: .ci/verl/requirements.txt
	$(PYTHON) -m venv $(VERL)
	$(VERL)/bin/python -m pip install --quiet --disable-pip-version-check setuptools wheel $(if $(VLLM),vllm==0.24.0,torch==2.14.1 torchvision==0.29.1)
	$(VERL)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r .ci/verl/requirements.txt
	SAM2_BUILD_CUDA=0 $(VERL)/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps sam2==1.1.0
	$(VERL)/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	touch $@

RAY_PIP := SAM2_BUILD_CUDA=0 $(RAY)/bin/python -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt

$(RAY)/done: requirements.txt .ci/constraints.txt .ci/requirements-dev.txt .ci/ray/requirements.txt
	$(PYTHON) -m venv $(RAY)
	$(RAY_PIP) --upgrade pip setuptools wheel
	$(RAY_PIP) torch torchvision
	$(RAY_PIP) --no-build-isolation sam2
	$(RAY_PIP) -r requirements.txt -r .ci/requirements-dev.txt -r .ci/ray/requirements.txt
	$(RAY_PIP) --no-build-isolation --no-deps -e .
	touch $@

$(FUZZERS)/done: .ci/requirements-fuzzers.txt
	$(PYTHON) -m venv $(FUZZERS)
	$(FUZZERS)/bin/python -m pip install --quiet --disable-pip-version-check -r .ci/requirements-fuzzers.txt
	touch $@

# sam2 ships as source and builds against the torch that is already here (build isolation would fetch a second one).
$(VENV)/app.done: requirements.txt .ci/constraints.txt .ci/system-packages.sh packages.txt
	sh .ci/system-packages.sh $$(cat packages.txt)
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip setuptools wheel
	$(PIP) -c .ci/constraints.txt torch torchvision
	$(PIP) -c .ci/constraints.txt --no-build-isolation sam2
	$(PIP) -c .ci/constraints.txt -r requirements.txt
	$(PIP) -c .ci/constraints.txt --no-build-isolation --no-deps -e .
	touch $@

$(VENV)/dev.done: $(VENV)/app.done .ci/requirements-dev.txt
	sh .ci/system-packages.sh chromium fonts-inter ffmpeg
	$(PIP) -c .ci/constraints.txt -r .ci/requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) .venv-3* $(READERS) $(ENGINES) $(FACTORY) $(TRL) $(VERL) $(RAY) $(DOCS) $(FUZZERS) site test-results node_modules .pytest_cache .ruff_cache .mypy_cache .hypothesis

# Every target sets up what it needs: Python 3.11+ and a C++ compiler are enough.
PYTHON ?= python3
JOBS   ?= 2
VENV   := .venv
BIN    := $(VENV)/bin
SETUP  := $(VENV)/.setup
NATIVE := $(wildcard native/*.txt native/*/*.h native/*/*.cpp native/*/*/*.h native/*/*/*.cpp)
NATIVE_CODE := $(filter %.h %.cpp,$(NATIVE))
PIP    := $(BIN)/python -m pip --disable-pip-version-check -qq

.DEFAULT_GOAL := help
.PHONY: help setup check test test-slow test-native demo bench docs format clean

help:  ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(SETUP)  ## make .venv and build gatework in it; again when its sources change

$(VENV)/.packages: pyproject.toml constraints.txt
	@echo "Setting up $(VENV): some minutes the first time."
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt cmake ninja nanobind scikit-build-core
	touch $@

$(SETUP): $(VENV)/.packages CMakeLists.txt $(NATIVE)
	@echo "Building gatework."
	PATH="$(abspath $(BIN)):$$PATH" $(PIP) install -c constraints.txt --no-build-isolation -e ".[dev]"
	touch $@

check: setup  ## style, types, import rules, file sizes: what must hold before any test runs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run -Werror $(NATIVE_CODE)
	$(BIN)/lint-imports
	$(BIN)/python tools/size_budget.py
	$(BIN)/pyright

test: setup  ## the fast tests and every example in a docstring
	$(BIN)/pytest -n $(JOBS)

test-slow: setup  ## the tests that take minutes
	$(BIN)/pytest -n $(JOBS) -m slow

test-native: $(VENV)/.packages  ## the core's own tests under sanitizers: address and undefined, then threads
	$(call sanitized,asan,address$(COMMA)undefined,,-DGATEWORK_EMULATE_AMX=ON)
	$(call sanitized,tsan,thread,-L threads,-DGATEWORK_VECTORS=OFF)

# The core and its tests under build/$(1), built with the sanitizers $(2) and the options $(4); those that ctest's
# arguments $(3) choose. Matrix tiles are emulated: they run on machines without them then, and the sanitizer sees what
# they read. How threads meet depends on no instruction set: for them the generic one is enough.
COMMA := ,
define sanitized
	$(BIN)/cmake -S . -B build/$(1) -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN))/ninja \
		-DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1 -g1" -DGATEWORK_PYTHON=OFF \
		-DGATEWORK_NATIVE_TESTS=ON -DGATEWORK_SANITIZE=$(2) $(4)
	$(BIN)/cmake --build build/$(1)
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
		$(BIN)/ctest --test-dir build/$(1) --output-on-failure --no-tests=error -j $(JOBS) $(3)
endef

demo: setup  ## from a small real series to a forecast, its scores and a report
	$(BIN)/gatework demo

bench: setup  ## this machine: gatework beside torch.nn, as ratios
	$(BIN)/gatework bench

docs: setup  ## check the documentation: links, commands, Python snippets, public docstrings
	$(BIN)/pytest -q tests/test_docs.py tests/test_public_api.py

format: setup  ## rewrite Python and C++ in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(NATIVE_CODE)

clean:  ## remove what was built; .venv too
	rm -rf build dist $(VENV) .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# The two commands of the project: `make demo` does the main job, `make test` checks everything.
# Set-up happens once; the stamps below keep a second run from repeating it.

PYTHON  ?= $(shell command -v python3.11 || command -v python3)
TORCH   ?= torch==2.13.0
VENV    := .venv
PY      := $(VENV)/bin/python
OUT     ?= out
LAB     := $(VENV)/.lab-installed
DEV     := $(VENV)/.dev-installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo lab test check notebooks clean

help:
	@echo "make demo   set up once, run the quickstart without a browser, write $(OUT)/quickstart.html and tables"
	@echo "make lab    open the same notebook in JupyterLab"
	@echo "make test   set up once, run every check and test, browser included"
	@echo "make clean  remove $(OUT)/ and caches, keep $(VENV)"

$(PY):
	@"$(PYTHON)" -c 'import sys; v = sys.version_info; sys.exit(0 if v[:2] >= (3, 11) else f"Python 3.11 or newer is needed, {v[0]}.{v[1]} was found. Install it, or name it: make PYTHON=/path/to/python3.11")'
	@echo "Setting up $(VENV), once; a few minutes ..."
	@"$(PYTHON)" -m venv $(VENV)

# torch first and pinned: a later range would fetch the newest build, several gigabytes with CUDA.
$(LAB): pyproject.toml | $(PY)
	@$(PY) -m pip install --quiet "$(TORCH)"
	@$(PY) -m pip install --quiet --editable ".[lab]"
	@touch $@

$(DEV): pyproject.toml tests/browser/install_chromium.sh | $(LAB)
	@$(PY) -m pip install --quiet --editable ".[lab,dev]"
	@sh tests/browser/install_chromium.sh $(PY)
	@touch $@

# A page cannot move a progress bar, so the bar's first sight is put off by a day. The page needs no network: plotly is
# inside, and the script for formulae that plotly would fetch with each figure is taken out.
demo: $(LAB)
	@echo "Running notebooks/00_quickstart.ipynb without a browser, one to two minutes ..."
	@mkdir -p "$(OUT)"
	@RETINA_OUT="$(abspath $(OUT))" PLOTLY_RENDERER=notebook TQDM_DELAY=86400 \
		$(PY) -m nbconvert --to html --execute --log-level=ERROR \
		--ExecutePreprocessor.store_widget_state=False --ExecutePreprocessor.timeout=600 \
		--HTMLExporter.mathjax_url= --HTMLExporter.require_js_url= \
		--output-dir "$(OUT)" --output quickstart.html notebooks/00_quickstart.ipynb 2> "$(OUT)/quickstart.log" \
		|| { cat "$(OUT)/quickstart.log"; echo "The quickstart stopped with the error above."; exit 1; }
	@sed -i.cdn -E 's#<script[^>]* src="https?://[^"]*"[^>]*></script>##g' "$(OUT)/quickstart.html" && rm "$(OUT)/quickstart.html.cdn"
	@echo
	@echo "Done. What was made:"
	@echo "  $(OUT)/quickstart.html             the whole notebook with its figures; open it in a browser"
	@echo "  $(OUT)/biomarkers.parquet          one row per photograph: biomarkers, their status, clinical columns"
	@echo "  $(OUT)/biomarkers.dictionary.csv   what every biomarker means, with its unit and source"
	@echo "  $(OUT)/associations.csv            how each biomarker relates to disease, with intervals and q values"
	@echo "'make lab' opens the same notebook in JupyterLab, where you can look, change and run it yourself."

lab: $(LAB)
	@$(PY) -m jupyterlab notebooks/00_quickstart.ipynb

test: check notebooks

check: $(DEV)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	RETINA_REQUIRE_BROWSER=1 $(PY) -m pytest

notebooks: $(DEV)
	RETINA_OUT="$(abspath $(OUT))/notebooks" $(PY) -m pytest --nbval-lax --nbval-current-env --nbval-cell-timeout=300 notebooks

clean:
	rm -rf "$(OUT)" build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .benchmarks

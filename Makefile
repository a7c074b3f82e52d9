# `make digits` trains a network on real data, `make test` runs the tests; both set up what they need.
PYTHON ?= python3
VENV ?= .venv

.PHONY: digits test gallery
digits: $(VENV)/.installed
	$(VENV)/bin/netc train digits

test: $(VENV)/.test
	$(VENV)/bin/python -m pytest -n 2

# Needs Graphviz's dot.
gallery: $(VENV)/.installed
	$(VENV)/bin/python docs/gallery.py

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --editable '.[test]'
	touch $@

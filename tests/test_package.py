"""Importing is light, and every public function is documented."""

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest
from numpydoc.docscrape import FunctionDoc

import retina_tools

HEAVY = ("torch", "statsmodels", "plotly", "numba", "skimage", "pydicom", "ipywidgets", "anywidget", "IPython")


def loaded_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(*sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    assert not loaded_after("import retina_tools") & {*HEAVY, "numpy", "pandas", "xarray"}


def test_measuring_needs_neither_torch_nor_jupyter():
    loaded = loaded_after("from retina_tools import biomarkers, phantom; biomarkers.measure(phantom.eye(size=128))")
    assert not loaded & {"torch", "plotly", "statsmodels", "ipywidgets", "anywidget", "IPython"}


def exported_functions():
    """What a user reaches: the names that the packages below retina_tools offer, and the bare figures."""
    packages = [importlib.import_module(f"retina_tools.{name}") for name in retina_tools.__all__]
    packages.append(importlib.import_module("retina_tools.phantom.shapes"))
    return {
        member
        for package in packages
        for name in getattr(package, "__all__", dir(package))
        if not name.startswith("_") and inspect.isfunction(member := getattr(package, name))
    }


EXPORTED = exported_functions()


def public_functions():
    for info in pkgutil.walk_packages(retina_tools.__path__, "retina_tools."):
        module = importlib.import_module(info.name)
        if any(part.startswith("_") for part in info.name.split(".")):
            continue
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if not name.startswith("_") and function.__module__ == info.name:
                yield pytest.param(function, id=f"{info.name}.{name}")


@pytest.mark.parametrize("function", list(public_functions()))
def test_docstrings_say_what_the_parameters_are(function):
    doc = inspect.getdoc(function)
    assert doc, "no docstring"
    described = {
        name.strip("*` ") for parameter in FunctionDoc(function)["Parameters"] for name in parameter.name.split(",")
    }
    taken = set(inspect.signature(function).parameters)
    if described:  # a one-line docstring is enough where it says everything
        assert described == taken
    else:
        assert "Parameters" not in doc
        if function in EXPORTED:
            assert len(taken) <= 2, f"undescribed parameters: {sorted(taken)}"

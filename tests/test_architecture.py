"""The rules of ARCHITECTURE.md that a machine can hold."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from data_paths import ROOT

SOURCE = ROOT / "src" / "gatework"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BINDING = "gatework._native"
BINDING_USER = "ops/core.py"


def imported_names(tree: ast.AST) -> set[str]:
    """Return every dotted name that a module imports, `from a import b` as `a.b`."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import of {node.module}"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def imports_by_file(folder: Path) -> dict[str, set[str]]:
    return {
        path.relative_to(folder).as_posix(): imported_names(ast.parse(path.read_text("utf-8")))
        for path in sorted(folder.rglob("*.py"))
    }


def declared_packages() -> set[str]:
    requirements = PROJECT["project"]["dependencies"]
    return {re.split(r"[<>=!~\[;]", requirement)[0].strip() for requirement in requirements}


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout


def test_imports_only_point_down():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_only_one_file_knows_the_binding():
    users = {
        name
        for name, imports in imports_by_file(SOURCE).items()
        if any(imported == BINDING or imported.startswith(f"{BINDING}.") for imported in imports)
    }
    assert users == {BINDING_USER}


def test_an_undeclared_package_is_imported_in_one_file():
    known = declared_packages() | set(sys.stdlib_module_names) | {"gatework"}
    users: defaultdict[str, set[str]] = defaultdict(set)
    for name, imports in imports_by_file(SOURCE).items():
        for imported in imports:
            package = imported.partition(".")[0]
            if package not in known:
                users[package].add(name)
    assert {package: files for package, files in users.items() if len(files) > 1} == {}


def test_every_declared_package_is_used():
    imported = {
        name.partition(".")[0] for names in imports_by_file(SOURCE).values() for name in names
    }
    assert declared_packages() - imported == set()


def test_cells_know_torch_only():
    allowed = set(sys.stdlib_module_names) | {"torch", "gatework"}
    for name, imports in imports_by_file(SOURCE / "cells").items():
        assert {imported.partition(".")[0] for imported in imports} <= allowed, name


def test_every_room_says_what_it_is_for():
    for path in sorted(SOURCE.rglob("__init__.py")):
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path


@pytest.mark.parametrize("module", ["gatework", "gatework.cli"])
@pytest.mark.parametrize("heavy", ["torch", "polars", "matplotlib"])
def test_import_is_light(module, heavy):
    assert run_python(f"import sys, {module}; print({heavy!r} in sys.modules)").strip() == "False"


def test_import_starts_no_thread():
    code = "import threading, gatework; gatework.LSTM; print(threading.active_count())"
    assert run_python(code).strip() == "1"


def test_layers_do_not_load_the_compiler():
    """torch.compile's machinery takes longer to load than all of Gatework and is seldom wanted."""
    code = (
        "import sys, torch, gatework, gatework.inspector\n"
        "gatework.LSTM(2, 2)(torch.ones(1, 1, 2))[0].sum().backward()\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

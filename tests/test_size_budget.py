"""The size budget finds what it is for."""

import importlib.util
import sys
from pathlib import Path

import pytest

from data_paths import ROOT

TOOL = ROOT / "tools" / "size_budget.py"


@pytest.fixture
def budget(monkeypatch: pytest.MonkeyPatch):
    spec = importlib.util.spec_from_file_location("size_budget", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "size_budget", module)
    spec.loader.exec_module(module)
    return module


def write(root: Path, name: str, lines: int) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x\n" * lines)


@pytest.mark.parametrize(
    ("name", "lines", "status"),
    [
        ("src/a.py", 400, 0),
        ("src/a.py", 401, 1),
        ("native/src/a.h", 300, 0),
        ("native/src/a.cpp", 301, 1),
        ("docs/a.md", 2000, 0),
    ],
)
def test_status_follows_the_limit_of_the_language(budget, tmp_path, name, lines, status):
    write(tmp_path, name, lines)
    assert budget.main(tmp_path) == status


def test_an_allowed_file_must_still_need_it(budget):
    sizes = {"src/long.py": 500, "src/short.py": 10}
    assert budget.judge(sizes, {"src/long.py": "a table"}).failures == []
    [failure] = budget.judge({"src/short.py": 10}, {"src/short.py": "a table"}).failures
    assert "src/short.py" in failure


def test_a_high_median_is_only_a_warning(budget):
    report = budget.judge({"src/a.py": 200, "src/b.py": 200}, {})
    assert report.failures == []
    assert "200" in report.warnings[0]

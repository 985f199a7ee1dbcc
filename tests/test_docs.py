"""What the documentation says is there, runs, and points somewhere."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from data_paths import ROOT

PAGES = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))
HOSTS = {"arxiv.org", "doi.org", "keepachangelog.com", "semver.org"}
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|work|tmp|Users|opt|mnt)/")
FENCE = re.compile(r"(<!-- run -->\n)?```(\w+)\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
TEXT = {".py", ".md", ".toml", ".txt", ".h", ".cpp", ".yml", ".yaml", ".cfg", ""}
FOLDERS = ("src", "native", "tests", "docs", "examples", "benchmarks", "tools", ".ci")


class Snippet(NamedTuple):
    """One fenced block."""

    page: str
    language: str
    code: str
    runs: bool


def snippets() -> Iterator[Snippet]:
    for page in PAGES:
        for run, language, code in FENCE.findall(page.read_text(encoding="utf-8")):
            yield Snippet(page.relative_to(ROOT).as_posix(), language, code, bool(run))


def commands() -> list[str]:
    """Return every shell command of the documentation, in blocks and inline."""
    blocks = [s.code for s in snippets() if s.language in ("sh", "console")]
    lines = [line for block in blocks for line in block.splitlines()]
    for page in PAGES:
        lines += INLINE.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    found = (line.partition(" # ")[0].removeprefix("$ ").removeprefix("time ") for line in lines)
    return sorted({line.strip() for line in found})


def commands_of(program: str) -> list[str]:
    return [line for line in commands() if re.match(rf"{program} [a-z]", line)]


@cache
def help_of(verbs: tuple[str, ...]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "gatework", *verbs, "--help"],
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def is_text(path: Path) -> bool:
    return path.is_file() and path.suffix in TEXT and "__pycache__" not in path.parts


PYTHON = [s for s in snippets() if s.language == "python"]


@pytest.mark.parametrize("snippet", PYTHON, ids=lambda s: f"{s.page}:{s.code[:30]!r}")
def test_python_parses(snippet):
    ast.parse(snippet.code)


RUNNING = [s for s in PYTHON if s.runs]


@pytest.mark.parametrize("snippet", RUNNING, ids=lambda s: f"{s.page}:{s.code[:30]!r}")
def test_python_runs(snippet, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", snippet.code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr


def test_the_readme_runs_something():
    assert [s.page for s in RUNNING].count("README.md") >= 2


@pytest.mark.parametrize("command", commands_of("make"))
def test_make_targets_exist(command):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in command.split()[1:]:
        assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), command


@pytest.mark.parametrize("command", commands_of("gatework"))
def test_gatework_commands_exist(command):
    words = command.split()[1:]
    verbs = tuple(words[:2]) if words[0] in ("fit", "demo") and len(words) > 1 else tuple(words[:1])
    verbs = tuple(verb for verb in verbs if not verb.startswith("-"))
    text = help_of(verbs)
    for option in re.findall(r"--[a-z-]+", command):
        assert option in text, f"`{command}`: no {option} in the help of {' '.join(verbs)}"


@pytest.mark.parametrize("command", commands_of("python"))
def test_python_commands_name_a_file(command):
    assert (ROOT / command.split()[1]).is_file(), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            assert urlsplit(target).hostname in HOSTS, target
        else:
            path, _, anchor = target.partition("#")
            linked = (page.parent / path) if path else page
            assert linked.exists(), f"{page.name} links to {target}"
            if anchor:
                headings = re.findall(r"^#+ (.+)$", linked.read_text("utf-8"), re.MULTILINE)
                slugs = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}
                assert anchor in slugs, f"{page.name} links to {target}"


def test_every_guide_is_linked():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for page in (ROOT / "docs").rglob("*.md"):
        assert f"({page.relative_to(ROOT).as_posix()})" in text or f"({page.name})" in text, page


def test_no_figure_is_missing():
    assert [page.name for page in PAGES if "FIG" + "URE" in page.read_text("utf-8")] == []


def test_no_machine_path_is_mentioned():
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if is_text(path)]
    files += [path for path in ROOT.iterdir() if is_text(path)]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


def test_every_variable_is_documented():
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "native").rglob("*.cpp")]
    used = {
        name
        for path in sources
        for name in re.findall(r'"(GATEWORK_[A-Z_]+)"', path.read_text(encoding="utf-8"))
    }
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert {name for name in used if f"`{name}`" not in page} == set()

"""The project as others get it: version, requirements, scripts, and what is in the files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import p2pchat

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def tracked() -> list[Path]:
    """Every file that is or would be in the repository."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        env={**os.environ, "GIT_CONFIG_COUNT": "1"}
        | {"GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"},
        capture_output=True,
        check=True,
    ).stdout
    return [ROOT / name for name in os.fsdecode(listed).split("\0") if name]


def names_in(path: Path) -> set[str]:
    """The packages that a requirements file pins."""
    return set(re.findall(r"^([a-z0-9-]+)==", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_program_says_its_version() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "p2pchat", "--version"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout
    assert said.split() == ["p2pchat", p2pchat.__version__]


def test_the_changelog_knows_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[?{re.escape(p2pchat.__version__)}\b", changelog, re.MULTILINE)


@pytest.mark.parametrize(
    ("file", "extras"),
    [
        ("requirements.txt", ()),
        ("requirements-dev.txt", ("dev",)),
        ("requirements-bench.txt", ("dev", "bench")),
        ("requirements-build.txt", ("build",)),
    ],
)
def test_requirements_cover_what_the_project_asks_for(file: str, extras: tuple[str, ...]) -> None:
    asked = list(PYPROJECT["dependencies"])
    for extra in extras:
        asked += PYPROJECT["optional-dependencies"][extra]
    names = {re.split(r"[^A-Za-z0-9._-]", line)[0].lower().replace("_", "-") for line in asked}
    assert names <= names_in(ROOT / file)


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*.txt")), ids=lambda path: path.name)
def test_requirements_are_locked_by_hash_and_name_no_place(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    pins = re.findall(r"^[a-z0-9-]+==.*(?:\n    --hash=.*)*", text, re.MULTILINE)
    assert pins
    assert all("--hash=sha256:" in pin for pin in pins)
    assert not re.search(r"://|index|find-links|trusted-host|file:", text)


def test_larger_requirements_hold_the_same_versions() -> None:
    pins = {
        path.name: dict(re.findall(r"^([a-z0-9-]+)==(\S+)", path.read_text("utf-8"), re.MULTILINE))
        for path in ROOT.glob("requirements*.txt")
    }
    for name, version in pins["requirements.txt"].items():
        assert all(pins[file][name] == version for file in pins)


# Built so that these lines don't match themselves.
SOMEONES_MACHINE = re.compile(r"(?<![\w.}~-])/(?:(?:work|tmp|root)/[\w.-]|home/(?!ann\b|li\b)\w)")
"""Examples live in the homes of Ann and Li."""


def test_someones_machine_is_recognised() -> None:
    places = [f"/{top}/{name}" for top, name in (("work", "x"), ("tmp", "dev"), ("home", "bob"))]
    assert all(SOMEONES_MACHINE.search(f'"{place}"') for place in places)
    assert not SOMEONES_MACHINE.search("/workers/x, ~/tmp/x, /home/ann/x, /tmp/")


def test_no_file_names_a_place_on_someones_machine() -> None:
    found = []
    for path in tracked():
        if not path.is_file():
            continue
        text = path.read_bytes()
        if b"\0" in text:
            continue
        for number, line in enumerate(text.decode("utf-8").splitlines(), 1):
            if SOMEONES_MACHINE.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert found == []


def test_the_program_in_one_file_has_the_libraries_that_are_read_as_data() -> None:
    """PyInstaller sees what is imported, not what is opened."""
    build = (ROOT / "scripts" / "build").read_text(encoding="utf-8")
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "p2pchat").rglob("*.py")]
    opened = {name for text in sources for name in re.findall(r"\bfiles\(\"(\w+)\"\)", text)}
    assert "confusable_homoglyphs" in opened
    for name in opened - {"p2pchat"}:
        assert f"--hidden-import {name} --collect-data {name} " in build


def test_scripts_are_executable_bash() -> None:
    for name in (
        "scripts/run",
        "scripts/test",
        "scripts/bench",
        "scripts/build",
        "scripts/lock",
        ".ci/run",
    ):
        path = ROOT / name
        assert os.access(path, os.X_OK), name
        subprocess.run(["bash", "-n", str(path)], check=True)

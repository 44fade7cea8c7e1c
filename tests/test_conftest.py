"""What conftest.py promises: long tests only on request, and some alone on the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SUITE = """
import os, time, pathlib, pytest

@pytest.fixture
def times():
    start = time.monotonic()
    yield
    with pathlib.Path("times").open("a") as file:
        worker = os.environ.get("PYTEST_XDIST_WORKER")
        print(kind, start, time.monotonic(), worker, file=file)

def work():
    if "PYTEST_XDIST_WORKER" in os.environ:
        time.sleep(0.1)  # long enough to be seen beside another

kind = "{kind}"
pytestmark = [{mark}]

@pytest.mark.parametrize("number", range(8))
def test_work(number, times):
    work()

@pytest.mark.soak
def test_long():
    pass
"""
SETTINGS = """
[tool.pytest.ini_options]
markers = ["alone", "lan", "window", "soak"]
pythonpath = ["."]
"""


def run(folder: Path, *arguments: str, unavailable: str | None = None) -> str:
    """The output of pytest on three suites (of a LAN, of tests that are alone, of others): eight
    tests and a long one in each."""
    (folder / "harness.py").write_text(f"def unavailable(): return {unavailable!r}")
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    (folder / "pyproject.toml").write_text(SETTINGS)
    for kind, mark in (("lan", "pytest.mark.lan"), ("alone", "pytest.mark.alone"), ("other", "")):
        (folder / f"test_{kind}.py").write_text(SUITE.format(kind=kind, mark=mark))
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_some_are_alone_and_a_lan_is_made_once(tmp_path: Path) -> None:
    run(tmp_path, "-n", "2", "--dist", "loadgroup", f"--basetemp={tmp_path / 'base'}")
    rows = [line.split() for line in (tmp_path / "times").read_text().splitlines()]
    spans = [(kind, float(start), float(end)) for kind, start, end, _ in rows]
    beside = [
        {one[0], other[0]}
        for one in spans
        for other in spans
        if one is not other and one[1] < other[2] and other[1] < one[2]
    ]
    assert len(spans) == 24
    assert not [kinds for kinds in beside if "alone" in kinds]
    assert beside, "all others share the machine"
    assert len({worker for kind, *_, worker in rows if kind == "lan"}) == 1


def test_long_tests_run_on_request_only(tmp_path: Path) -> None:
    assert "24 passed, 3 deselected" in run(tmp_path)
    assert "27 passed" in run(tmp_path, "--soak")


def test_where_there_is_no_lan_its_tests_are_skipped_and_say_why(tmp_path: Path) -> None:
    output = run(tmp_path, "-rs", unavailable="ip is not installed")
    assert "16 passed, 8 skipped, 3 deselected" in output
    assert "ip is not installed" in output

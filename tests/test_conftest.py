"""What conftest.py promises: long tests only on request, and LAN tests alone on the machine."""

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
    time.sleep(0.05)  # long enough to be seen beside another

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
markers = ["lan", "window", "soak"]
pythonpath = ["."]
"""


def run(folder: Path, *arguments: str, unavailable: str | None = None) -> str:
    """The output of pytest on a suite of eight LAN tests, eight others and two long ones."""
    (folder / "harness.py").write_text(f"def unavailable(): return {unavailable!r}")
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    (folder / "pyproject.toml").write_text(SETTINGS)
    (folder / "test_lan.py").write_text(SUITE.format(kind="lan", mark="pytest.mark.lan"))
    (folder / "test_other.py").write_text(SUITE.format(kind="other", mark=""))
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


def test_nothing_runs_beside_a_lan_test(tmp_path: Path) -> None:
    run(tmp_path, "-n", "2", "--dist", "loadgroup", f"--basetemp={tmp_path / 'base'}")
    rows = [line.split() for line in (tmp_path / "times").read_text().splitlines()]
    spans = [(kind, float(start), float(end)) for kind, start, end, _ in rows]
    beside = [
        (one, other)
        for one in spans
        for other in spans
        if one is not other and one[1] < other[2] and other[1] < one[2]
    ]
    assert len(spans) == 16
    assert not [pair for pair in beside if "lan" in (pair[0][0], pair[1][0])]
    assert len({worker for kind, *_, worker in rows if kind == "lan"}) == 1


def test_long_tests_run_on_request_only(tmp_path: Path) -> None:
    assert "16 passed, 2 deselected" in run(tmp_path)
    assert "18 passed" in run(tmp_path, "--soak")


def test_where_there_is_no_lan_its_tests_are_skipped_and_say_why(tmp_path: Path) -> None:
    output = run(tmp_path, "-rs", unavailable="ip is not installed")
    assert "8 passed, 8 skipped, 2 deselected" in output
    assert "ip is not installed" in output

"""What all tests share: which of them run, and which need the machine to themselves."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

if sys.platform != "win32":
    import fcntl

GATE = pytest.StashKey[Path]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the long tests as well")


def pytest_configure(config: pytest.Config) -> None:
    # pytest-xdist's workers share the folder above their own base folders.
    base = getattr(config, "workerinput", None) and config.getoption("basetemp")
    if base:
        config.stash[GATE] = Path(str(base)).parent / "gate"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--soak"):
        soak = [item for item in items if item.get_closest_marker("soak")]
        if soak:
            config.hook.pytest_deselected(items=soak)
            items[:] = [item for item in items if not item.get_closest_marker("soak")]
    for item in items:
        # A LAN, or a window, that a module shares is made once: in one worker.
        if item.get_closest_marker("lan") or item.get_closest_marker("window"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))


@contextlib.contextmanager
def _locked(gate: Path, exclusive: bool) -> Iterator[None]:
    file: IO[str]
    with gate.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield


# Outermost, so that no test's time runs while it waits.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """In parallel runs a `lan` test has the machine to itself: twenty processes on two cores say
    little about deadlines when something else is at work beside them."""
    gate = item.config.stash.get(GATE, None)
    if gate is None:
        return (yield)
    with _locked(gate, exclusive=item.get_closest_marker("lan") is not None):
        return (yield)

"""What all tests share: which of them run, and which have the machine to themselves."""

from __future__ import annotations

import fcntl
from collections.abc import Generator, Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import settings

settings.register_profile("p2pchat", deadline=None)  # a busy machine fails no test of properties
settings.load_profile("p2pchat")

GATE = pytest.StashKey[Path]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the long tests as well")
    parser.addoption("--seed", type=int, help="run this one seed of the simulation")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):  # one of pytest-xdist's workers: their folders are siblings
        config.stash[GATE] = Path(config.getoption("basetemp")).parent / "gate"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test marked `seeds(count, group)` takes them in groups, so that a parallel run shares them
    out; with --seed it takes that one alone."""
    mark = metafunc.definition.get_closest_marker("seeds")
    if mark is None:
        return
    count, group = mark.args
    asked = metafunc.config.getoption("--seed")
    groups = [range(n, min(n + group, count)) for n in range(0, count, group)]
    if asked is not None:
        groups = [range(asked, asked + 1)]
    metafunc.parametrize("seeds", groups, ids=[str(group.start) for group in groups])


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--soak"):
        soak = [item for item in items if item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=soak)
        items[:] = [item for item in items if item not in soak]
    for item in items:
        # A LAN or a window that a module shares is made once: in one worker.
        if item.get_closest_marker("lan") or item.get_closest_marker("window"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("lan"):
        from harness import unavailable  # where no LAN test runs, none has to be tried

        if why := unavailable():
            pytest.skip(f"no LAN of namespaces here: {why}")


@pytest.hookimpl(wrapper=True, tryfirst=True)  # outermost: a test's time doesn't run while it waits
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """In a parallel run an `alone` test has the machine to itself. Who comes to the gate later
    doesn't overtake one that waits there to be alone."""
    gate = item.config.stash.get(GATE, None)
    if gate is None:
        return (yield)
    how = fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH
    with gate.open("a") as file:
        with gate.with_name("turn").open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            fcntl.flock(file, how)
        return (yield)


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[psutil.Popen]:
    """The daemon of the session's message bus, which nobody else is on."""
    from programs import message_bus  # only front ends have a bus

    with message_bus(tmp_path, monkeypatch) as daemon:
        yield daemon

"""Starting with the system, and the profiles of one user."""

from __future__ import annotations

import asyncio
import configparser
import plistlib
import shlex
from pathlib import Path

import pytest

from p2pchat.config.profiles import is_profile_name
from p2pchat.errors import P2PChatError, ProfileInUse
from p2pchat.ui.around import SystemAround, this_program
from p2pchat.ui.autostart import Autostart, desktop_exec


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def test_linux_starts_what_lies_in_the_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    start = Autostart("school", ["/opt/p2p chat/p2pchat", "window", "--profile", "100%"])
    assert start.is_on() is False
    start.set(True)
    assert start.is_on() is True
    path = home / "config" / "autostart" / "p2pchat-school.desktop"
    entry = configparser.RawConfigParser()
    entry.read(path, encoding="utf-8")
    assert entry["Desktop Entry"]["exec"] == '"/opt/p2p chat/p2pchat" window --profile 100%%'
    start.set(False)
    assert start.is_on() is False
    start.set(False)


def test_macos_has_a_launch_agent(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    start = Autostart("", ["/Applications/p2pchat", "window"])
    start.set(True)
    agent = plistlib.loads((home / "Library/LaunchAgents/org.p2pchat.plist").read_bytes())
    assert agent["ProgramArguments"] == ["/Applications/p2pchat", "window"]
    assert agent["RunAtLoad"] is True


def test_a_system_without_such_a_place_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "emscripten")
    assert Autostart("", ["x"]).is_on() is None


def test_a_place_that_cannot_be_written_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    (home / "config").write_text("a file")
    with pytest.raises(P2PChatError, match="can't be set"):
        Autostart("", ["x"]).set(True)


def test_words_of_a_command_are_quoted() -> None:
    assert desktop_exec(["a", "b c"]) == 'a "b c"'
    assert desktop_exec(["$x"]) == '"\\\\$x"'
    assert shlex.split(desktop_exec(["it's"])) == ["it's"]


def test_the_profiles_of_a_user(home: Path) -> None:
    around = SystemAround(home, home, ["p2pchat"])
    assert list(around.profiles()) == [""]
    for name in ("school", "chess club", ".hidden", "con"):
        (home / "profiles" / name).mkdir(parents=True)
    assert list(around.profiles()) == ["", "chess club", "school"]


def test_a_profile_is_deleted_and_no_longer_started(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("school", "chess club", "downloads only"):
        (home / "profiles" / name).mkdir(parents=True)
        (home / "profiles" / name / "lock").touch()
    (home / "profiles" / "downloads only" / "lock").unlink()
    (home / "elsewhere").mkdir()
    deleted: list[str] = []

    def delete(folder: Path) -> None:
        if folder.name == "chess club":
            raise ProfileInUse("another process runs on this profile")
        deleted.append(folder.relative_to(home).as_posix())
        (folder / "lock").unlink()

    own = home / "profiles" / "mine"
    own.mkdir()
    (own / "lock").touch()
    around = SystemAround(own, home, ["p2pchat"], is_profile=has_lock, delete=delete)
    assert list(around.profiles()) == ["", "chess club", "mine", "school"]
    Autostart("school", ["p2pchat"]).set(True)
    for name, why in (
        ("mine", "open here"), ("chess club", "close it first"), ("", "no profile of that name"),
        ("downloads only", "no profile"), ("../../elsewhere", "no profile"), ("none", "no profile"),
    ):  # fmt: skip
        with pytest.raises(P2PChatError, match=why):
            asyncio.run(around.delete_profile(name))
    assert deleted == []
    asyncio.run(around.delete_profile("school"))
    assert deleted == ["profiles/school"]
    assert list(around.profiles()) == ["", "chess club", "mine"]
    assert not Autostart("school", ["p2pchat"]).is_on()


def has_lock(folder: Path) -> bool:
    return (folder / "lock").exists()


def test_a_profile_is_opened_as_a_program_of_its_own(home: Path) -> None:
    script = home / "program"
    script.write_text(f'#!/bin/sh\necho "$@" > {home}/said.new\nmv {home}/said.new {home}/said\n')
    script.chmod(0o700)
    SystemAround(home, home, [str(script)]).open_profile("chess club")
    wait_for(home / "said")
    assert (home / "said").read_text() == "window --profile chess club\n"
    for name in ("../x", "a/b", "-" * 65, "nul"):
        with pytest.raises(P2PChatError, match="plain name"):
            SystemAround(home, home, [str(script)]).open_profile(name)
    with pytest.raises(P2PChatError, match="can't be opened"):
        SystemAround(home, home, [str(home / "gone")]).open_profile("")


def wait_for(path: Path) -> None:
    import time

    end = time.monotonic() + 10
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_how_this_program_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert this_program()[-2:] == ["-m", "p2pchat"]
    monkeypatch.setattr("sys.frozen", True, raising=False)
    monkeypatch.setattr("sys.executable", "/opt/p2pchat")
    assert this_program() == ["/opt/p2pchat"]


@pytest.mark.parametrize(
    ("name", "good"), [("school", True), ("7 b", True), ("", False), (" x", False), ("a.b", False)]
)
def test_names_of_profiles(name: str, good: bool) -> None:
    assert is_profile_name(name) is good

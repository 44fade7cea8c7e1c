"""Opening files: by a stand-in for the system's program, and never what could be executed."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from p2pchat.errors import P2PChatError
from p2pchat.ui.opening import SystemOpener, may_run

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the stand-in is for xdg-open"
)


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What xdg-open was given."""
    programs, told = tmp_path / "programs", tmp_path / "told"
    programs.mkdir()
    script = programs / "xdg-open"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" >> "{told}"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return lambda: told.read_text().splitlines() if told.exists() else []


def make(path: Path, mode: int = 0o644) -> str:
    path.write_bytes(b"x")
    path.chmod(mode)
    return str(path)


def test_a_document_is_opened(tmp_path: Path, opened: Callable[[], list[str]]) -> None:
    path = make(tmp_path / "notes 王.pdf")
    asyncio.run(SystemOpener().open(path))
    assert opened() == [path]


def test_a_folder_is_opened_and_a_file_shown_in_its_own(
    tmp_path: Path, opened: Callable[[], list[str]]
) -> None:
    path = make(tmp_path / "notes.pdf")
    asyncio.run(SystemOpener().open(str(tmp_path)))
    asyncio.run(SystemOpener().show(path))
    assert opened() == [str(tmp_path)] * 2


@pytest.mark.parametrize("name", ["plain.pdf", "of the day, a=b.pdf"])
def test_windows_is_shown_a_file_by_its_whole_path(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, commands = make(tmp_path / name), []

    def start(command: object, **_: object) -> NoReturn:
        commands.append(command)
        raise FileNotFoundError

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(P2PChatError, match="there is no explorer here"):
        asyncio.run(SystemOpener().show(path))
    assert commands == [f'explorer /select,"{path}"']


@pytest.mark.parametrize(
    "name",
    ["run.sh", "x.desktop", "x.EXE", "x.exe. ", "a.jar", "x.Lnk", "photo.png.scr", "b.app"],
)
def test_of_what_could_run_the_folder_is_shown(
    name: str, tmp_path: Path, opened: Callable[[], list[str]]
) -> None:
    asyncio.run(SystemOpener().open(make(tmp_path / name)))
    assert opened() == [str(tmp_path)]


def test_an_executable_is_one_by_its_mode(tmp_path: Path, opened: Callable[[], list[str]]) -> None:
    asyncio.run(SystemOpener().open(make(tmp_path / "plain", 0o755)))
    assert opened() == [str(tmp_path)]
    os.mkfifo(tmp_path / "pipe.txt")
    assert may_run(str(tmp_path / "pipe.txt"))
    assert not may_run(make(tmp_path / "plain.txt"))


def test_a_web_address_goes_to_the_browser(opened: Callable[[], list[str]]) -> None:
    asyncio.run(SystemOpener().browse("https://example.org/?a=b&c"))
    assert opened() == ["https://example.org/?a=b&c"]


def test_what_fails_is_said(
    tmp_path: Path, opened: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(P2PChatError, match="no longer"):
        asyncio.run(SystemOpener().open(str(tmp_path / "gone.txt")))
    (tmp_path / "programs" / "xdg-open").write_text("#!/bin/sh\nexit 4\n")
    with pytest.raises(P2PChatError, match="no program"):
        asyncio.run(SystemOpener().open(make(tmp_path / "a.xyz")))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(P2PChatError, match="no xdg-open"):
        asyncio.run(SystemOpener().open(make(tmp_path / "b.xyz")))

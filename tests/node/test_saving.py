"""Files that a person asks for: where they go, and why they don't."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from p2pchat.errors import RequestError
from p2pchat.node.saving import save


def refused(path: Path, replace: bool = False) -> RequestError:
    with pytest.raises(RequestError) as found:
        asyncio.run(save(str(path), "text", replace))
    return found.value


def test_a_new_file_is_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert asyncio.run(save("new.csv", "a\r\nb")) == str(tmp_path / "new.csv")
    assert (tmp_path / "new.csv").read_bytes() == b"a\r\nb"
    assert (tmp_path / "new.csv").stat().st_mode & 0o077 == 0


def test_a_file_that_is_there_stays_unless_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "kept.csv"
    path.write_text("mine")
    error = refused(path)
    assert (error.reason, str(error)) == ("not-allowed", f"{path} is there already")
    assert path.read_text() == "mine"
    asyncio.run(save(str(path), "new", replace=True))
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["kept.csv"]


def test_why_it_could_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(refused(tmp_path)) == f"{tmp_path} is there already"
    assert str(refused(tmp_path, replace=True)) == f"{tmp_path} is a folder"
    assert "there is no folder" in str(refused(tmp_path / "no" / "a.csv"))

    for path in ("a\0b", "a\ud800"):
        assert "no path" in str(refused(tmp_path / path))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    (tmp_path / "kept.csv").write_text("mine")
    assert refused(tmp_path / "kept.csv", replace=True).reason == "disk-full"
    assert os.listdir(tmp_path) == ["kept.csv"]
    assert (tmp_path / "kept.csv").read_text() == "mine"

"""Nothing of a profile's own folder is shared but what lies in its downloads."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from p2pchat.errors import RequestError
from p2pchat.storage.depot.depot import FileDepot


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "profile"
    folder.mkdir(parents=True)
    (folder / "store.key").write_bytes(b"the key of everything")
    return folder


@pytest.fixture
def depot(profile: Path) -> FileDepot:
    return FileDepot(profile / "files", profile / "downloads", profile)


def survey(depot: FileDepot, path: Path | str) -> str:
    return depot.survey(os.fspath(path), lambda _done, _total: True).name


@pytest.mark.parametrize(
    "place", ["", "store.key", "files", "../profile/store.key", "..", "../..", "downloads/.."]
)
def test_the_profile_is_refused(depot: FileDepot, profile: Path, place: str) -> None:
    (profile / "downloads").mkdir(exist_ok=True)
    with pytest.raises(RequestError) as refused:
        survey(depot, profile / place)
    assert refused.value.reason == "not-allowed"
    assert "store.key" not in str(refused.value) or place.endswith("store.key")
    assert list((profile / "files").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_link_to_it_is_refused(depot: FileDepot, profile: Path, tmp_path: Path) -> None:
    for target in (profile, profile / "store.key"):
        link = tmp_path / f"link to {target.name}"
        link.symlink_to(target)
        with pytest.raises(RequestError) as refused:
            survey(depot, link)
        assert refused.value.reason == "not-allowed"


def test_the_rest_is_shared(depot: FileDepot, profile: Path, tmp_path: Path) -> None:
    beside = tmp_path / "home" / "profile 2"
    beside.mkdir()
    (beside / "store.key").write_bytes(b"of a program that isn't this one")
    assert survey(depot, beside) == "profile 2"
    downloads = profile / "downloads"
    downloads.mkdir()
    (downloads / "film.bin").write_bytes(b"a film")
    assert survey(depot, downloads / "film.bin") == "film.bin"
    assert survey(depot, downloads) == "downloads"
    with pytest.raises(RequestError) as refused:
        survey(depot, profile / "not there")
    assert refused.value.reason == "no-such-file"

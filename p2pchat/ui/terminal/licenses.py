"""The licenses of this program and of the libraries that it needs."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from p2pchat import __version__

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"\bextra\b")


def print_licenses() -> None:
    """One line for each part: name, version, license."""
    sys.stdout.write(f"p2pchat {__version__}: MIT\n")
    for name, version, terms in sorted(libraries(), key=lambda part: part[0].lower()):
        sys.stdout.write(f"{name} {version}: {terms}\n")


def libraries() -> Iterator[tuple[str, str, str]]:
    """(name, version, license) of what p2pchat needs, directly or not, and what is installed."""
    open_names = _requirements()
    seen: set[str] = set()
    while open_names:
        name = open_names.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in seen:
            continue
        seen.add(key)
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        yield found.metadata["Name"], found.version, _license(found.metadata)
        open_names += _needed(found.requires or [])


def _requirements() -> list[str]:
    """From the installed package, or from pyproject.toml where it runs from its sources."""
    project = Path(__file__).parents[3] / "pyproject.toml"
    if project.is_file():
        return _needed(tomllib.loads(project.read_text("utf-8"))["project"]["dependencies"])
    return _needed(metadata.requires("p2pchat") or [])


def _needed(requirements: list[str]) -> list[str]:
    """Names without those that only an extra asks for."""
    names = (_NAME.match(line) for line in requirements if not _EXTRA.search(line))
    return [match.group() for match in names if match]


def _license(found: metadata.PackageMetadata) -> str:
    """The SPDX expression, else what the classifiers say, else the license's first line."""
    expression = found.get_all("License-Expression") or []
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in found.get_all("Classifier") or []
        if line.startswith("License :: ")
    ]
    free = [line.strip().splitlines()[0] for line in found.get_all("License") or [] if line.strip()]
    known = expression or classifiers or free
    return ", ".join(known) if known else "see its package"

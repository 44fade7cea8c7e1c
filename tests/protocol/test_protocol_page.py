"""docs/PROTOCOL.md names every context of a hash or a signature, and none that isn't there."""

from __future__ import annotations

import re
from pathlib import Path

from p2pchat.protocol import wire

REPOSITORY = Path(__file__).resolve().parents[2]
CONTEXT = re.compile(r"p2pchat 1 [a-z0-9][a-z0-9 -]*")


def contexts(text: str) -> set[str]:
    return {found.strip() for found in CONTEXT.findall(text)}


def in_code() -> set[str]:
    """Where part of one is filled in, what stands before it."""
    sources = (REPOSITORY / "p2pchat").rglob("*.py")
    return {found for source in sources for found in contexts(source.read_text())}


def in_page() -> set[str]:
    return contexts((REPOSITORY / "docs" / "PROTOCOL.md").read_text())


def test_the_page_names_every_context() -> None:
    page = in_page()
    missing = {own for own in in_code() if not any(named.startswith(own) for named in page)}
    assert missing == set()


def test_every_context_of_the_page_is_used() -> None:
    code = in_code()
    unused = {named for named in in_page() if not any(named.startswith(own) for own in code)}
    assert unused == set()


def test_the_page_has_every_frame_by_its_number_and_fields() -> None:
    page = (REPOSITORY / "docs" / "PROTOCOL.md").read_text()
    rows = dict[int, str]()
    for numbers, row in re.findall(r"^\| ([\d, ]+) \| (.*) \|$", page, re.MULTILINE):
        rows |= {int(number): row for number in numbers.split(",")}
    for frame in wire.Frame.__args__:
        number = frame.__struct_config__.tag
        row = rows.get(number, "")
        assert frame.__name__ in row, f"{frame.__name__} isn't frame {number} of the page"
        places = [row.find(f"`{field}`") for field in frame.__struct_fields__]
        assert -1 not in places, f"{frame.__name__}: {frame.__struct_fields__}"
        assert places == sorted(places), f"{frame.__name__}: the order of its fields"

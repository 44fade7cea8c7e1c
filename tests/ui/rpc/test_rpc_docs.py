"""docs/RPC.md names everything that there is, and nothing that there isn't."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import msgspec

from p2pchat import cli
from p2pchat.config.settings import Settings
from p2pchat.errors import REASON_CODES
from p2pchat.events import Event
from p2pchat.model.message import Conversation, Message, Room
from p2pchat.model.people import NodeInfo, Peer, Profile
from p2pchat.ui.rpc.methods import METHODS

PAGE = (Path(__file__).parents[3] / "docs" / "RPC.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the tables under a heading."""
    part = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_methods_and_their_parameters() -> None:
    documented = {
        cells[0].strip("` "): re.findall(r"`(\w+)\??(?: = \w+)?`", cells[1])
        for cells in rows("Methods")
        if re.fullmatch(r"`\w+\.\w+`", cells[0])
    }
    real = {name: list(method.params.__struct_fields__) for name, method in METHODS.items()}
    assert documented == real


def test_events() -> None:
    documented = set(re.findall(r"`([\w.]+)`", " ".join(cells[0] for cells in rows("Events")[1:])))
    real = {kind.__struct_config__.tag for kind in typing.get_args(Event)}
    assert documented == real


def test_fields() -> None:
    words = set(re.findall(r"\w+", PAGE))
    for shape in (Message, Peer, Conversation, Room, Profile, NodeInfo, Settings):
        assert {field.name for field in msgspec.structs.fields(shape)} <= words


def test_reasons_have_their_codes() -> None:
    for cells in rows("Errors"):
        if cells[0].isdigit():
            assert REASON_CODES[cells[1].strip("`")] == int(cells[0])


def test_commands_and_options() -> None:
    for option in re.findall(r"`(--[\w-]+)", " ".join(cells[0] for cells in rows("Commands"))):
        assert option in cli_help()
    for option in re.findall(r"--[a-z][\w-]+", cli_help()):
        assert f"`{option}" in PAGE


def cli_help() -> str:
    parser = cli.make_parser()
    return parser.format_help()

"""docs/RPC.md names everything that there is, and nothing that there isn't."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import msgspec

from p2pchat import cli
from p2pchat.config.settings import Settings
from p2pchat.errors import REASON_CODES
from p2pchat.events import RUNS_TWICE, Event
from p2pchat.model.file import FileInfo, FileState, Receiver
from p2pchat.model.message import Conversation, Message, Room
from p2pchat.model.people import NodeInfo, Peer, Profile
from p2pchat.protocol import watch
from p2pchat.protocol.people import LOOKALIKE
from p2pchat.protocol.watch import CLOCK_WARNED
from p2pchat.ui.rpc.methods import METHODS

PACKAGE = Path(cli.__file__).parent
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
    real = {name: list(method.params.__struct_encode_fields__) for name, method in METHODS.items()}
    assert documented == real


def test_events() -> None:
    documented = set(re.findall(r"`([\w.]+)`", " ".join(cells[0] for cells in rows("Events")[1:])))
    real = {kind.__struct_config__.tag for kind in typing.get_args(Event)}
    assert documented == real


def test_fields() -> None:
    words = set(re.findall(r"\w+", PAGE))
    for shape in (Message, Peer, Conversation, Room, Profile, NodeInfo, Settings, FileInfo):
        assert {field.name for field in msgspec.structs.fields(shape)} <= words


def test_fields_and_states_of_files() -> None:
    part = PAGE.split("### File\n", 1)[1].split("\n### ", 1)[0]
    words = set(re.findall(r"\w+", part))
    for shape in (FileInfo, Receiver):
        assert {field.name for field in msgspec.structs.fields(shape)} <= words
    assert {state.value for state in FileState} <= words


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


def test_reasons_of_warnings() -> None:
    named = {reason for cells in rows("Warnings") for reason in re.findall(r"`(\S+)`", cells[0])}
    assert named == reasons_in_code()


def reasons_in_code() -> set[str]:
    """What the code gives as the reason of a warning: as it stands there, or by a name."""
    text = "".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))
    given = set(re.findall(r'Warned\(\s*"([\w-]+)"', text))
    by_name = {RUNS_TWICE, LOOKALIKE, CLOCK_WARNED, watch.ELSEWHERE, *watch._REFUSALS}
    of_the_store = set(
        re.findall(r'"([\w-]+)" if isinstance\(\w+, DiskFull\) else "([\w-]+)"', text)[0]
    )
    return given | by_name | of_the_store

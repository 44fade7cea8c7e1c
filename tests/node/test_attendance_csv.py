from __future__ import annotations

import csv
import io
import unicodedata
from datetime import datetime

import pytest

from p2pchat.model.accounts import Stay
from p2pchat.model.ids import PeerId
from p2pchat.node.accounts import attendance_csv

LI, ANN = PeerId("l" * 32), PeerId("a" * 32)


def test_a_line_each_with_times_in_utc_and_local() -> None:
    text = attendance_csv(
        [
            Stay('Li, "the first"', LI, LI, "2026-03-16T08:00:00.000Z", "2026-03-16T09:30:00.000Z"),
            Stay("=HYPERLINK(1)", ANN, None, "2026-03-16T08:05:00.000Z", None),
        ]
    )
    header, first, second = csv.reader(io.StringIO(text))
    assert header[:5] == ["label", "peer_id", "account", "came_utc", "left_utc"]
    assert first[:5] == [
        'Li, "the first"',
        LI,
        LI,
        "2026-03-16T08:00:00.000Z",
        "2026-03-16T09:30:00.000Z",
    ]
    local = datetime.fromisoformat(first[5])
    assert local == datetime.fromisoformat(first[3])
    assert local.utcoffset() == local.astimezone().utcoffset()
    assert second[0] == "'=HYPERLINK(1)", "no formula in a spreadsheet"
    assert second[2] == second[4] == second[6] == ""


@pytest.mark.parametrize(
    "name", ["=1+1", "\uff1d1+1", "-1", "\uff20x", "x;=1+1;", 'x";=1+1;"y', "x\t=1"]
)
def test_no_name_makes_a_formula_however_cells_are_parted(name: str) -> None:
    text = attendance_csv([Stay(name, LI, LI, "2026-03-16T08:00:00.000Z", None)])
    for delimiter in ",;\t":
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            for cell in row:
                assert unicodedata.normalize("NFKC", cell)[:1] not in tuple("=+-@"), row

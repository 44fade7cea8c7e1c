"""The table of benchmark figures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from report import FIGURES_FILE, Figure, figures_in, percentile, table, tell


def test_a_figure_knows_whether_it_is_reached() -> None:
    assert Figure(name="a", value=1.5, at_most=1.5).reached is True
    assert Figure(name="a", value=1.6, at_most=1.5).reached is False
    assert Figure(name="a", value=4_999, at_least=5_000).reached is False
    assert Figure(name="a", value=1.0).reached is None


def test_figures_that_were_told_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = [
        Figure(name="latency", value=0.91, unit="ms", at_most=1.5, peer=0.43, note="QoS 1"),
        Figure(name="burst", value=4_321.0, unit="/s", at_least=5_000),
    ]
    monkeypatch.setenv(FIGURES_FILE, str(tmp_path / "figures"))
    for figure in figures:
        tell(figure)
    assert figures_in(tmp_path / "figures") == figures
    assert capsys.readouterr().out.splitlines() == [
        "latency  0.91 ms  ≤ 1.5  0.43  QoS 1",
        "burst  4,321 /s  !  ≥ 5,000",
    ]


def test_the_table_stands_in_columns() -> None:
    lines = table([Figure(name="a", value=1), Figure(name="longer", value=22, note="n")]).split(
        "\n"
    )
    assert [line.split()[0] for line in lines if line[0] != "-"] == ["what", "a", "longer"]
    assert lines[2].index("1") == lines[3].index("22") == lines[0].index("figure")


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1)])
def test_percentiles(share: float, value: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


def test_the_runner_knows_every_benchmark() -> None:
    folder = Path(__file__).resolve().parents[1] / "benchmarks"
    done = subprocess.run(
        [sys.executable, str(folder), "nosuch"], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2
    known = done.stdout.strip().removeprefix("no such benchmark: nosuch; there are ").split(", ")
    assert {"discovery", "heal", "idle", "messages", "startup"} <= set(known)
    assert not {"report", "mosquitto_peer", "__main__"} & set(known)

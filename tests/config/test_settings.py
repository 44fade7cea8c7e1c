"""What is kept of the settings, and what holds for one run."""

from __future__ import annotations

import msgspec
import pytest

from p2pchat.config.settings import Choice, Settings


def test_what_the_command_line_gives_is_not_kept() -> None:
    choice = Choice(kept=Settings(limit=5), given={"limit": 20})
    assert choice.in_force.limit == 20
    later = choice.changed({"theme": "dark"})
    assert (later.in_force.limit, later.in_force.theme) == (20, "dark")
    assert (later.kept.limit, later.kept.theme) == (5, "dark")


def test_what_is_set_while_it_runs_is_kept_and_holds() -> None:
    choice = Choice(kept=Settings(limit=5), given={"limit": 20}).changed({"limit": 7})
    assert choice.in_force == choice.kept == Settings(limit=7)
    for bad in (-1, 1 << 54):
        with pytest.raises(msgspec.ValidationError):
            choice.changed({"limit": bad})

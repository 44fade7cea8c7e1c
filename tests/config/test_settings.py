"""What is kept of the settings, and what holds for one run."""

from __future__ import annotations

import msgspec
import pytest

from p2pchat.config.settings import Choice, Settings


def test_what_the_command_line_gives_is_not_kept() -> None:
    choice = Choice(kept=Settings(limit=5000), given={"limit": 20_000})
    assert choice.in_force.limit == 20_000
    later = choice.changed({"theme": "dark"})
    assert (later.in_force.limit, later.in_force.theme) == (20_000, "dark")
    assert (later.kept.limit, later.kept.theme) == (5000, "dark")


def test_what_is_set_while_it_runs_is_kept_and_holds() -> None:
    choice = Choice(kept=Settings(limit=5000), given={"limit": 20_000}).changed({"limit": 7000})
    assert choice.in_force == choice.kept == Settings(limit=7000)
    for bad in (-1, 1, 999, 1 << 54):
        with pytest.raises(msgspec.ValidationError):
            choice.changed({"limit": bad})

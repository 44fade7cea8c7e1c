"""Away when nobody has touched the window for a while, and back with the first touch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from p2pchat.model.people import Status
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.runner import Runner

LOOK_MS = 15_000


class IdlePresenter:
    """Changes `online` only: who is busy or away by choice stays so."""

    def __init__(self, runner: Runner, directory: Directory, now: Callable[[], datetime]) -> None:
        self.away_after = 0
        """Seconds; 0: never."""
        self._runner = runner
        self._directory = directory
        self._now = now
        self._touched = now()
        self._went = False

    def start(self) -> None:
        self._runner.later(LOOK_MS, self._look)

    def touched(self) -> None:
        """A key was pressed, or the pointer was moved."""
        self._touched = self._now()
        if self._went:
            self._went = False
            if self._directory.me.status == Status.AWAY:
                self._directory.set_profile(status=Status.ONLINE.value)

    def _look(self) -> None:
        self._runner.later(LOOK_MS, self._look)
        idle = self._now() - self._touched
        online = self._directory.me.status == Status.ONLINE
        if online and self.away_after > 0 and idle >= timedelta(seconds=self.away_after):
            self._went = True
            self._directory.set_profile(status=Status.AWAY.value)

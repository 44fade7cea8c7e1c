"""Asking whoever leads: again when another one does, until the time is up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from p2pchat.config import limits
from p2pchat.protocol.link import Link

if TYPE_CHECKING:
    from p2pchat.protocol.registrar.part import Registrar

AGAIN_S = 0.3
"""How often it is looked whether the registrar can be asked now."""
ASK_S = 10.0
"""How long one registrar may take to answer."""


@dataclass(eq=False)
class Question:
    """Something for whoever leads."""

    send: Callable[[Link | None], None]
    """None: this node leads itself."""
    failed: Callable[[str], None]
    until: float
    asked: Link | None = None
    answered: bool = False
    tried: bool = False
    again_at: float = 0.0


class Asking:
    def __init__(self, registrar: Registrar) -> None:
        self._r = registrar
        self._m = registrar.machine
        self._ctx = registrar.machine.ctx
        self._open: list[Question] = []
        self._looking = False
        """Whether `look` is to be called again."""

    def ask(self, send: Callable[[Link | None], None], failed: Callable[[str], None]) -> Question:
        """`failed`: with `no-registrar` where there was none, `nobody-answered`."""
        question = Question(send, failed, self._ctx.now + limits.REGISTER_S)
        self._open.append(question)
        return question

    def begin(self) -> None:
        """Whoever has asked knows the question by now: `send` may be called at once."""
        self.look()
        self._look_later()

    def _look_later(self) -> None:
        def again() -> None:
            self._looking = False
            self.look()
            if self._open:
                self._look_later()

        if not self._looking:
            self._looking = True
            self._ctx.after(AGAIN_S, again)

    def look(self) -> None:
        """Ask the registrar where that is possible now."""
        for question in list(self._open):
            if question.answered:
                continue
            if self._ctx.now >= question.until:
                self.end(question)
                question.failed("nobody-answered" if question.tried else "no-registrar")
                continue
            if question.asked and self._ctx.now < question.again_at:
                continue
            leader = self._r.leading.leader
            if leader is None:
                continue
            if self._r.leading.election.leads:
                question.asked, question.again_at = None, self._ctx.now + ASK_S
                question.answered = question.tried = True
                question.send(None)
                continue
            link = self._m.links.of(leader)
            if link is None:
                self._m.demand(leader)
            else:
                question.asked, question.again_at = link, self._ctx.now + ASK_S
                question.tried = True
                question.send(link)

    def end(self, question: Question) -> None:
        question.answered = True
        if question in self._open:
            self._open.remove(question)

    def retry(self, question: Question) -> None:
        """Whoever was asked wasn't the registrar any more, or couldn't answer."""
        question.asked, question.answered = None, False
        question.again_at = 0.0

    def link_down(self, link: Link) -> None:
        for question in self._open:
            if question.asked is link:
                self.retry(question)

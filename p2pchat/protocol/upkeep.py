"""What a node does now and then by itself: compare with neighbours, and keep to its budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2pchat.config import limits
from p2pchat.model.records import Applied, Prune

if TYPE_CHECKING:
    from p2pchat.protocol.machine import Machine

PRUNE_EVERY_S = 600.0


class Upkeep:
    def __init__(self, machine: Machine) -> None:
        self._m = machine

    def start(self) -> None:
        self._compare_later()
        self._m.ctx.after(PRUNE_EVERY_S, self._prune)

    def _compare_later(self) -> None:
        ctx = self._m.ctx
        jitter = 1 + limits.DIGEST_JITTER * (2 * ctx.rng.random() - 1)
        ctx.after(limits.DIGEST_EVERY_S * jitter, self._compare)

    def _compare(self) -> None:
        """Compare every shared conversation with one random neighbour."""
        self._compare_later()
        m = self._m
        links = m.links.up()
        if not links:
            return
        link = links[m.ctx.rng.randrange(len(links))]
        for conversation in m.conversations:
            if m.sharing.shared(link.id, conversation):
                m.sync.greet(link.id, conversation)
        m.registrar.compare(link)
        m.directs.expire()

    def _prune(self) -> None:
        m = self._m
        m.ctx.after(PRUNE_EVERY_S, self._prune)
        budget = m.ctx.settings.budget
        mine = m.conversations.mine()

        def pruned(applied: Applied) -> None:
            for conversation in mine:
                for feed in applied.spans.keys() & conversation.spans.keys():
                    conversation.set_spans(feed, applied.spans[feed])

        m.ctx.commit([Prune(conversation.id, budget) for conversation in mine], pruned)

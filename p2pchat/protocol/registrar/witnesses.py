"""Who is listed as having seen an announcement, where anybody can make persons up."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from p2pchat.config import limits
from p2pchat.protocol.hashing import peer_id_of
from p2pchat.protocol.link import Link

if TYPE_CHECKING:
    from p2pchat.protocol.registrar.part import Registrar

_THROUGH_OTHERS = "relayed"
"""The source of all who are linked through a common peer: a device that isn't dialled costs nothing
to make up."""


class Witnesses:
    """Three groups, each with room beyond that of the one before: anybody; who has a link here, so
    many from one address; who has an account. Whoever made persons up comes to the end of the room
    of their group, and of their address."""

    def __init__(self, registrar: Registrar) -> None:
        self._r = registrar
        self._m = registrar.machine
        self._linked: dict[bytes, Counter[str]] = {}
        """By announcement and address, who was listed for having a link here."""

    def admits(self, notice: bytes, person_key: bytes, listed: int) -> bool:
        """Whether this person is listed beside those who are; then they count as listed."""
        person = peer_id_of(person_key)
        if self._r.has_account(person) or person == self._m.identity.peer_id:
            return listed < limits.SEEN_BY_ACCOUNTS
        if listed < limits.SEEN_BY:
            return True
        sources = {_source(link) for link in self._m.links.of_person(person)}
        if listed >= limits.SEEN_BY_LINKED or not sources:
            return False
        counts = self._linked.setdefault(notice, Counter())
        source = min(sources, key=counts.__getitem__)
        if counts[source] >= limits.SEEN_BY_SOURCE:
            return False
        counts[source] += 1
        return True


def _source(link: Link) -> str:
    return _THROUGH_OTHERS if link.info.relayed else link.source

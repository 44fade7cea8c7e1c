"""What is offered while one writes: people after an @, emoji after a colon."""

from __future__ import annotations

import re
from dataclasses import dataclass

from p2pchat.model.ids import PeerId
from p2pchat.model.people import Status
from p2pchat.model.text import safe_name
from p2pchat.ui import emoji, language
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.marks import Mark

OFFERED = 7
_PERSON = re.compile(r"(?:^|(?<=[\s(（「\"'，。、]))@(?P<query>[^\n@]{0,40})$")
_EMOJI = re.compile(r"(?:^|(?<=\s)):(?P<query>\w{2,30})$")


@dataclass(frozen=True, slots=True)
class Offer:
    """One of those that can be taken: `text` replaces `start` to the cursor."""

    start: int
    text: str
    title: str
    detail: str = ""
    emoji: str = ""
    person: PeerId | None = None
    initials: str = ""
    marks: tuple[Mark, ...] = ()


def offers(before: str, directory: Directory, recent: list[PeerId]) -> list[Offer]:
    """For the text before the cursor. `recent`: who spoke last, first."""
    if match := _PERSON.search(before):
        found = _people(match.start(), match["query"].casefold(), directory, recent)
        if found:
            return found
    if match := _EMOJI.search(before):
        named = emoji.search(match["query"], language.tag(), OFFERED)
        return [Offer(match.start(), one.chars, one.name, emoji=one.chars) for one in named]
    return []


def _people(start: int, query: str, directory: Directory, recent: list[PeerId]) -> list[Offer]:
    place = {peer_id: index for index, peer_id in enumerate(recent)}
    found = []
    for peer in directory.peers.values():
        label = directory.labels[peer.peer_id]
        folded = label.casefold()
        at_start = folded.startswith(query)
        if not peer.blocked and (at_start or any(w.startswith(query) for w in folded.split())):
            offline = peer.status == Status.OFFLINE
            rank = (not at_start, place.get(peer.peer_id, len(place)), offline, folded)
            found.append((rank, peer, label))
    found.sort(key=lambda one: one[0])
    return [
        Offer(
            start, f"@{safe_name(peer.label) or label} ", label, words.status(peer.status),
            person=peer.peer_id, initials=words.initials(label),
            marks=directory.marks[peer.peer_id],
        )
        for _, peer, label in found[:OFFERED]
    ]  # fmt: skip

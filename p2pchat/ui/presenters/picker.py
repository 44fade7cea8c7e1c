"""The emoji that can be picked: by group, by words, and those used last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from p2pchat.ui import emoji, language
from p2pchat.ui.language import N_, _

USUAL = ("👍", "💜", "😂", "🎉", "😮", "😢", "🙏", "👀")
"""Offered first while nothing was picked yet."""
RECENT = 24
GROUPS = {
    "smileys": N_("Smileys"), "people": N_("People"), "animals": N_("Nature"),
    "food": N_("Food"), "travel": N_("Travel"), "activities": N_("Activities"),
    "objects": N_("Objects"), "symbols": N_("Symbols"), "flags": N_("Flags"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shelf:
    """A heading and what stands below it."""

    group: str
    title: str
    emoji: tuple[emoji.Named, ...]


class PickerPresenter:
    """Kept while the window is there, with what was picked last."""

    def __init__(self) -> None:
        self.recent: list[str] = []

    def shelves(self, query: str = "") -> list[Shelf]:
        """All of them, or those that the words lead to."""
        tag = language.tag()
        if query.strip():
            found = tuple(emoji.search(query, tag))
            return [Shelf("found", _("Results"), found)] if found else []
        named = emoji.named(tag)
        known = {one.chars: one for one in named}
        last = tuple(
            known.get(chars, emoji.Named(chars, "people", "", ""))
            for chars in dict.fromkeys((*self.recent, *USUAL))
        )[:RECENT]
        by_group: dict[str, list[emoji.Named]] = {group: [] for group in GROUPS}
        for one in named:
            if one.group in by_group:
                by_group[one.group].append(one)
        shelves = [Shelf("recent", _("Recently used"), last)]
        return shelves + [
            Shelf(group, _(GROUPS[group]), tuple(found)) for group, found in by_group.items()
        ]

    def picked(self, chars: str) -> None:
        self.recent = [chars, *(one for one in self.recent if one != chars)][:RECENT]

    def tones(self, chars: str) -> Sequence[str]:
        return emoji.with_tones(chars)

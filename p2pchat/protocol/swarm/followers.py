"""Who asks for files that aren't here."""

from __future__ import annotations

from collections import Counter


class Followers:
    """Links that follow what isn't here: told once it is being fetched."""

    def __init__(self, most: int) -> None:
        """`most`: such files of one link."""
        self._most = most
        self._links: dict[bytes, set[int]] = {}
        self._counts: Counter[int] = Counter()

    def follow(self, link: int, file: bytes, on: bool) -> None:
        links = self._links.get(file, set())
        if on and link not in links and self._counts[link] < self._most:
            self._links.setdefault(file, links).add(link)
            self._counts[link] += 1
        elif not on and link in links:
            self._remove(link, file)

    def take(self, file: bytes) -> set[int]:
        """All of a file's; they follow it no more here."""
        links = self._links.pop(file, set())
        self._counts.subtract(links)
        return links

    def lost(self, link: int) -> None:
        if self._counts[link]:
            for file in [file for file, links in self._links.items() if link in links]:
                self._remove(link, file)
        del self._counts[link]

    def _remove(self, link: int, file: bytes) -> None:
        self._links[file].discard(link)
        self._counts[link] -= 1
        if not self._links[file]:
            del self._links[file]

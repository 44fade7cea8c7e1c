"""Unique names of one profile: the first Li stays `Li`, the next is `Li_2`, and keeps it."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from p2pchat.model.names import fold

Key = TypeVar("Key", bound=Hashable)


class Labels(Generic[Key]):
    """Labels of persons, or of rooms. They differ in more than letter case."""

    def __init__(self) -> None:
        self._owner: dict[str, Key] = {}
        self._label: dict[Key, str] = {}

    def get(self, key: Key) -> str | None:
        return self._label.get(key)

    def find(self, text: str) -> Key | None:
        """Whose label the text is, in any letter case."""
        return self._owner.get(fold(text))

    def restore(self, key: Key, label: str) -> None:
        """Take up a label that was given before. One that is taken meanwhile is passed over."""
        if label and fold(label) not in self._owner:
            self._set(key, label)

    def give(self, key: Key, name: str, may: Callable[[str], bool] = lambda _: True) -> str:
        """The label for this name: the present one where it is of this name already, else the
        name with the lowest free number, none for the first. `may`: whether it may be had."""
        label = self._label.get(key)
        if label is not None:
            number = _number(fold(label), fold(name))
            if number is not None and may(_numbered(name, number)):
                self._set(key, _numbered(name, number))
                return self._label[key]
        number, folded = 1, fold(name)
        while self._owner.get(_numbered(folded, number), key) != key or not may(
            _numbered(name, number)
        ):
            number += 1
        self._set(key, _numbered(name, number))
        return self._label[key]

    def claim(self, key: Key, name: str) -> Key | None:
        """This very label, for who has registered it. Whoever had it gets another one, with the
        next free number, and is returned."""
        other = self._owner.get(fold(name))
        if other is None or other == key:
            self._set(key, name)
            return None
        self.release(other)
        self._set(key, name)
        self.give(other, name)
        return other

    def release(self, key: Key) -> None:
        """The label is free again."""
        label = self._label.pop(key, None)
        if label is not None:
            del self._owner[fold(label)]

    def _set(self, key: Key, label: str) -> None:
        self.release(key)
        self._label[key] = label
        self._owner[fold(label)] = key


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}_{number}"


def _number(label: str, name: str) -> int | None:
    """Which of the labels for `name` this is; None: another's."""
    if label == name:
        return 1
    found = re.fullmatch(r"_([2-9]|[1-9]\d+)", label.removeprefix(name), re.ASCII)
    return int(found[1]) if label.startswith(name) and found else None

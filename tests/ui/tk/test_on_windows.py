"""What Windows is told of a window, with its libraries on paper."""

from __future__ import annotations

import ctypes
import sys
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("tkinter", reason="this Python has no tkinter")

from p2pchat.ui.tk.on_windows import paint_title, when_shown

WINDOW: Any = SimpleNamespace(wm_frame=lambda: "0x1f04")


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize(("known", "asked"), [(20, [20]), (19, [20, 19]), (0, [20, 19])])
def test_the_title_bar_is_as_dark_as_the_window(
    monkeypatch: pytest.MonkeyPatch, known: int, asked: list[int], dark: bool
) -> None:
    told: list[tuple[Any, ...]] = []

    def set_attribute(handle: Any, number: int, value: Any, size: int) -> int:
        told.append((handle.value, number, value._obj.value, size))
        return 0 if number == known else -2147024809  # E_INVALIDARG

    dwm = SimpleNamespace(DwmSetWindowAttribute=set_attribute)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(dwmapi=dwm), raising=False)
    paint_title(WINDOW, dark)
    assert told == [(0x1F04, number, int(dark), 4) for number in asked]


def test_without_the_library_it_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(), raising=False)
    paint_title(WINDOW, dark=True)


def test_a_window_is_told_of_when_it_is_shown_not_when_its_parts_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bound: dict[str, Any] = {}
    window: Any = SimpleNamespace(bind=lambda event, do, add: bound.update({event: do}))
    shown: list[bool] = []
    monkeypatch.setattr(sys, "platform", "win32")
    when_shown(window, lambda: shown.append(True))
    for widget in (object(), window):
        bound["<Map>"](SimpleNamespace(widget=widget))
    assert shown == [True]

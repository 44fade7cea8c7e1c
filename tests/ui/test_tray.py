"""An icon in a real tray of X or over a real message bus, and without either."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from programs import line, program

from p2pchat.ui.tray import start_tray

TRAY = """
import sys, time
from Xlib import X, display
from Xlib.protocol import event
screen = display.Display()
root = screen.screen().root
clear = "clear" in sys.argv
deep = [d for d in screen.screen().allowed_depths if d.depth == 32]
visual = deep[0].visuals[0].visual_id if clear else X.CopyFromParent
more = {"colormap": root.create_colormap(visual, X.AllocNone), "border_pixel": 0} if clear else {}
window = root.create_window(0, 0, 200, 40, 0, 32 if clear else X.CopyFromParent, visual=visual,
                            background_pixel=0x30a040, **more)
window.map()
if clear:
    kind = screen.intern_atom("VISUALID")
    window.change_property(screen.intern_atom("_NET_SYSTEM_TRAY_VISUAL"), kind, 32, [visual])
selection = screen.intern_atom("_NET_SYSTEM_TRAY_S0")
window.set_selection_owner(selection, X.CurrentTime)
screen.sync()
print("here", flush=True)
opcode = screen.intern_atom("_NET_SYSTEM_TRAY_OPCODE")
manager = screen.intern_atom("MANAGER")
root.send_event(event.ClientMessage(
    window=root, client_type=manager, data=(32, [X.CurrentTime, selection, window.id, 0, 0])
), event_mask=X.StructureNotifyMask)
screen.sync()

def colour(x, y):
    data = icon.get_image(x, y, 1, 1, X.ZPixmap, 0xffffffff).data
    alpha = f" {data[3]}" if clear else ""
    return f"#{data[2]:02x}{data[1]:02x}{data[0]:02x}{alpha}"

while True:
    told = screen.next_event()
    if told.type == X.ClientMessage and told.client_type == opcode:
        icon = screen.create_resource_object("window", told.data[1][2])
        icon.reparent(window, 0, 0)
        icon.map()
        screen.sync()
        print("docked", flush=True)
        icon.configure(width=24, height=24)
        icon.change_attributes(event_mask=X.StructureNotifyMask)
        screen.sync()
        while "0a62c4" not in (found := colour(2, 2)):
            time.sleep(0.01)
        print("drawn", found, "corner", colour(0, 0), flush=True)
        if sys.argv[1:] == ["marked"]:
            while "ff5a4f" not in colour(18, 6):
                time.sleep(0.01)
            names = screen.intern_atom("_NET_WM_NAME"), screen.intern_atom("UTF8_STRING")
            print("marked", icon.get_full_property(*names).value.decode(), flush=True)
    elif told.type == X.DestroyNotify:
        print("gone", flush=True)
"""
"""A panel with a place for icons (System Tray Protocol Specification)."""


WATCHER = """
import sys
from queue import Queue
from jeepney import DBusAddress, HeaderFields, MatchRule, new_method_call, new_method_return
from jeepney.bus_messages import message_bus
from jeepney.io.threading import Proxy, open_dbus_router

def ask(place, interface, member, signature, *body):
    address = DBusAddress(place, item, interface)
    answer = bus.send_and_get_reply(
        new_method_call(address, member, signature, body), timeout=20
    )
    return answer.body, answer.header.fields.get(HeaderFields.error_name)

def said(*what):
    print(*what, flush=True)

def colour(side, data, x, y):
    return "#" + data[(y * side + x) * 4:][:4].hex()

hosted = "hostless" not in sys.argv
name, properties = "org.kde.StatusNotifierWatcher", "org.freedesktop.DBus.Properties"
icon, menu = "org.kde.StatusNotifierItem", "com.canonical.dbusmenu"
with open_dbus_router() as bus:
    heard = Queue()
    news = MatchRule(type="signal", interface=icon, member="NewIcon")
    bus.filter(MatchRule(type="method_call"), queue=heard)
    bus.filter(news, queue=heard)
    Proxy(message_bus, bus).AddMatch(news)
    Proxy(message_bus, bus).RequestName(name)
    said("here")
    while True:
        asked = heard.get()
        member = asked.header.fields[HeaderFields.member]
        if member == "RegisterStatusNotifierItem":
            assert asked.body == ("/StatusNotifierItem",)
            item = asked.header.fields[HeaderFields.sender]
            bus.send(new_method_return(asked))
            said("registered")
        elif member == "Get":
            assert asked.body == (name, "IsStatusNotifierHostRegistered")
            bus.send(new_method_return(asked, "v", (("b", hosted),)))
        elif "draws" in sys.argv:
            ((found,), _) = ask("/StatusNotifierItem", properties, "GetAll", "s", icon)
            (side, _, data), *_ = found["IconPixmap"][1]
            said(found["Title"][1], colour(side, data, 2, 2), colour(side, data, 13, 3))
            if "clicks" in sys.argv:
                sys.argv.remove("clicks")
                ask("/StatusNotifierItem", icon, "Activate", "ii", 0, 0)
                (_, layout), _ = ask(found["Menu"][1], menu, "GetLayout", "iias", 0, -1, [])
                entries = [entry[1] for entry in layout[2]]
                said(*(about["label"][1] for _, about, _ in entries))
                said(ask("/Menu", menu, "GetGroupProperties", "aias", [1], [])[0][0][0][0])
                said(ask("/Menu", menu, "Nonsense", None)[1])
                said(ask("/Menu", menu, "GetLayout", None)[1])
                last = entries[-1][0]
                ask("/Menu", menu, "Event", "isvu", last, "clicked", ("s", ""), 0)
                ask("/Menu", menu, "EventGroup", "a(isvu)", [(last, "clicked", ("s", ""), 0)])
"""
"""A desktop that shows icons over the bus, or says that nobody does ("hostless")."""

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a tray of X")


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[psutil.Popen]:
    """The X server of a display without a tray."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    reading, writing = os.pipe()
    server = psutil.Popen(
        ["Xvfb", "-displayfd", str(writing), "-noreset", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as pipe:
        name = f":{pipe.readline().strip()}"
    monkeypatch.setenv("DISPLAY", name)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    yield server
    server.terminate()
    server.wait(10)


def click(x: int, y: int, button: int = 1) -> None:
    command = ["xdotool", "mousemove", str(x), str(y), "click", str(button)]
    subprocess.run(command, check=True, timeout=10)


def tray_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("tray")]


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.window
@linux
def test_the_icon_is_in_the_tray_until_the_end(
    screen: psutil.Popen, capfd: pytest.CaptureFixture[str]
) -> None:
    opened = threading.Event()
    with program([sys.executable, "-c", TRAY, "marked"]) as panel:
        assert line(panel) == "here"
        asked: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
        icon = start_tray("王小明", opened.set, lambda: None, lambda x, y: asked.put((x, y)))
        assert icon is not None
        assert line(panel) == "docked"
        assert line(panel) == "drawn #0a62c4 corner #30a040", "the panel's colour is seen there"
        assert icon.shown
        click(2, 2)
        assert opened.wait(10)
        click(3, 2, button=3)
        assert asked.get(timeout=10) == (3, 2)
        icon.show_unread(3)
        assert line(panel) == "marked (3) p2pchat · 王小明"
        icon.stop()
        assert line(panel) == "gone"
    assert tray_threads() == []
    assert capfd.readouterr().err == ""


@pytest.mark.window
@linux
def test_the_icon_is_transparent_where_the_tray_can_show_it(screen: psutil.Popen) -> None:
    with program([sys.executable, "-c", TRAY, "clear"]) as panel:
        assert line(panel) == "here"
        icon = start_tray("Maria", lambda: None, lambda: None, lambda x, y: None)
        assert icon is not None
        assert line(panel) == "docked"
        assert line(panel) == "drawn #0a62c4 255 corner #000000 0"
        icon.stop()


@linux
def test_a_tray_may_come_later_and_go_and_come_again(screen: psutil.Popen) -> None:
    """As when the program starts with the system, and when the panel crashes."""
    icon = start_tray("Maria", lambda: None, lambda: None, lambda x, y: None)
    assert icon is not None
    for _ in range(3):
        with program([sys.executable, "-c", TRAY]) as panel:
            assert line(panel) == "here"
            assert line(panel) == "docked"
    icon.stop()
    assert tray_threads() == []


@pytest.mark.window
@linux
def test_the_end_waits_for_no_display_that_has_stopped_answering(screen: psutil.Popen) -> None:
    for _ in range(20):
        icon = start_tray("Maria", lambda: None, lambda: None, lambda x, y: None)
        assert icon is not None
        icon.stop()
    assert tray_threads() == []
    with program([sys.executable, "-c", TRAY]) as panel:
        assert line(panel) == "here"
        icon = start_tray("Maria", lambda: None, lambda: None, lambda x, y: None)
        assert icon is not None
        assert line(panel) == "docked"
        screen.suspend()
        try:
            began = time.monotonic()
            icon.stop()
            assert time.monotonic() - began < 10
        finally:
            screen.resume()
        for thread in tray_threads():
            thread.join(10)
    assert tray_threads() == []


@pytest.mark.window
@linux
def test_a_display_that_ends_takes_nothing_with_it(
    screen: psutil.Popen, capfd: pytest.CaptureFixture[str]
) -> None:
    icon = start_tray("Maria", lambda: None, lambda: None, lambda x, y: None)
    assert icon is not None
    until(lambda: len(tray_threads()) == 2)
    screen.terminate()
    until(lambda: len(tray_threads()) == 1)
    icon.stop()
    assert tray_threads() == []
    assert capfd.readouterr().err == ""


@linux
def test_without_a_display_and_a_bus_there_is_no_icon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    icon = start_tray("Maria", lambda: None, lambda: None, lambda x, y: None)
    assert icon is not None
    icon.show_unread(1)
    assert not icon.shown
    icon.stop()
    icon.show_unread(2)
    assert tray_threads() == []


def test_an_icon_over_the_bus_has_its_title_its_picture_and_a_menu(
    bus: psutil.Popen, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    clicked: queue.SimpleQueue[str] = queue.SimpleQueue()
    with program([sys.executable, "-c", WATCHER, "draws", "clicks"]) as panel:
        assert line(panel) == "here"
        icon = start_tray(
            "王小明", lambda: clicked.put("open"), lambda: clicked.put("quit"), lambda x, y: None
        )
        assert icon is not None
        assert line(panel) == "registered"
        assert line(panel) == "p2pchat · 王小明 #ff0a62c4 #ff0a62c4"
        assert line(panel) == "Open Quit"
        assert line(panel) == "1"
        unknown = "org.freedesktop.DBus.Error.UnknownMethod"
        assert [line(panel), line(panel)] == [unknown, unknown]
        assert [clicked.get(timeout=10) for _ in range(3)] == ["open", "quit", "quit"]
        until(lambda: icon.shown)
        icon.show_unread(3)
        assert line(panel) == "(3) p2pchat · 王小明 #ff0a62c4 #ffff5a4f"
        icon.stop()
    assert tray_threads() == []
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.window
@linux
def test_there_is_one_icon_over_the_bus_or_else_in_the_tray_of_x(
    screen: psutil.Popen, bus: psutil.Popen
) -> None:
    """Some panels show both sorts."""
    with program([sys.executable, "-c", TRAY]) as tray:
        assert line(tray) == "here"
        icon = start_tray("Maria", lambda: None, lambda: None, lambda x, y: None)
        assert icon is not None
        for _ in range(2):
            assert line(tray) == "docked"
            assert line(tray) == "drawn #0a62c4 corner #30a040"
            with program([sys.executable, "-c", WATCHER]) as panel:
                assert line(panel) == "here"
                assert line(panel) == "registered"
                assert line(tray) == "gone"
                until(lambda: icon.shown)
        assert line(tray) == "docked"
        icon.stop()
    assert tray_threads() == []


@pytest.mark.window
@linux
@pytest.mark.parametrize("why", ["hostless", "stopped", "gone"])
def test_a_panel_that_shows_nothing_leaves_it_to_the_tray_of_x(
    screen: psutil.Popen, bus: psutil.Popen, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.setattr("p2pchat.ui.tray_dbus.ANSWER_S", 1.0)
    with (
        program([sys.executable, "-c", TRAY]) as tray,
        program([sys.executable, "-c", WATCHER, why]) as panel,
    ):
        assert [line(tray), line(panel)] == ["here", "here"]
        if why == "stopped":
            panel.suspend()
        icon = start_tray("Maria", lambda: None, lambda: None, lambda x, y: None)
        assert icon is not None
        if why == "gone":
            assert line(panel) == "registered"
            until(lambda: icon.shown)
            bus.kill()
        assert line(tray) == "docked"
        icon.stop()
    assert tray_threads() == []


def test_the_end_waits_for_no_panel_that_has_stopped_answering(
    bus: psutil.Popen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("p2pchat.ui.tray_dbus.END_S", 60.0)
    with program([sys.executable, "-c", WATCHER]) as panel:
        assert line(panel) == "here"
        for stopped in (panel, bus):
            stopped.suspend()
            icon = start_tray("Maria", lambda: None, lambda: None, lambda x, y: None)
            assert icon is not None
            began = time.monotonic()
            icon.stop()
            assert time.monotonic() - began < 5
            assert tray_threads() == []
            stopped.resume()

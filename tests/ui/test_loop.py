"""The event loop of the front ends, as it is on Windows, played by another's sockets."""

from __future__ import annotations

import asyncio
import ctypes
import runpy
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from p2pchat.ui import loop


def test_windows_is_told_to_keep_datagrams_coming(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int, int]] = []

    def control(sock: Any, code: Any, value: Any, *_: object) -> int:
        asked.append((sock.value, code.value, value._obj.value))
        return 0

    libraries = SimpleNamespace(ws2_32=SimpleNamespace(WSAIoctl=control))
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", libraries, raising=False)
    monkeypatch.setattr(asyncio, "ProactorEventLoop", asyncio.SelectorEventLoop, raising=False)
    kind = runpy.run_path(loop.__file__)["Loop"]

    async def main() -> int:
        running = asyncio.get_running_loop()
        transport, _ = await running.create_datagram_endpoint(
            asyncio.DatagramProtocol, ("127.0.0.1", 0)
        )
        handle: int = transport.get_extra_info("socket").fileno()
        transport.close()
        return handle

    with asyncio.Runner(loop_factory=kind) as runner:
        handle = runner.run(main())
    # SIO_UDP_CONNRESET and SIO_UDP_NETRESET of mswsock.h
    assert asked == [(handle, 0x9800000C, 0), (handle, 0x9800000F, 0)]

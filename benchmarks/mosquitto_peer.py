"""What mosquitto does with the same messages: QoS 1, persistence, Python's own client, on three
hosts of the LAN that p2pchat is measured on: publisher, broker, subscriber."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
from _lan import Lan, wait_until

CLIENT = Path(__file__).with_name("_mqtt_client.py")
CONFIG = """
listener 1883
allow_anonymous true
persistence true
persistence_location {folder}/
max_queued_messages 0
user root
"""
PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"


class Mosquitto(msgspec.Struct, frozen=True):
    latencies: tuple[float, ...]
    """Seconds from publishing to the subscriber's callback, message by message."""
    rate: float
    """Messages a second, from the first publishing of a burst to the last callback."""


def measure(lan: Lan, messages: int, pace: float, burst: int, size: int) -> Mosquitto | None:
    """None where mosquitto or its client isn't installed. `pace`: seconds between two messages;
    `size`: bytes of a message."""
    broker = shutil.which("mosquitto", path=PATH)
    if broker is None or not _client_installed():
        print("mosquitto or paho-mqtt is not installed: no peer beside the figures")
        return None
    with _broker(lan, broker):
        paced = _exchange(lan, messages, pace, size)
        flood = _exchange(lan, burst, 0.0, size)
    return Mosquitto(
        tuple(received - sent for sent, received in paced),
        burst / (max(received for _, received in flood) - min(sent for sent, _ in flood)),
    )


class _broker:
    """The broker on host 1, for the length of a `with` block."""

    def __init__(self, lan: Lan, program: str) -> None:
        self._lan, self._program = lan, program

    def __enter__(self) -> None:
        folder = self._lan.directory / "mosquitto"
        folder.mkdir()
        config = folder / "mosquitto.conf"
        config.write_text(CONFIG.format(folder=folder), encoding="utf-8")
        self._process = self._lan.popen(
            1, [self._program, "-c", str(config)], stderr=subprocess.DEVNULL
        )
        wait_until(lambda: ":1883" in self._lan.run(1, "ss", "-tln"), 10.0, "mosquitto's socket")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(10)


def _exchange(lan: Lan, count: int, pace: float, size: int) -> list[tuple[float, float]]:
    """(sent, received) of each message, seconds."""
    address = lan.hosts[1].address
    subscriber = lan.popen(
        2, [sys.executable, str(CLIENT), "subscribe", address, str(count)], stdout=subprocess.PIPE
    )
    assert subscriber.stdout is not None
    assert subscriber.stdout.readline() == b"ready\n"
    publisher = lan.popen(
        0, [sys.executable, str(CLIENT), "publish", address, str(count), str(pace), str(size)]
    )
    times: list[tuple[float, float]] = json.loads(subscriber.stdout.readline())
    publisher.wait(60)
    subscriber.wait(60)
    return times


def _client_installed() -> bool:
    return not subprocess.run(
        [sys.executable, "-c", "import paho.mqtt.client"], capture_output=True
    ).returncode

"""One MQTT client in a process of its own: QoS 1, as the peer that messages are measured against.

    _mqtt_client.py subscribe BROKER COUNT    prints `ready`, and after COUNT messages one JSON
                                              line: [[sent, received], ...] in seconds
    _mqtt_client.py publish BROKER COUNT PACE_S TEXT_BYTES

Times are `time.monotonic()`, which all processes of one Linux machine share.
"""

from __future__ import annotations

import json
import sys
import threading
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

TOPIC = "room/lobby"
FAR_S = 120.0


def connected(broker: str, name: str) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
    client.max_queued_messages_set(0)
    up = threading.Event()
    client.on_connect = lambda *_: up.set()
    client.connect(broker)
    client.loop_start()
    if not up.wait(FAR_S):
        raise TimeoutError("no broker")
    return client


def subscribe(broker: str, count: int) -> None:
    client = connected(broker, "subscriber")
    times: list[tuple[float, float]] = []
    done, subscribed = threading.Event(), threading.Event()

    def take(_client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        times.append((float(message.payload.split(b" ", 1)[0]), time.monotonic()))
        if len(times) == count:
            done.set()

    client.on_message = take
    client.on_subscribe = lambda *_: subscribed.set()
    client.subscribe(TOPIC, qos=1)
    if not subscribed.wait(FAR_S):
        raise TimeoutError("no subscription")
    print("ready", flush=True)
    if not done.wait(FAR_S):
        raise TimeoutError(f"{len(times)} of {count} messages")
    print(json.dumps(times), flush=True)
    client.disconnect()


def publish(broker: str, count: int, pace: float, size: int) -> None:
    client = connected(broker, "publisher")
    for _ in range(count):
        payload = f"{time.monotonic():.9f} ".encode().ljust(size, b"x")
        sent = client.publish(TOPIC, payload, qos=1)
        if pace:
            sent.wait_for_publish(FAR_S)
            time.sleep(pace)
    sent.wait_for_publish(FAR_S)
    client.disconnect()


if __name__ == "__main__":
    if sys.argv[1] == "subscribe":
        subscribe(sys.argv[2], int(sys.argv[3]))
    else:
        publish(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))

# SPDX-License-Identifier: Apache-2.0
"""A real MQTT broker, Debian's mosquitto, that is stopped, restarted and frozen."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from sights import classified, detected, ended, event, eventually, sight
from trunkline.streams.sink_mqtt import Mqtt


class _Broker:
    """A mosquitto that keeps nothing when it ends."""

    def __init__(self, folder, *, password=""):
        self.program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        if self.program is None:
            if os.environ.get("CI"):
                pytest.fail("in CI nothing may be skipped: apt-get install mosquitto")
            pytest.skip("there is no mosquitto: apt-get install mosquitto")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.file = folder / "mosquitto.conf"
        access = "allow_anonymous true"
        if password:
            users = folder / "users"
            command = ["mosquitto_passwd", "-b", "-c", users, "ada", password]
            subprocess.run(command, check=True, capture_output=True)
            users.chmod(0o644)
            access = f"allow_anonymous false\npassword_file {users}"
        self.file.write_text(f"listener {self.port} 127.0.0.1\n{access}\nuser root\n")
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [self.program, "-c", self.file], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        eventually(self._listens)

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    @property
    def url(self):
        return f"mqtt://127.0.0.1:{self.port}/eyes"


@pytest.fixture
def broker(tmp_path):
    made = _Broker(tmp_path)
    yield made
    made.stop()


class _Listener:
    """Hears everything, from the time it connects on."""

    def __init__(self, broker):
        self.heard = []
        self.retained = {}
        ready = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = self._hear
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect("127.0.0.1", broker.port)
        self.client.subscribe("#", qos=1)
        self.client.loop_start()
        assert ready.wait(60)

    def _hear(self, _client, _data, message):
        self.heard.append((message.topic, message.payload.decode()))
        if message.retain:
            self.retained[message.topic] = message.payload.decode()

    def on(self, topic):
        return [json.loads(text) for heard, text in self.heard if heard == topic]

    def end(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def listen():
    made = []

    def start(broker):
        made.append(_Listener(broker))
        return made[-1]

    yield start
    for listener in made:
        listener.end()


def _hold(sink):
    """Keep a sink from connecting again until the event that is returned is set."""
    may, reconnect = threading.Event(), sink._client.reconnect

    def held():
        if not may.is_set():
            raise ConnectionRefusedError
        return reconnect()

    sink._client.reconnect = held
    return may


def test_states_events_availability_and_discovery(broker, listen):
    broker.start()
    listener = listen(broker)
    sink = Mqtt(broker.url)
    boxes = detected()
    sink.put(sight(0, event(), stream="front/door", pets=classified(), things=boxes))
    eventually(lambda: not sink.problem)
    sink.close(60)
    assert (sink.problem, sink.dropped) == ("", 0)
    eventually(lambda: ("eyes/status", "offline") in listener.heard)
    assert ("eyes/status", "online") in listener.heard
    (state,) = listener.on("eyes/front%2Fdoor/pets")
    assert (state["label"], state["number"]) == ("cat", 0)
    assert listener.on("eyes/front%2Fdoor/things")[0]["boxes"][0]["label"] == "dog"
    (told,) = listener.on("eyes/yard/pets/event")
    assert (told["label"], told["state"]) == ("cat", "begin")
    late = listen(broker)
    eventually(lambda: len(late.retained) == 5)
    assert late.retained["eyes/status"] == "offline"
    configs = [json.loads(text) for topic, text in late.retained.items() if "config" in topic]
    assert {config["state_topic"] for config in configs} == {
        "eyes/front%2Fdoor/pets",
        "eyes/front%2Fdoor/things",
    }
    assert not any("event" in topic for topic in late.retained)


def test_an_unchanged_label_is_told_once_a_second(broker, listen):
    broker.start()
    listener = listen(broker)
    sink = Mqtt(broker.url)
    for number in range(25):
        sink.put(sight(number, pets=classified("dog" if number == 5 else "cat")))
    sink.close(60)
    eventually(lambda: ("eyes/status", "offline") in listener.heard)
    told = [state["number"] for state in listener.on("eyes/yard/pets")]
    # While the broker was being reached, newer states replaced older ones.
    assert set(told) <= {0, 5, 6, 16}
    assert told[-1] == 16


def test_a_broker_that_is_not_there_yet_gets_the_newest(broker, listen):
    sink = Mqtt(broker.url, size=3)
    may = _hold(sink)
    eventually(lambda: "cannot be reached" in sink.problem)
    for number in range(30):
        sink.put(sight(number, event(str(number)), pets=classified(str(number))))
        eventually(lambda: not sink._queue._items)
    broker.start()
    listener = listen(broker)
    may.set()
    eventually(lambda: len(listener.on("eyes/yard/pets/event")) == 3)
    assert [told["label"] for told in listener.on("eyes/yard/pets/event")] == ["27", "28", "29"]
    eventually(lambda: listener.on("eyes/yard/pets"))
    assert [state["label"] for state in listener.on("eyes/yard/pets")] == ["29"]
    sink.close(60)
    assert sink.dropped == 27


def test_a_broker_that_is_stopped_and_restarted_knows_everything_again(broker, listen):
    broker.start()
    first = listen(broker)
    sink = Mqtt(broker.url)
    sink.put(sight(0, event("before")))
    eventually(lambda: first.on("eyes/yard/pets/event"))
    may = _hold(sink)
    broker.stop()
    eventually(lambda: sink.problem)
    assert sink.problem.startswith(f"{sink.name} ")
    sink.put(sight(1, event("meanwhile"), pets=classified("dog")))
    broker.start()
    second = listen(broker)
    may.set()
    eventually(lambda: second.on("eyes/yard/pets/event"))
    eventually(lambda: not sink.problem)
    assert second.on("eyes/yard/pets/event")[0]["label"] == "meanwhile"
    eventually(lambda: second.on("eyes/yard/pets"))
    assert second.on("eyes/yard/pets")[-1]["label"] == "dog"
    eventually(lambda: any("homeassistant" in topic for topic, _ in second.heard))
    assert ("eyes/status", "online") in second.heard
    sink.close(60)
    assert sink.dropped == 0


def test_the_broker_tells_when_trunkline_vanishes(broker, listen):
    broker.start()
    listener = listen(broker)
    sink = Mqtt(broker.url)
    eventually(lambda: ("eyes/status", "online") in listener.heard)
    sink._client.socket().shutdown(socket.SHUT_RDWR)
    eventually(lambda: ("eyes/status", "offline") in listener.heard)
    eventually(lambda: listener.heard.count(("eyes/status", "online")) == 2)
    sink.close(60)


def test_a_broker_that_freezes_bounds_what_waits_and_lets_go(broker, listen):
    broker.start()
    sink = Mqtt(broker.url, size=10)
    eventually(lambda: not sink.problem)
    eventually(lambda: sink._confirmed == sink._sent == 1)
    broker.process.send_signal(signal.SIGSTOP)
    for number in range(100):
        sink.put(sight(number, event(str(number))))
        eventually(lambda: not sink._queue._items)
    assert len(sink._client._out_messages) <= 20
    eventually(lambda: sink.dropped > 60)
    sink.close(0)
    assert ended(sink)
    assert sink.dropped + sink._sent >= 100


def test_a_password_is_used_and_never_told(tmp_path, listen):
    broker = _Broker(tmp_path, password="s3cret/")
    broker.start()
    try:
        wrong = Mqtt(f"mqtt://ada:wrong-s3cret@127.0.0.1:{broker.port}/eyes")
        eventually(lambda: "refuses" in wrong.problem)
        assert "s3cret" not in wrong.problem + repr(wrong)
        wrong.close(0)
        right = Mqtt(f"mqtt://ada:s3cret%2F@127.0.0.1:{broker.port}/eyes")
        eventually(lambda: not right.problem)
        assert "s3cret" not in repr(right)
        right.close(60)
    finally:
        broker.stop()


def test_a_name_that_no_topic_can_hold_is_a_problem(broker):
    broker.start()
    sink = Mqtt(broker.url)
    eventually(lambda: not sink.problem)
    sink.put(sight(0, event(model="x" * 70000)))
    eventually(lambda: sink.dropped)
    assert sink.problem.endswith("failed with ValueError.")
    sink.put(sight(1))
    eventually(lambda: not sink.problem)
    sink.close(60)


def _open_files():
    found = []
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # it was the one that looked
            found.append(str(each.readlink()))
    return sorted(found)


def test_a_closed_sink_leaves_neither_socket_nor_thread(broker):
    broker.start()
    before, threads = _open_files(), set(threading.enumerate())
    sink = Mqtt(broker.url)
    sink.put(sight(0, event()))
    sink.close(60)
    assert set(threading.enumerate()) <= threads
    assert _open_files() == before
    assert sink.dropped == 0  # it can still be asked


def test_what_cannot_be_published_at_the_end_keeps_nothing_else(broker, listen):
    broker.start()
    listener = listen(broker)
    before = set(threading.enumerate())
    sink = Mqtt(broker.url)
    may = threading.Event()
    sink._publish_due, publish = (lambda: may.is_set() and publish()), sink._publish_due
    sink.put(sight(0, event(model="x" * 70000), event("last")))
    eventually(lambda: len(sink._events) == 2)
    sink._queue.close()
    may.set()
    sink.close(60)
    assert [told["label"] for told in listener.on("eyes/yard/pets/event")] == ["last"]
    assert (sink.dropped, sink.delivered) == (1, 2)
    assert set(threading.enumerate()) <= before

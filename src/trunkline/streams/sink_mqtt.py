# SPDX-License-Identifier: Apache-2.0
"""The sink ``mqtt://...``: states, events, availability and discovery on an MQTT broker."""

from __future__ import annotations

import secrets
import socket
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from trunkline.errors import MissingExtraError, TrunklineError
from trunkline.predictions import json_line
from trunkline.streams.endpoints import read_endpoint
from trunkline.streams.frames import Event
from trunkline.streams.mqtt_topics import (
    OFFLINE,
    ONLINE,
    availability_topic,
    discovery,
    state,
    state_topic,
    summary,
)
from trunkline.streams.queues import QueuedSink, without_pixels
from trunkline.streams.records import event_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paho.mqtt.client import Client
    from paho.mqtt.reasoncodes import ReasonCode

    from trunkline.streams.endpoints import Endpoint
    from trunkline.streams.frames import Sight

__all__ = ["Mqtt"]

_SHAPE = "mqtt://user:password@host:1883/prefix; a prefix holds no + and no #."
_PORTS = {"mqtt": 1883}
_PREFIX = "trunkline"
_SIZE = 1000
_LONGEST_PAUSE = 30

# Messages that the broker has not confirmed yet; while there are as many, newer states replace
# those that wait, so that a slow broker gets fewer states instead of a longer queue.
_WINDOW = 20

# An unchanged label is told again after so many seconds of the frames' time.
_EVERY = 1.0

# How often a sink that closes looks whether everything is confirmed.
_TICK = 0.02


class Mqtt(QueuedSink["Sight | Event"]):
    """Publishes retained states and events, and says whether it is there.

    ``PREFIX/CAMERA/MODEL`` holds the newest answer, retained, told when its labels change and once
    a second else. ``PREFIX/CAMERA/MODEL/event`` gets events. ``PREFIX/status`` is ``online`` or
    ``offline``, by the broker itself if Trunkline vanishes. ``homeassistant/sensor/...`` makes
    every camera and model a sensor in Home Assistant. While the broker is away the newest states
    are kept, and as many events as ``size``; connecting is tried again and again.

    Args:
        url: ``mqtt://[user:password@]host[:port]/prefix``.
        size: The most sights and events that wait to be looked at, and the most events that wait
            for the broker.

    Raises:
        MissingExtraError: ``paho-mqtt`` is not installed.
        TrunklineError: The URL is none.
    """

    def __init__(self, url: str, *, size: int = _SIZE) -> None:
        endpoint = read_endpoint(url, _PORTS, shape=_SHAPE)
        self._prefix = endpoint.path.strip("/") or _PREFIX
        if set(self._prefix) & set("+#?"):
            raise TrunklineError(f"The mqtt address cannot be read. It looks like {_SHAPE}")
        super().__init__(f"{endpoint.name}/{self._prefix}", size=size)
        self._states: dict[str, tuple[object, float]] = {}
        self._retained: dict[str, bytes] = {availability_topic(self._prefix): ONLINE.encode()}
        self._due: dict[str, bytes] = {}
        self._events: deque[Event] = deque()
        self._size = size
        # Two counters with one writing thread each: ours, and the client's.
        self._sent = self._confirmed = 0
        self._connected = self._renewed = False
        self._connection = f"{self.name} has not been reached yet."
        self._client = self._connect(endpoint)
        self._start()

    @property
    def problem(self) -> str:
        """What is wrong, as one sentence; empty when all is well."""
        return self._connection or super().problem

    def _connect(self, endpoint: Endpoint) -> Client:
        try:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as error:
            raise MissingExtraError("The sink mqtt", package="paho-mqtt", extra="watch") from error
        client = Client(CallbackAPIVersion.VERSION2, f"trunkline-{secrets.token_hex(6)}")
        client.suppress_exceptions = True
        if endpoint.user:
            client.username_pw_set(endpoint.user, endpoint.password)
        client.will_set(availability_topic(self._prefix), OFFLINE, qos=1, retain=True)
        client.reconnect_delay_set(1, _LONGEST_PAUSE)
        client.max_inflight_messages_set(_WINDOW)
        client.on_connect = lambda *given: self._on_connect(given[3])
        client.on_connect_fail = lambda *_: self._on_connect_fail()
        client.on_disconnect = lambda *given: self._on_disconnect(given[3])
        client.on_publish = lambda *_: self._on_publish()
        client.connect_async(endpoint.host, endpoint.port, keepalive=30)
        client.loop_start()
        return client

    # The client's thread calls these four; they only leave word for the sink's.

    def _on_connect(self, reason: ReasonCode) -> None:
        if reason.is_failure:
            self._connection = f"{self.name} refuses the connection: {reason}."
            return
        self._connection = ""
        self._connected = self._renewed = True
        self._queue.wake()

    def _on_connect_fail(self) -> None:
        self._connection = f"{self.name} cannot be reached."

    def _on_disconnect(self, reason: ReasonCode) -> None:
        self._connected = False
        if reason.is_failure and not self._connection:
            self._connection = f"{self.name} has closed the connection."

    def _on_publish(self) -> None:
        self._confirmed += 1
        self._queue.wake()

    # The sink's own thread does the rest.

    def _items(self, sight: Sight) -> Iterator[Sight | Event]:
        if sight.answers:
            yield without_pixels(sight)
        yield from sight.events

    def _deliver(self, item: Sight | Event) -> None:
        if isinstance(item, Event):
            self._add_event(item)
        else:
            self._take_in(item)
        self._publish_due()

    def _take_in(self, sight: Sight) -> None:
        for model, answer in sight.answers.items():
            topic = state_topic(self._prefix, sight.frame.stream, model)
            if topic not in self._states:
                config, content = discovery(self._prefix, sight.frame.stream, model, answer)
                self._retain(config, json_line(content))
            told, at = self._states.get(topic, (None, 0.0))
            labels = summary(answer)
            if told != labels or not 0 <= sight.frame.at - at < _EVERY:
                self._states[topic] = (labels, sight.frame.at)
                self._retain(topic, json_line(state(sight.frame, sight.latency, answer)))

    def _retain(self, topic: str, content: bytes) -> None:
        self._retained[topic] = self._due[topic] = content

    def _add_event(self, event: Event) -> None:
        if len(self._events) >= self._size:
            self._queue.lose(self._events.popleft().stream)
        self._events.append(event)

    def _woken(self) -> None:
        self._publish_due()

    def _publish_due(self) -> None:
        """Publish what waits, while the broker is there and keeps up."""
        if self._renewed:
            self._renewed = False
            self._due = dict(self._retained)  # a broker that was restarted may have forgotten all
        while self._connected and self._sent - self._confirmed < _WINDOW:
            if self._due:
                topic = next(iter(self._due))
                self._publish(topic, self._due.pop(topic), retain=True)
            elif self._events:
                event = self._events.popleft()
                topic = state_topic(self._prefix, event.stream, event.model)
                self._publish(f"{topic}/event", json_line(event_values(event)), retain=False)
            else:
                return

    def _publish(self, topic: str, content: bytes, *, retain: bool) -> None:
        self._sent += 1
        try:
            self._client.publish(topic, content, qos=1, retain=retain)
        except ValueError:
            self._sent -= 1  # a topic that is too long
            raise

    def _finish(self) -> None:
        self._drain()
        if self._connected:
            self._publish(availability_topic(self._prefix), OFFLINE.encode(), retain=True)
            self._drain()
        for event in self._events:
            self._queue.lose(event.stream)
        self._client.disconnect()
        if self._abandoned.is_set():
            self._shut_socket()
        self._client.loop_stop()
        del self._client  # it keeps two sockets for as long as it is there

    def _drain(self) -> None:
        """Publish all that waits and have it confirmed, or be told to give up."""
        while self._due or self._events or self._sent > self._confirmed:
            self._attempt(None)  # what cannot be published must not keep the rest
            if self._abandoned.wait(_TICK):
                return

    def _shut_socket(self) -> None:
        """End a connection that the broker does not answer on."""
        with suppress(OSError, AttributeError):
            self._client.socket().shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]

# SPDX-License-Identifier: Apache-2.0
"""What is published on MQTT for a camera and a model: topics, states and discovery messages.

Home Assistant's discovery: https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from trunkline.predictions import Detection
from trunkline.streams.records import iso_time

if TYPE_CHECKING:
    from trunkline.predictions import Prediction
    from trunkline.streams.frames import Frame

__all__ = [
    "OFFLINE",
    "ONLINE",
    "availability_topic",
    "discovery",
    "state",
    "state_topic",
    "summary",
]

ONLINE, OFFLINE = "online", "offline"

# What a level of a topic cannot hold, and the sign that it is written with instead.
_RESERVED = re.compile("[%/+#\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def availability_topic(prefix: str) -> str:
    """Return the topic that says whether Trunkline is there: ``online`` or ``offline``."""
    return f"{prefix}/status"


def state_topic(prefix: str, stream: str, model: str) -> str:
    """Return the topic of a camera's and model's state; events are on its ``/event``."""
    return f"{prefix}/{_level(stream)}/{_level(model)}"


def _level(name: str) -> str:
    def escaped(match: re.Match[str]) -> str:
        return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))

    return _RESERVED.sub(escaped, name)


def state(frame: Frame, latency: float, answer: Prediction) -> dict[str, Any]:
    """Return the prediction with the frame's time and number and the latency."""
    return {
        **answer.to_dict(),
        "time": iso_time(frame.at),
        "number": frame.number,
        "latency_ms": round(latency * 1000, 3),
    }


def summary(answer: Prediction) -> object:
    """Return what of an answer is worth a message at once when it changes: its labels."""
    if isinstance(answer, Detection):
        return tuple(sorted(box.label for box in answer.boxes))
    return answer.label


def discovery(
    prefix: str, stream: str, model: str, answer: Prediction
) -> tuple[str, dict[str, Any]]:
    """Return the topic and content that make a camera's and model's state a sensor.

    A classifier's sensor shows the most probable label, a detector's the number of boxes.
    """
    topic = state_topic(prefix, stream, model)
    unique = f"trunkline_{sha256(topic.encode()).hexdigest()[:16]}"
    content: dict[str, Any] = {
        "name": model,
        "unique_id": unique,
        "state_topic": topic,
        "availability_topic": availability_topic(prefix),
        "device": {
            "identifiers": [
                f"trunkline_{sha256(f'{prefix}/{_level(stream)}'.encode()).hexdigest()[:16]}"
            ],
            "name": stream,
            "manufacturer": "Trunkline",
        },
        "origin": {"name": "Trunkline"},
    }
    if isinstance(answer, Detection):
        content |= {
            "value_template": "{{ value_json.boxes | length }}",
            "icon": "mdi:vector-square",
        }
    else:
        content |= {"value_template": "{{ value_json.label }}", "icon": "mdi:tag"}
    return f"homeassistant/sensor/{unique}/config", content

# SPDX-License-Identifier: Apache-2.0
"""Topics and contents for MQTT and Home Assistant."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote_to_bytes

from hypothesis import given
from hypothesis import strategies as st

from sights import classified, detected, sight
from trunkline.predictions import Box, json_line
from trunkline.streams.mqtt_topics import discovery, state, state_topic, summary

_NAMES = st.text(st.characters(exclude_categories=()), max_size=30)


@given(_NAMES, _NAMES)
def test_any_names_make_a_topic_of_their_own(stream, model):
    topic = state_topic("home/eyes", stream, model)
    levels = topic.split("/")
    assert len(levels) == 4
    assert not set(topic) & set("+#\0")
    assert topic.encode("utf-8")
    back = [unquote_to_bytes(level).decode("utf-8", "surrogatepass") for level in levels[2:]]
    assert back == [stream, model]


@given(_NAMES, _NAMES)
def test_any_names_make_a_sensor_of_their_own(stream, model):
    topic, content = discovery("p", stream, model, classified())
    assert re.fullmatch(r"homeassistant/sensor/[a-zA-Z0-9_-]+/config", topic)
    assert json.loads(json_line(content))["state_topic"] == state_topic("p", stream, model)
    assert topic != discovery("p", stream, f"{model}x", classified())[0]
    assert topic != discovery("p2", stream, model, classified())[0]


def test_a_sensor_says_what_home_assistant_asks_for():
    topic, content = discovery("p", "yard", "pets", classified())
    assert topic == f"homeassistant/sensor/{content['unique_id']}/config"
    assert content["name"] == "pets"
    assert content["availability_topic"] == "p/status"
    assert content["device"]["name"] == "yard"
    assert content["value_template"] == "{{ value_json.label }}"
    other = discovery("p", "yard", "things", detected())[1]
    assert other["device"]["identifiers"] == content["device"]["identifiers"]
    assert other["value_template"] == "{{ value_json.boxes | length }}"


def test_a_state_is_the_prediction_with_its_time():
    seen = sight(3)
    values = state(seen.frame, seen.latency, classified())
    assert classified().to_dict().items() <= values.items()
    assert (values["number"], values["latency_ms"]) == (3, 12.5)
    assert values["time"] == "2025-11-23T01:12:48.550Z"


def test_only_labels_are_worth_a_message_at_once():
    assert summary(classified("cat", 0.9)) == summary(classified("cat", 0.8))
    assert summary(classified("cat")) != summary(classified("dog"))
    one, other = Box("cat", 0.9, 0, 0, 1, 1), Box("dog", 0.8, 0, 0, 1, 1)
    assert summary(detected(one, other)) == summary(detected(other, one))
    assert summary(detected(one, one)) != summary(detected(one))

# SPDX-License-Identifier: Apache-2.0
"""The shape of the JSON that comes out of a stream."""

from __future__ import annotations

import json
import math
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sights import AT, classified, detected, event, sight
from trunkline.predictions import Box, Classification, Detection, frame_values, json_line
from trunkline.streams.frames import Event, Frame, Sight
from trunkline.streams.records import event_values, iso_time, sight_values

_NAMES = st.text(st.characters(exclude_categories=()), max_size=20)
_PARTS = st.floats(0, 1, width=32)
_LABELS = st.lists(_NAMES, min_size=1, max_size=4, unique=True)
_TIMES = st.floats(0, 4e9)


@st.composite
def _classifications(draw):
    labels = draw(_LABELS)
    values = draw(st.lists(_PARTS, min_size=len(labels), max_size=len(labels)))
    task = draw(st.sampled_from(["multiclass", "multilabel"]))
    return Classification(task, tuple(labels), np.array(values, np.float32))


_DETECTIONS = st.builds(
    Detection,
    _LABELS.map(tuple),
    st.lists(st.builds(Box, _NAMES, *[_PARTS] * 5), max_size=3).map(tuple),
)
_EVENTS = st.builds(
    Event, _NAMES, _NAMES, _NAMES, st.sampled_from(["begin", "end"]), _TIMES, st.integers(0), _PARTS
)
_SIGHTS = st.builds(
    Sight,
    st.builds(Frame, _NAMES, st.integers(0, 2**63), _TIMES, st.just(np.zeros((1, 1, 3), np.uint8))),
    st.dictionaries(_NAMES, _classifications() | _DETECTIONS, max_size=3),
    st.lists(_EVENTS, max_size=3).map(tuple),
    st.floats(0, 1e6),
)


@settings(deadline=None, max_examples=100)
@given(_SIGHTS)
def test_a_line_is_what_predict_prints_with_what_only_streams_have(seen):
    line = json_line(sight_values(seen))
    assert b"\n" not in line
    values = json.loads(line)
    assert set(values) == {
        *("frame", "predictions"),
        *("source", "time", "number", "latency_ms", "events"),
    }
    name = f"{seen.frame.stream}#{seen.frame.number}"
    printed = json.loads(json_line(frame_values(name, seen.answers)))
    assert {key: values[key] for key in printed} == printed
    assert values["number"] == seen.frame.number
    assert math.isclose(values["latency_ms"], seen.latency * 1000, abs_tol=0.001)
    moment = datetime.fromisoformat(values["time"])
    assert moment.utcoffset().total_seconds() == 0
    assert abs(moment.timestamp() - seen.frame.at) <= 0.002
    assert len(values["events"]) == len(seen.events)


def test_an_event_says_all_it_knows():
    assert event_values(event()) == {
        "source": "yard",
        "time": "2025-11-23T01:12:48.250Z",
        "number": 7,
        "model": "pets",
        "label": "cat",
        "state": "begin",
        "probability": 0.75,
    }


def test_a_sight_in_full():
    values = sight_values(sight(0, event(), pets=classified(), boxes=detected()))
    assert values["frame"] == "yard#0"
    assert values["source"] == "yard"
    assert values["latency_ms"] == 12.5
    assert values["predictions"]["pets"]["label"] == "cat"
    assert values["predictions"]["boxes"]["boxes"][0]["label"] == "dog"


@pytest.mark.parametrize("at", [math.nan, math.inf, 1e30])
def test_a_moment_that_no_calendar_has_is_empty(at):
    assert iso_time(at) == ""
    assert iso_time(AT) == "2025-11-23T01:12:48.250Z"

# SPDX-License-Identifier: Apache-2.0
"""Which text opens which sink."""

from __future__ import annotations

import sys

import pytest

from trunkline.errors import MissingExtraError, TrunklineError
from trunkline.streams.sinks import KINDS, open_sink


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("jsonl", "JsonLinesOutput", "standard output"),
        ("jsonl:{tmp}/a.jsonl", "JsonLinesFile", "{tmp}/a.jsonl"),
        ("video:{tmp}/a.mp4", "Video", "{tmp}/a.mp4"),
        ("command:true --token=secret {{label}}", "Command", "command true"),
        ("http://ada:secret@localhost:9/secret?k=secret", "Webhook", "http://localhost:9"),
        ("https://localhost/secret", "Webhook", "https://localhost:443"),
        ("webhook:http://localhost/secret", "Webhook", "http://localhost:80"),
        ("mqtt://ada:secret@127.0.0.1:9/home/eyes", "Mqtt", "mqtt://127.0.0.1:9/home/eyes"),
        ("mqtt://127.0.0.1:9", "Mqtt", "mqtt://127.0.0.1:9/trunkline"),
    ],
)
def test_a_text_opens_a_sink_that_names_itself_without_secrets(text, kind, name, tmp_path):
    sink = open_sink(text.format(tmp=tmp_path))
    sink.close(30)
    assert type(sink).__name__ == kind
    assert sink.name == name.format(tmp=tmp_path)
    assert "secret" not in repr(sink) + sink.problem
    assert sink.dropped == 0


@pytest.mark.parametrize("text", ["", "json", "jsonl:", "video:", "mqt://u:secret@host", "mqtt:"])
def test_an_unknown_sink_is_told_what_there_is(text):
    with pytest.raises(TrunklineError) as caught:
        open_sink(text)
    assert all(kind in str(caught.value) for kind in KINDS)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["mqtt://u:secret@h:x/", "mqtt://h/a+b", "mqtt:x", "webhook:ftp://secret", "https:secret"],
)
def test_an_address_that_is_none_is_not_quoted(text):
    with pytest.raises(TrunklineError, match="address cannot be read") as caught:
        open_sink(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "package"), [("mqtt://host", "paho.mqtt.client"), ("video:a.mp4", "av")]
)
def test_a_sink_without_its_package_says_how_to_get_it(text, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"trunkline\[watch\]"):
        open_sink(text)

# SPDX-License-Identifier: Apache-2.0
"""A folder for a container. There is no Docker here: what its Dockerfile runs is run without."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx

import builders
import trunkline
from server.living import Process
from trunkline.exports.reading import read_one
from trunkline.writers.package import write_export

if TYPE_CHECKING:
    from pathlib import Path


def test_its_command_serves_the_model(tmp_path: Path) -> None:
    model = read_one(builders.openvino_classifier(tmp_path / "one", side=20), "one")
    context = write_export(model, tmp_path / "models" / "model", "DockerFile", "linux")
    text = (context / "Dockerfile").read_text("utf-8")
    copied = re.search(r"^COPY \. (.+)$", text, re.MULTILINE)
    keys = re.search(r"^ENV TRUNKLINE_KEYS_FILE=(.+)$", text, re.MULTILINE)
    command = json.loads(text.rpartition("\nCMD ")[2])
    assert copied
    assert keys
    assert copied[1] == "/models/model"
    assert command[:3] == ["trunkline", "serve", "/models"]
    assert command[command.index("--port") + 1] == "80"
    assert f'"trunkline[serve]=={trunkline.__version__}"' in text

    home = tmp_path / "home"
    home.mkdir()
    environment = {"TRUNKLINE_KEYS_FILE": str(home / "keys.toml")}
    arguments = command[3:]
    arguments[arguments.index("--port") + 1] = "0"
    models = context.parent
    # Open to others, so nothing is served without a key.
    with Process(home, models, *arguments, environment=environment) as closed:
        assert closed.ended() == 2
        assert "keys add" in closed.log
    add = [sys.executable, "-m", "trunkline", "keys", "add", "--scope", "predict"]
    made = subprocess.run(
        add, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    key = made.stdout.split()[-1]
    with Process(home, models, *arguments, environment=environment) as process:
        port = process.ready().rpartition(":")[2]
        address = f"http://127.0.0.1:{port}/image"
        picture = builders.png_bytes("red")
        answer = httpx.post(address, content=picture, headers={"Prediction-Key": key})
        assert answer.status_code == 200
        best = max(answer.json()["predictions"], key=lambda one: one["probability"])
        assert best["tagName"] == "red"
        assert httpx.post(address, content=picture).status_code == 401

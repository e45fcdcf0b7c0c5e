# SPDX-License-Identifier: Apache-2.0
"""What docs/serving.md says is so: it is run from top to bottom against the servers it starts."""

from __future__ import annotations

import configparser
import contextlib
import io
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click
import httpx
import pytest

from documents import ROOT, Command, blocks, commands_of, pieces, prepare, run_as_stated
from packages import from_npm
from server.living import Process
from trunkline.cli import main
from trunkline.server import faults
from trunkline.server.bodies import SlowBodyError
from trunkline.server.keyfile import make_key, write_keys
from trunkline.server.metrics import Metrics
from trunkline.server.openapi import document
from trunkline.server.settings import FetchSettings, ProjectSettings, Settings
from trunkline.server.settingsources import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

PAGE = ROOT / "docs" / "serving.md"
PROGRAMS = Path(sys.executable).parent
JAVASCRIPT = "@azure/cognitiveservices-customvision-prediction@5.1.2"
STATED, STATED_GRPC = "127.0.0.1:8000", "127.0.0.1:8001"


def section(title: str) -> str:
    """Return the text under a heading, up to the next of its rank."""
    return PAGE.read_text("utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """Return the cells of the tables in a section, without their heads."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    ruled = [number for number, row in enumerate(cells) if set("".join(row)) <= set("-: |")]
    heads = {*ruled, *(number - 1 for number in ruled)}
    return [row for number, row in enumerate(cells) if number not in heads]


# The page as a program


class Walk:
    """Goes through the page in a folder, with one server at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, object] = {}
        self.printed = io.StringIO()
        self.done: list[str] = []
        self._open = contextlib.ExitStack()
        self._process: Process | None = None
        self._stated: dict[str, str] = {}

    def start(self, line: str) -> None:
        """Start the server that a line starts, on free ports and in the place of the last one."""
        self.stop()
        arguments = shlex.split(line)[2:]
        free = {"TRUNKLINE_GRPC_PORT": "0"}
        self._process = Process(self.folder, *arguments, environment=free)
        self._open.enter_context(self._process)
        address = self._process.ready()
        grpc = re.search(r"gRPC on port (\d+)", self._process.said)
        assert grpc is not None
        self._stated = {
            STATED: address.removeprefix("http://"),
            STATED_GRPC: f"127.0.0.1:{grpc[1]}",
        }

    def stop(self) -> None:
        """Stop the server as systemd would; it must end well, and have said nothing odd."""
        if self._process is not None:
            self._process.terminate()
            assert self._process.ended() == 0
            assert "Traceback" not in self._process.log
            self._process = None
        self._open.close()

    def shell(self, block: str) -> None:
        """Start the server that a block starts; installing is not for a test."""
        for line in block.splitlines():
            if line.startswith("trunkline serve"):
                self.start(line)

    def console(self, block: str) -> None:
        """Run commands; what only reads may need a moment until the server has seen a change."""
        for command in commands_of(self._here(block)):
            self._run(command, 0 if " -X" in command.line else 20)

    def python(self, block: str) -> None:
        """Run a program, in the names of those before it."""
        with contextlib.redirect_stdout(self.printed):
            exec(compile(self._here(block), str(PAGE), "exec"), self.names)

    def skip(self, block: str) -> None:
        """Leave a block alone that other tests are for."""

    def go(self) -> None:
        """Go through the page."""
        ways = {"sh": self.shell, "console": self.console, "python": self.python}
        for language, block in pieces(PAGE):
            ways.get(language, self.skip)(block)
            self.done.append(language)
        self.stop()

    def _here(self, text: str) -> str:
        for stated, real in self._stated.items():
            text = text.replace(stated, real)
        return text

    def _run(self, command: Command, patience: float) -> None:
        end = time.monotonic() + patience
        while True:
            try:
                return run_as_stated(command, self.folder, PROGRAMS)
            except AssertionError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)


@pytest.fixture
def folder(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of a person who reads the page."""
    prepare(tmp_path, shared)
    shutil.move(tmp_path / "detector", tmp_path / "models" / "detector")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", "")
    return tmp_path


def test_the_page_is_so_from_top_to_bottom(folder: Path) -> None:
    walk = Walk(folder)
    with contextlib.ExitStack() as stack:
        stack.callback(walk.stop)
        walk.go()
    assert walk.done.count("console") > 10
    printed = walk.printed.getvalue()
    assert "Apple 1.00" in printed
    assert "fork 0.76 at 0.00" in printed
    assert "'Apple': " in printed
    assert "[[0. " in printed


# JavaScript


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which npm has put the service's client."""
    return from_npm(tmp_path_factory.mktemp("javascript"), JAVASCRIPT)


def test_the_programs_in_javascript_run(folder: Path, packages: Path) -> None:
    shutil.copyfile(folder / "photo.jpg", packages / "photo.jpg")
    said = []
    with Process(folder, "--grpc-port", "off", "models/") as process:
        address = process.ready().removeprefix("http://")
        for number, block in enumerate(blocks(PAGE, "js")):
            program = packages / f"program-{number}.cjs"
            program.write_text(block.replace(STATED, address), "utf-8")
            # Versions before 22 have the browsers' WebSocket behind this option.
            command = ["node", "--experimental-websocket", "--no-warnings", program]
            done = subprocess.run(
                command, cwd=packages, capture_output=True, text=True, check=False, timeout=60
            )
            assert done.returncode == 0, done.stderr
            said.append(done.stdout)
    sdk, socket = said
    assert sdk.startswith("Apple 1.00\n")
    assert re.findall(r'"frame": "(\d)"', socket) == ["0", "1", "2"]


# The tables


def _settings(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, object]]:
    plain = model().model_dump(mode="json")
    for name in model.model_fields:
        if name not in {"fetch", "projects"}:
            yield before + name, plain[name]


def test_the_table_of_settings_has_every_key_and_default() -> None:
    stated = {}
    for name, default, _ in rows("Settings"):
        stated[name.strip("`")] = (
            tomllib.loads(f"it = {default.strip('`')}")["it"] if default else None
        )
    real = {
        **dict(_settings(Settings)),
        **dict(_settings(FetchSettings, "fetch.")),
        **dict(_settings(ProjectSettings, "projects.NAME.")),
    }
    assert stated == real | {"watch_seconds": "off"}
    assert real["watch_seconds"] is None


def test_the_example_settings_are_read(tmp_path: Path) -> None:
    (block,) = blocks(PAGE, "toml")
    (tmp_path / "trunkline.toml").write_text(block, "utf-8")
    settings = read_settings({}, {}, tmp_path / "trunkline.toml").settings
    assert settings.models == ("models/", "meter=exports/meter.zip")
    assert settings.project("fruit-7").published_name == "Iteration1"
    for name, value in re.findall(r"`(TRUNKLINE_[\w-]+)=([^`]+)`", section("Settings")):
        sourced = read_settings({}, {name: value}, tmp_path / "trunkline.toml")
        assert name in sourced.origins.values()


def test_the_table_of_statuses_has_every_fault() -> None:
    stated = {int(status) for status, _ in rows("Limits")}
    kinds = [getattr(faults, name) for name in faults.__all__]
    assert stated == {kind.status for kind in (*kinds, SlowBodyError)} | {405}


def test_the_table_of_metrics_has_every_metric() -> None:
    stated = {(name.strip("`"), kind) for name, kind, _ in rows("Health, metrics, logs")}
    own = [each for each in Metrics().registry.collect() if each.name.startswith("trunkline_")]
    assert stated == {(each.name, each.type) for each in own}


def test_the_tables_of_paths_are_those_that_are_served() -> None:
    served = document()["paths"]
    own = re.findall(r"`(GET|POST|PUT|DELETE) (/[^`]*)`", section("Trunkline's own API"))
    native = {
        (method.upper(), path)
        for path, item in served.items()
        for method, each in item.items()
        if path.startswith(("/predict", "/models", "/docs", "/openapi.json"))
    }
    assert set(own) == native
    container = rows("From Custom Vision")[6:]
    named = {path for row in container for path in re.findall(r"`(/[^`]*)`", row[0])}
    assert named - {"/nostore"} <= set(served)
    assert {"/", "/image", "/url"} <= named


def test_the_paths_that_need_no_key_are_those_named(folder: Path) -> None:
    _, stored = make_key("tests", "predict")
    write_keys(folder / "keys.json", (stored,))
    line = next(line for line in section("Keys").splitlines() if line.startswith("* `/livez`"))
    named = set(re.findall(r"`(/[^`]*)`", line))
    paths = [
        (method, path.replace("{", "").replace("}", ""))
        for path, item in document()["paths"].items()
        for method in item
    ]
    with (
        Process(folder, "--grpc-port", "off", "--keys-file", "keys.json", "models/") as process,
        httpx.Client(base_url=process.ready(), timeout=30) as client,
    ):
        answers = {path: client.request(method, path) for method, path in paths}
    assert {path for path, answer in answers.items() if answer.status_code != 401} == named
    for path in named:
        assert answers[path].status_code == (307 if path == "/live" else 200)
        assert "fruit-7" not in answers[path].text


def test_the_table_of_tensors_is_what_models_say() -> None:
    from trunkline.server.oip_models import IMAGE, TENSOR

    cells = [row[0].strip("`") for row in rows("Open Inference Protocol")]
    assert cells[:3] == [IMAGE, IMAGE, TENSOR]
    assert set(cells[3:]) == {"probabilities", "boxes", "scores", "classes", "counts", "labels"}


# What is copied into other programs' files


def _commands() -> list[list[str]]:
    """Return what comes after ``trunkline`` where the page names a command that is not run."""
    shown = "".join(blocks(PAGE, "sh", "text", "ini"))
    told = re.findall(r"`([^`\n]*trunkline (?:serve|keys) [^`\n]+)`", PAGE.read_text("utf-8"))
    found = [
        re.search(r"trunkline ((?:serve|keys) .+)", line) for line in (*shown.splitlines(), *told)
    ]
    return [shlex.split(each[1]) for each in found if each]


def test_the_unit_for_systemd_starts_the_server() -> None:
    (block,) = blocks(PAGE, "ini")
    unit = configparser.ConfigParser()
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(block)
    service = unit["Service"]
    assert float(service["TimeoutStopSec"]) > Settings().drain_seconds
    program, *_ = shlex.split(service["ExecStart"])
    assert Path(program).name == "trunkline"


def test_the_container_starts_the_server() -> None:
    (block,) = blocks(PAGE, "dockerfile")
    named = dict(re.findall(r"(TRUNKLINE_\w+)=(\S+)", block))
    sourced = read_settings({}, named)
    assert set(sourced.origins.values()) == set(named)
    entry = re.search(r"^ENTRYPOINT (.+)$", block, re.MULTILINE)
    assert entry is not None
    assert entry[1] == '["trunkline", "serve"]'
    ports = re.search(r"^EXPOSE (\d+) (\d+)$", block, re.MULTILINE)
    assert ports is not None
    assert list(map(int, ports.groups())) == [Settings().port, Settings().grpc_port]


def test_every_command_that_the_page_names_is_understood() -> None:
    named = _commands()
    assert {tuple(words[:2]) for words in named if words[0] == "keys"} == {("keys", "add")}
    assert len(named) > 5
    for words in named:
        context = click.Context(main, **main.context_settings)
        while isinstance(context.command, click.Group):
            verb = words.pop(0)
            command = context.command.commands[verb]
            if not isinstance(command, click.Group):
                command.make_context(verb, words, parent=context)
                break
            context = click.Context(command, parent=context)

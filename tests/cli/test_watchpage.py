# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import urllib.request
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

import builders
import trunkline
from trunkline.cli.watchpage import Address, AddressType, LivePage, check_page
from trunkline.errors import MissingExtraError, TrunklineError
from trunkline.streams.rules import Camera
from trunkline.streams.watching import Watcher
from watchfakes import FakeSource, frame

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.option("--page", type=AddressType())
def command(page: Address | None) -> None:
    click.echo(repr(page and (page.host, page.port)))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("8080", ("127.0.0.1", 8080)),
        ("0", ("127.0.0.1", 0)),
        (":81", ("127.0.0.1", 81)),
        ("localhost:65535", ("localhost", 65535)),
        ("[::1]:8080", ("::1", 8080)),
    ],
)
def test_an_address_is_a_port_or_a_host_and_a_port(text: str, address: tuple[str, int]) -> None:
    assert CliRunner().invoke(command, ["--page", text]).output.strip() == repr(address)


def test_none_is_no_address() -> None:
    assert CliRunner().invoke(command, []).output.strip() == "None"
    address = Address("::1", 1)
    assert AddressType().convert(address, None, None) is address


@pytest.mark.parametrize("text", ["", "x", "localhost", "localhost:", "65536", "1.5", "-1", "²"])
def test_anything_else_is_refused(text: str) -> None:
    done = CliRunner().invoke(command, ["--page", text])
    assert done.exit_code == 2
    assert "names no port" in done.output


def test_without_nicegui_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=re.escape("'trunkline[page]'")):
        check_page()


def test_the_page_is_there_as_long_as_the_context(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_page()
    models = trunkline.load(builders.openvino_classifier(tmp_path / "colours"))
    page = LivePage(Address("127.0.0.1", 0))
    watcher = Watcher(models, [Camera(FakeSource([frame()]))], sinks=page.sinks)
    with page.shown(watcher, models):
        (url,) = re.findall(r"http://127.0.0.1:\d+/", capsys.readouterr().err)
        with urllib.request.urlopen(url, timeout=60) as answer:
            assert b"<html" in answer.read()[:1000].lower()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=60)
    watcher.close()


def test_it_is_for_this_machine_alone(tmp_path: Path) -> None:
    models = trunkline.load(builders.openvino_classifier(tmp_path / "colours"))
    page = LivePage(Address("0.0.0.0", 0))
    watcher = Watcher(models, [Camera(FakeSource([frame()]))], sinks=page.sinks)
    with pytest.raises(TrunklineError, match="other machines"), page.shown(watcher, models):
        pass
    watcher.close()

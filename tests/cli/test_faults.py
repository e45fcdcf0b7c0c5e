# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import errno
import importlib
import io
import sys

import click
import pytest
from click.testing import CliRunner, Result

from trunkline.cli import main
from trunkline.cli.faults import PoliteGroup, complain
from trunkline.errors import MissingExtraError


def raising(error: BaseException) -> Result:
    """Run a command that raises."""

    @click.group(cls=PoliteGroup)
    def group() -> None: ...

    @group.command()
    def fail() -> None:
        raise error

    return CliRunner().invoke(group, ["fail"])


def test_an_error_of_ours_is_its_sentence() -> None:
    result = raising(MissingExtraError("trunkline serve", package="x", extra="serve"))
    assert result.exit_code == 2
    assert result.stderr.startswith("trunkline: trunkline serve needs the package x")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("debug", ["", "1"])
def test_any_other_error_asks_to_be_reported(debug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUNKLINE_DEBUG", debug)
    result = raising(ValueError("an odd\nvalue"))
    assert result.exit_code == 2
    assert "(ValueError: an odd value)" in result.stderr
    assert "report" in result.stderr
    assert ("Traceback" in result.stderr) is bool(debug)
    assert result.stdout == ""


def test_a_full_disk_is_not_our_fault() -> None:
    result = raising(OSError(errno.ENOSPC, "No space left on device"))
    assert result.exit_code == 2
    assert "No space left on device" in result.stderr
    assert "fault in Trunkline" not in result.stderr


def test_ctrl_c_is_quiet() -> None:
    result = raising(KeyboardInterrupt())
    assert result.exit_code == 130
    assert result.output == ""


def test_a_closed_pipe_is_quiet() -> None:
    result = raising(BrokenPipeError(errno.EPIPE, "Broken pipe"))
    assert result.exit_code == 1
    assert result.output == ""


def test_an_exit_status_is_kept() -> None:
    assert raising(click.exceptions.Exit(7)).exit_code == 7


def test_a_usage_error_is_clicks() -> None:
    result = raising(click.UsageError("wrong"))
    assert result.exit_code == 2
    assert "Error: wrong" in result.stderr


def test_an_encoding_without_the_letters_does_not_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.group(cls=PoliteGroup)
    def group() -> None: ...

    @group.command()
    def speak() -> None:
        complain("猫.jpg")

    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stderr", stream)
    group(["speak"], standalone_mode=False)
    stream.flush()
    assert stream.buffer.getvalue() == b"trunkline: \\u732b.jpg\n"  # type: ignore[attr-defined]


def test_a_stream_that_is_no_file_will_do() -> None:
    @click.group(cls=PoliteGroup)
    def group() -> None: ...

    @group.command()
    def speak() -> None:
        click.echo("猫")

    with contextlib.redirect_stdout(io.StringIO()) as stream:
        group(["speak"], standalone_mode=False)
    assert stream.getvalue() == "猫\n"


@pytest.mark.parametrize("arguments", [["perdict"], ["--verson"]])
def test_what_is_unknown_is_told_by_click(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert arguments[0] in result.stderr
    assert "Usage: " in result.stderr


def test_importing_the_module_that_runs_it_runs_nothing() -> None:
    module = importlib.import_module("trunkline.__main__")
    assert module.main is main


def test_version_and_help() -> None:
    import trunkline

    assert CliRunner().invoke(main, ["--version"]).stdout == f"trunkline {trunkline.__version__}\n"
    for arguments in (["-h"], ["predict", "--help"], ["inspect", "-h"]):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0
        assert result.stdout.startswith("Usage: ")

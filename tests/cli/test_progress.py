# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import io

import pytest

from trunkline.cli.progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return what standard error can be redirected to."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


def run(stream: io.StringIO, total: int, *, quiet: bool = False) -> list[str]:
    """Return what stood on standard error whenever an answer could be printed."""
    seen = []
    # Here and not in the fixture: pytest puts its own standard error back before a test.
    with contextlib.redirect_stderr(stream), progress_bar(total, quiet=quiet) as bar:
        for _ in range(total):
            with bar.step():
                seen.append(stream.getvalue())
    return seen


def test_a_terminal_sees_how_far_it_is(terminal: Terminal) -> None:
    run(terminal, 6)
    assert "0/6" in terminal.getvalue()
    assert "6/6" in terminal.getvalue()


def test_the_bar_is_gone_while_answers_are_printed(terminal: Terminal) -> None:
    # Erased: the cursor is back at the start of an empty line.
    erase = "\r\x1b[1A\x1b[2K"
    assert all(text.endswith(erase) for text in run(terminal, 6))
    assert terminal.getvalue().endswith(erase)


def test_it_can_be_told_how_far_it_is(terminal: Terminal) -> None:
    with contextlib.redirect_stderr(terminal), progress_bar(7, quiet=False) as bar:
        bar.move_to(3, 7)
        assert "3/7" in terminal.getvalue()
        bar.move_to(9, 9)
    assert "9/9" in terminal.getvalue()


def test_a_quiet_bar_can_be_told_too(terminal: Terminal) -> None:
    with contextlib.redirect_stderr(terminal), progress_bar(7, quiet=True) as bar:
        bar.move_to(3, 7)
    assert terminal.getvalue() == ""


def test_the_cursor_comes_back(terminal: Terminal) -> None:
    run(terminal, 6)
    text = terminal.getvalue()
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


@pytest.mark.parametrize(("total", "quiet"), [(5, False), (6, True)])
def test_few_pictures_or_quiet_show_nothing(terminal: Terminal, total: int, quiet: bool) -> None:
    run(terminal, total, quiet=quiet)
    assert terminal.getvalue() == ""


def test_a_pipe_gets_nothing() -> None:
    assert run(io.StringIO(), 6) == [""] * 6

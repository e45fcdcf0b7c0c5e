# SPDX-License-Identifier: Apache-2.0
"""What the command line does when something fails: one sentence, and an exit status."""

from __future__ import annotations

import io
import os
import sys
import traceback
from typing import Any

import click

from trunkline.cli.words import one_line
from trunkline.errors import TrunklineError

__all__ = ["EXIT_FAILED", "EXIT_INTERRUPTED", "PoliteGroup", "complain"]

EXIT_FAILED = 2
"""Not everything that was asked for was done. Click exits with the same for wrong options."""
EXIT_INTERRUPTED = 130
"""Ctrl-C: 128 and the signal's number, as a shell reports it."""


def complain(problem: object) -> None:
    """Print one line on standard error, in the way of Unix tools.

    Args:
        problem: A sentence, or an exception whose text is one.
    """
    click.echo(f"trunkline: {one_line(str(problem))}", err=True)


class PoliteGroup(click.Group):
    """A group of commands none of which ends in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - the signature is click's
        """Run a command, and turn whatever it raises into a sentence and an exit status."""
        _print_anything()
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click's own business: its usual messages, and a quiet end of a closed pipe
        except KeyboardInterrupt:
            ctx.exit(EXIT_INTERRUPTED)
        except TrunklineError as error:
            complain(error)
        except OSError as error:
            complain(f"The system refused to go on: {error}.")  # a full disk, for one
        except Exception as error:
            _report(error)
        return ctx.exit(EXIT_FAILED)


def _print_anything() -> None:
    """Let names that the terminal's encoding lacks be printed as escapes, not raise."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _report(error: Exception) -> None:
    if os.environ.get("TRUNKLINE_DEBUG"):
        traceback.print_exception(error)
    kind = type(error).__name__
    complain(
        f"This is a fault in Trunkline, not in what you gave it ({kind}: {error}). Please report "
        "it, with what TRUNKLINE_DEBUG=1 in the environment makes this command print."
    )

# SPDX-License-Identifier: Apache-2.0
"""Sentences that come and go on the page, and questions that must be answered."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from nicegui import ui

from trunkline.errors import TrunklineError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trunkline.page.access import Guest

__all__ = ["attempt", "confirmed", "may", "quiet_button", "say_done", "say_problem"]

T = TypeVar("T")

_log = logging.getLogger("trunkline")

_PROBLEM_MILLISECONDS = 15_000


def say_done(sentence: str) -> None:
    """Say what was done."""
    ui.notify(sentence, type="positive", multi_line=True, position="bottom")


def say_problem(sentence: str) -> None:
    """Say what was wrong, long enough to be read, or until it is closed."""
    ui.notify(
        sentence,
        type="negative",
        multi_line=True,
        position="bottom",
        actions=[{"label": "Close", "color": "white", "noCaps": True}],
        timeout=_PROBLEM_MILLISECONDS,
    )


async def attempt(work: Awaitable[T]) -> T | None:
    """Return what comes of some work; None, and the problem is said, where nothing does."""
    try:
        return await work
    except TrunklineError as error:
        say_problem(str(error))
    except Exception:
        _log.exception("Something on the live page failed.")
        say_problem("Something failed that should not; the log says what.")
    return None


def may(guest: Guest, scope: str) -> bool:
    """Return whether a visitor may still do something, and say so where not."""
    now = guest.scope
    if now is None:
        say_problem("You are signed out; load the page again.")
    elif scope == "manage" and now != "manage":
        say_problem("Your key is for predictions only; models are changed with one for manage.")
        return False
    return now is not None


def quiet_button(text: str, press: Callable[[], object]) -> None:
    """Add a button that stands back beside the one that goes ahead."""
    ui.button(text, color=None, on_click=press).props("flat no-caps").classes("tl-quiet")


async def confirmed(question: str, yes: str) -> bool:
    """Ask something that cannot be undone, and return whether the answer is yes.

    Args:
        question: A sentence or two.
        yes: What the button that goes ahead says.
    """
    with ui.dialog() as dialog, ui.card().classes("tl-dialog"):
        ui.label(question)
        with ui.row().classes("tl-buttons"):
            quiet_button("Keep it", lambda: dialog.submit(""))
            ui.button(yes, on_click=lambda: dialog.submit(yes)).props("no-caps color=negative")
    answer = await dialog
    if not dialog.is_deleted:  # it goes with the visitor
        dialog.delete()
    return bool(answer == yes)

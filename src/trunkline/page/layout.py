# SPDX-License-Identifier: Apache-2.0
"""The page put together, and kept up to date while somebody looks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from nicegui import ui

from trunkline.page.cameras import Cameras
from trunkline.page.drop import Drop, Results
from trunkline.page.events import Events
from trunkline.page.models import Models
from trunkline.page.signin import SIGN_OUT
from trunkline.page.words import shown

if TYPE_CHECKING:
    from trunkline.page.access import Guest
    from trunkline.page.pictures import Dropped
    from trunkline.page.view import View

__all__ = ["build"]

_EVERY_SECONDS = 1.0
_HEAD = '<link rel="stylesheet" href="page.css"><script defer src="page.js"></script>'


def build(view: View, guest: Guest, dropped: Dropped) -> None:
    """Build the page for one visitor.

    Args:
        view: What stands behind it.
        guest: Who looks.
        dropped: Where dropped pictures are held.
    """
    ui.page_title(shown(view.title))
    ui.colors(primary="#0f766e", negative="#b3261e", positive="#1b7f4b")
    ui.add_head_html(_HEAD)
    ui.html(_header(view.title, leaving=guest.signed_in), sanitize=False, tag="header").classes(
        "tl-top"
    )
    with ui.element("main").classes("tl-main"):
        with ui.element("div").classes("tl-column"):
            results = Results(dropped)
            cameras = Cameras()
            models = Models(view, guest)
        with ui.element("div").classes("tl-column"):
            Drop(view, guest, results, lambda: models.show(view.models()))
            events = Events(view)

    def refresh() -> None:
        if guest.scope is None:
            ui.navigate.reload()  # signed out elsewhere, or too long ago
            return
        cameras.show(view.cameras())
        models.show(view.models())
        events.show()

    refresh()
    ui.timer(_EVERY_SECONDS, refresh, immediate=False)


def _header(title: str, *, leaving: bool) -> str:
    leave = (
        f'<form method="post" action="{SIGN_OUT}"><button type="submit">Sign out</button></form>'
        if leaving
        else ""
    )
    return f'<h1><span class="tl-mark" aria-hidden="true"></span>{escape(shown(title))}</h1>{leave}'

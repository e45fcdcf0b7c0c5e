# SPDX-License-Identifier: Apache-2.0
"""Events on the page, the newest first."""

from __future__ import annotations

from collections import deque
from html import escape
from typing import TYPE_CHECKING

from nicegui import ui

from trunkline.page.overlay import colour
from trunkline.page.words import clock, percent, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trunkline.page.view import EventView, View

__all__ = ["Events", "events_html"]

_MOST = 100


class Events:
    """The section of events; to be made where it shall be.

    Args:
        view: Where they come from.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._kept: deque[EventView] = deque(maxlen=_MOST)
        with ui.element("section").classes("tl-events tl-card").props('aria-label="Events"'):
            ui.label("Events").classes("tl-title").props('role="heading" aria-level="2"')
            self._empty = ui.label(
                "None yet. An event is a label that comes or goes on a camera."
            ).classes("tl-empty")
            self._list = ui.html("", sanitize=False)

    def show(self) -> None:
        """Show those that have come."""
        last = self._kept[-1].serial if self._kept else -1
        new = self._view.events(last)
        if new:
            self._kept.extend(new)
            self._list.content = events_html(reversed(self._kept))
            self._empty.set_visibility(False)


def events_html(events: Iterable[EventView]) -> str:
    """Return a list of events, in the order given."""
    return f'<ol class="tl-log">{"".join(_event(each) for each in events)}</ol>'


def _event(event: EventView) -> str:
    begins = event.state == "begin"
    label = escape(shown(event.label))
    what = f"<b>{label}</b> {percent(event.probability)}" if begins else f"<b>{label}</b> gone"
    return (
        f'<li class="{"tl-begin" if begins else "tl-end"}" style="--model:{colour(event.model)}">'
        f"<time>{clock(event.at)}</time><span>{what}</span>"
        f"<small>{escape(shown(event.camera))} · {escape(shown(event.model))}</small></li>"
    )

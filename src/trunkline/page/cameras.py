# SPDX-License-Identifier: Apache-2.0
"""The cameras on the page: a card each, its picture fetched by the browser itself."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from nicegui import ui

from trunkline.page.routes import camera_address
from trunkline.page.words import counted, dropped_words, duration, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trunkline.page.view import CameraView

__all__ = ["Cameras", "camera_html"]

_STATES = {
    "waiting": "waiting",
    "running": "live",
    "stalled": "stalled",
    "ended": "ended",
    "failed": "failed",
}


class Cameras:
    """The section of cameras; to be made where it shall be."""

    def __init__(self) -> None:
        self._cards: dict[str, _Card] = {}
        with ui.element("section").classes("tl-cameras").props('aria-label="Cameras"'):
            self._empty = ui.html(
                "<p><b>No camera yet.</b> Start one with <code>trunkline watch 0 -m models/ --page"
                "</code>, where 0 is a webcam; an RTSP address, a video and a folder will do too."
                "</p>",
                sanitize=False,
            ).classes("tl-empty")
            self._grid = ui.element("div").classes("tl-grid")

    def show(self, cameras: Sequence[CameraView]) -> None:
        """Show cameras as they are now."""
        names = {each.name for each in cameras}
        for gone in set(self._cards) - names:
            self._cards.pop(gone).delete()
        for camera in cameras:
            if camera.name not in self._cards:
                with self._grid:
                    self._cards[camera.name] = _Card(camera.name)
            self._cards[camera.name].show(camera)
        self._empty.set_visibility(not cameras)
        self._grid.set_visibility(bool(cameras))


class _Card:
    """One camera."""

    def __init__(self, name: str) -> None:
        self._box = ui.element("article").classes("tl-card tl-camera-card")
        with self._box:
            with ui.element("header").classes("tl-head"):
                ui.label(shown(name)).classes("tl-name").props('role="heading" aria-level="3"')
                self._state = ui.label().classes("tl-state")
            self._figures = ui.label().classes("tl-figures")
            ui.html(camera_html(name), sanitize=False)
            self._dropped = ui.label().classes("tl-figures tl-warn")
            self._problem = ui.label().classes("tl-problem").props('role="status"')

    def show(self, camera: CameraView) -> None:
        """Show the camera as it is now."""
        self._state.text = _STATES.get(camera.state, shown(camera.state))
        self._state.classes(replace=f"tl-state tl-{_STATES.get(camera.state, 'waiting')}")
        self._figures.text = _figures(camera)
        for label, text in (
            (self._dropped, dropped_words(camera.dropped)),
            (self._problem, shown(camera.problem)),
        ):
            label.text = text
            label.set_visibility(bool(text))

    def delete(self) -> None:
        """Take the card off the page."""
        self._box.delete()


def camera_html(name: str) -> str:
    """Return the HTML in which the page's script shows a camera's picture.

    Args:
        name: The camera's name.
    """
    return (
        f'<div class="tl-camera" data-camera="{escape(camera_address(name))}" '
        f'data-name="{escape(shown(name))}"><div class="tl-frame">'
        '<p class="tl-wait">Waiting for the first picture</p>'
        '<div class="tl-overlay" aria-hidden="true"></div></div>'
        '<details><summary>What every model says</summary><div class="tl-said"></div></details>'
        "</div>"
    )


def _figures(camera: CameraView) -> str:
    if not camera.frames:
        return "no frame yet"
    parts = f"{camera.fps:.1f} fps", f"{duration(camera.latency)} latency"
    return " · ".join((*parts, counted(camera.frames, "frame")))

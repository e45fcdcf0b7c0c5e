# SPDX-License-Identifier: Apache-2.0
"""Where pictures and models are dropped, and what comes of them."""

from __future__ import annotations

import asyncio
from html import escape
from pathlib import PurePath
from typing import TYPE_CHECKING

from nicegui import ui

from trunkline.errors import PictureError
from trunkline.page.gate import MOST_BYTES, TOO_LARGE
from trunkline.page.overlay import answers_html, boxes_html
from trunkline.page.pictures import small_jpeg
from trunkline.page.speaking import attempt, may, quiet_button, say_done, say_problem
from trunkline.page.words import counted, model_name, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nicegui.elements.upload_files import FileUpload
    from nicegui.events import UploadEventArguments

    from trunkline.page.access import Guest
    from trunkline.page.pictures import Dropped
    from trunkline.page.view import View
    from trunkline.predictions import Prediction

__all__ = ["Drop", "Results", "is_model", "result_html"]

_MODELS = {".mlmodel", ".onnx", ".pb", ".tflite", ".zip"}
_MOST_RESULTS = 4


class Results:
    """The section of dropped pictures, the newest first; to be made where it shall be.

    Args:
        dropped: Where the pictures are held for the browser.
    """

    def __init__(self, dropped: Dropped) -> None:
        self._dropped = dropped
        self._cards: list[tuple[str, ui.element]] = []
        self._box = (
            ui.element("section")
            .classes("tl-results")
            .props('aria-label="Your pictures" aria-live="polite"')
        )
        ui.context.client.on_delete(self._let_go)

    def add(
        self, name: str, picture: tuple[bytes, int, int], answers: Mapping[str, Prediction]
    ) -> None:
        """Show a picture and what every model says about it.

        Args:
            name: The picture's file.
            picture: A JPEG, its width and its height.
            answers: By model name.
        """
        jpeg, width, height = picture
        token = self._dropped.put(jpeg)
        with self._box:
            card = ui.element("article").classes("tl-card tl-result")
        card.move(target_index=0)
        with card:
            with ui.element("header").classes("tl-head"):
                ui.label(shown(name)).classes("tl-name").props('role="heading" aria-level="3"')
                ui.label(counted(len(answers), "answer")).classes("tl-count")
                ui.button(icon="close", color=None, on_click=lambda: self._close(token)).props(
                    'flat round aria-label="Close this picture"'
                ).classes("tl-remove")
            ui.html(result_html(name, token, (width, height), answers), sanitize=False)
        self._cards.append((token, card))
        for old, _ in self._cards[:-_MOST_RESULTS]:
            self._close(old)
        card.run_method("scrollIntoView", {"block": "nearest", "behavior": "smooth"})

    def _close(self, token: str) -> None:
        self._dropped.discard(token)
        for held, card in list(self._cards):
            if held == token:
                self._cards.remove((held, card))
                card.delete()

    def _let_go(self) -> None:
        for token, _ in self._cards:
            self._dropped.discard(token)


class Drop:
    """The place to drop files; to be made where it shall be.

    Args:
        view: What stands behind the page.
        guest: Who looks.
        results: Where pictures are shown.
        added: Called when there is a new model.
    """

    def __init__(
        self, view: View, guest: Guest, results: Results, added: Callable[[], None]
    ) -> None:
        self._view, self._guest = view, guest
        self._results, self._added = results, added
        manages = view.may_manage and guest.scope == "manage"
        with ui.element("section").classes("tl-try").props('aria-label="Try a picture"'):
            uploader = (
                ui.upload(
                    multiple=True,
                    auto_upload=True,
                    max_file_size=MOST_BYTES,
                    on_upload=self._take,
                    on_rejected=lambda: say_problem(TOO_LARGE),
                )
                .classes("tl-uploader")
                .on("failed", lambda: say_problem(f"The file could not be sent. {TOO_LARGE}"), [])
            )
            ui.html(_drop_html(uploader.id, manages=manages), sanitize=False)
            self._busy = ui.label().classes("tl-busy").props('role="status"')

    async def _take(self, sent: UploadEventArguments) -> None:
        file = sent.file
        if file.size() > MOST_BYTES:
            say_problem(TOO_LARGE)
        elif not may(self._guest, "predict"):
            return
        elif is_model(file.name):
            await self._add(file)
        else:
            await self._look(file)

    async def _look(self, file: FileUpload) -> None:
        self._busy.text = f"Looking at {shown(file.name)} …"
        try:
            data = await file.read()
            answers = await attempt(self._answers(file.name, data))
            if answers is None:
                return
            picture = await attempt(asyncio.to_thread(small_jpeg, data))
        finally:
            self._busy.text = ""
        if not answers:
            say_problem("No model has looked at it: there is none yet.")
        elif picture is not None:
            self._results.add(file.name, picture, answers)

    async def _answers(self, file: str, data: bytes) -> Mapping[str, Prediction]:
        try:
            return await self._view.predict(data)
        except PictureError as error:
            raise PictureError(shown(file), error.problem) from error

    async def _add(self, file: FileUpload) -> None:
        if not self._view.may_manage:
            say_problem("Models cannot be added here; restart with the model in its folder.")
            return
        if not may(self._guest, "manage"):
            return
        name = await _asked_name(file.name)
        if not name or not may(self._guest, "manage"):
            return
        self._busy.text = f"Loading {shown(name)} …"
        try:
            said = await attempt(self._view.add(name, await file.read()))
        finally:
            self._busy.text = ""
        if said is not None:
            say_done(said)
            self._added()


def is_model(file: str) -> bool:
    """Return whether a file is taken for a model, by its name; else it is a picture."""
    return PurePath(file).suffix.lower() in _MODELS


def result_html(
    name: str, token: str, size: tuple[int, int], answers: Mapping[str, Prediction]
) -> str:
    """Return a dropped picture with boxes, and every model's answer.

    Args:
        name: The picture's file.
        token: The word that the picture is found by.
        size: Its width and height in pixels.
        answers: By model name.
    """
    width, height = size
    return (
        f'<div class="tl-pair"><div class="tl-frame" style="--ratio:{width / height:.4f}">'
        f'<img src="dropped/{token}.jpg" alt="{escape(shown(name))}">'
        f'<div class="tl-overlay" aria-hidden="true">{boxes_html(answers)}</div></div>'
        f"{answers_html(answers)}</div>"
    )


async def _asked_name(file: str) -> str:
    """Ask what a model is to be called, and return nothing where it is not to be loaded."""
    with ui.dialog() as dialog, ui.card().classes("tl-dialog"):
        ui.label(f"Load {shown(file)} as a model?").classes("tl-name")
        field = (
            ui.input("Name", value=model_name(file)).props("outlined autofocus").classes("tl-wide")
        )
        field.on("keydown.enter", lambda: dialog.submit(field.value))
        with ui.row().classes("tl-buttons"):
            quiet_button("Cancel", lambda: dialog.submit(""))
            ui.button("Load", on_click=lambda: dialog.submit(field.value)).props("no-caps")
    name = await dialog
    if not dialog.is_deleted:  # it goes with the visitor
        dialog.delete()
    return str(name or "").strip()


def _drop_html(uploader: int, *, manages: bool) -> str:
    also = ", or a model's zip" if manages else ""
    kinds = ",".join(["image/*", *(sorted(_MODELS) if manages else ())])
    return (
        f'<label class="tl-drop" data-uploader="{uploader}">'
        f'<input type="file" multiple accept="{kinds}">'
        '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 16V4M7 9l5-5 5 5M4 16v4h16v-4"/>'
        f"</svg><b>Drop a picture{also}</b><span>or choose a file</span></label>"
    )

# SPDX-License-Identifier: Apache-2.0
"""A real browser without a window: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import base64
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from playwright.sync_api import sync_playwright

from packages import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

__all__ = ["Window", "browser"]

_PATIENCE = 60_000.0  # milliseconds: for a machine that is loaded tenfold

_MAKE_FILE = """([name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, { type }));
  return carried;
}"""


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium, and end it; where there is none the test is skipped, or fails in CI."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program("chromium", "which shows the page"),
            # A container's root may run it, and its shared memory may be small.
            args=["--no-sandbox", "--disable-dev-shm-usage"],
        )
        try:
            yield started
        finally:
            started.close()


class Window:
    """A window with a page, and a record of what the page did.

    Args:
        started: The browser.
        width: Of the window, in pixels.
        height: Of the window, in pixels.
        dark: Whether the person prefers the dark.
        phone: Whether it is a phone's: touched, and with two dots per pixel.
    """

    def __init__(
        self,
        started: Browser,
        *,
        width: int = 1360,
        height: int = 900,
        dark: bool = False,
        phone: bool = False,
    ) -> None:
        self._context = started.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            device_scale_factor=2 if phone else 1,
            has_touch=phone,
            is_mobile=phone,
        )
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(_PATIENCE)
        self.requests: list[str] = []
        self.problems: list[str] = []
        self._context.on("request", self._note)
        self.page.on("websocket", lambda each: self.requests.append(each.url))
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    def open(self, url: str) -> None:
        """Go to a page."""
        self.page.goto(url)

    def wait_for(self, text: str) -> None:
        """Wait until a text is seen somewhere."""
        self.page.get_by_text(text).first.wait_for()

    def wait_gone(self, text: str) -> None:
        """Wait until a text is seen nowhere."""
        self.page.wait_for_function("(text) => !document.body.innerText.includes(text)", arg=text)

    def drop(self, selector: str, name: str, data: bytes, kind: str = "image/png") -> None:
        """Drop a file onto an element, as a person does with the mouse.

        Args:
            selector: The element, as CSS has it.
            name: The file's.
            data: What is in it.
            kind: Its media type.
        """
        encoded = base64.b64encode(data).decode()
        carried = self.page.evaluate_handle(_MAKE_FILE, [name, kind, encoded])
        for event in ("dragenter", "dragover", "drop"):
            self.page.dispatch_event(selector, event, {"dataTransfer": carried})

    def screenshot(self, path: Path | str, *, whole: bool = True) -> bytes:
        """Write what is seen into a PNG; the whole page, or only the window."""
        return self.page.screenshot(path=path, full_page=whole)

    def outside(self, url: str) -> list[str]:
        """Return the requests that went elsewhere than to the server of a page."""
        host = url.split("/")[2]
        return [
            each
            for each in self.requests
            if not each.startswith(("data:", "blob:")) and each.split("/")[2] != host
        ]

    def evaluate(self, script: str) -> Any:
        """Return what a script comes to in the page."""
        return self.page.evaluate(script)

    def _note(self, request: Request) -> None:
        self.requests.append(request.url)

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.type}: {message.text}")

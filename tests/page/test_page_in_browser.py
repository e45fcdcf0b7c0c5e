# SPDX-License-Identifier: Apache-2.0
"""The live page in a real browser: what a person sees, drops, adds and removes."""

from __future__ import annotations

import io
import os
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser import Window, browser
from pageserving import needs_key, serving
from pageview import MadeUpView, model, png, scene
from trunkline.page.app import make_page
from trunkline.page.standing import PageServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screenshots are written; TRUNKLINE_SCREENSHOTS keeps them."""
    return Path(os.environ.get("TRUNKLINE_SCREENSHOTS", tmp_path))


@pytest.fixture
def view() -> MadeUpView:
    return MadeUpView()


@pytest.fixture
def url(view: MadeUpView) -> Iterator[str]:
    server = PageServer(view, port=0)
    server.start()
    yield server.url
    server.close()


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model.txt", "a model, for those who believe it")
    return file.getvalue()


def _source_of_first_picture(window: Window) -> str:
    return str(window.page.locator(".tl-camera img").first.get_attribute("src"))


def test_pictures_move_with_boxes_and_bars_and_nothing_comes_from_outside(
    chromium: Browser, view: MadeUpView, url: str, pictures: Path
) -> None:
    with Window(chromium) as window:
        window.open(url)
        window.page.locator(".tl-camera img").nth(1).wait_for()
        before = _source_of_first_picture(window)
        window.page.wait_for_function(
            "(before) => document.querySelector('.tl-camera img').getAttribute('src') !== before",
            arg=before,
        )
        window.wait_for("person 93 %")
        window.wait_for("hammer 80 %")
        window.wait_for("live")
        window.wait_for("No frame has come for 12 s; asking again.")
        window.wait_for("17 frames dropped: a newer frame came")
        window.wait_for("9 models on one trunk: EfficientNet-B0 (a3f1)")
        view.happen("person")
        view.happen("dog", "end")
        window.wait_for("dog gone")
        events = window.page.locator(".tl-log li")
        assert "gone" in events.first.inner_text()
        assert window.page.title() == view.title
        window.page.locator("summary").first.click()
        window.page.locator(".tl-said h3", has_text="tools-8").wait_for()
        window.screenshot(pictures / "live-page.png")
        assert window.outside(url) == []
        assert any(each.startswith("ws://") for each in window.requests)
        assert window.problems == []


def test_pictures_are_fetched_only_while_somebody_looks(
    chromium: Browser, view: MadeUpView, url: str
) -> None:
    with Window(chromium, height=400) as window:
        window.open(url)
        window.page.locator(".tl-camera img").first.wait_for()
        window.page.evaluate("document.querySelector('.tl-cameras').style.display = 'none'")
        for _ in range(30):
            before = view.asked
            window.page.wait_for_timeout(1000)  # ten pictures, or more, if they were fetched
            if view.asked == before:
                return
        pytest.fail("pictures are still fetched")


def test_a_dropped_picture_gets_ten_answers(
    chromium: Browser, view: MadeUpView, url: str, pictures: Path
) -> None:
    with Window(chromium) as window:
        window.open(url)
        window.wait_for("Drop a picture, or a model's zip")
        window.drop("body", "hall.jpg", scene(), "image/jpeg")
        window.wait_for("10 answers")
        result = window.page.locator(".tl-result")
        assert result.locator(".tl-answers > li").count() == len(view.held) == 10
        assert result.locator(".tl-box").count() == 2
        shown = result.locator(".tl-frame img")
        shown.evaluate("(image) => image.decode()")
        assert shown.evaluate("(image) => [image.naturalWidth, image.naturalHeight]") == [640, 360]
        window.screenshot(pictures / "live-page-picture.png")
        window.page.locator(".tl-drop input").set_input_files(
            files=[{"name": "hall.png", "mimeType": "image/png", "buffer": png(shade=9)}]
        )
        window.page.wait_for_function("document.querySelectorAll('.tl-result').length === 2")
        window.page.get_by_label("Close this picture").first.click()
        window.page.wait_for_function("document.querySelectorAll('.tl-result').length === 1")
        assert window.problems == []


def test_what_is_no_picture_or_too_large_gets_a_sentence(chromium: Browser, url: str) -> None:
    with Window(chromium) as window:
        window.open(url)
        window.wait_for("Drop a picture")
        window.drop("main", "notes.txt", b"no picture at all", "text/plain")
        window.page.locator(".q-notification", has_text="notes.txt: ").wait_for()
        assert window.page.locator(".q-notification").count() == 1
        assert window.page.locator(".tl-result").count() == 0
        window.requests.clear()
        window.evaluate("""() => {
          const carried = new DataTransfer();
          carried.items.add(new File([new Uint8Array(65 * 2 ** 20)], "large.png"));
          const input = document.querySelector(".tl-drop input");
          input.files = carried.files;
          input.dispatchEvent(new Event("change", { bubbles: true }));
        }""")
        window.wait_for("A file may have at most 64 MiB")
        assert not [each for each in window.requests if "/upload/" in each]


def test_a_model_is_added_by_its_zip_and_removed_after_a_question(
    chromium: Browser, view: MadeUpView, url: str
) -> None:
    with Window(chromium) as window:
        window.open(url)
        window.wait_for("Drop a picture")
        window.drop("main", "screws.zip", _zip(), "application/zip")
        window.wait_for("Load screws.zip as a model?")
        assert window.page.get_by_label("Name").input_value() == "screws"
        window.page.get_by_role("button", name="Load").click()
        window.wait_for("screws is loaded, and stays until the server ends.")
        window.page.get_by_label("Remove screws").wait_for()
        assert "screws" in view.held
        window.page.get_by_label("Remove tools-3").click()
        window.wait_for("Remove the model tools-3? It stops answering at once.")
        window.page.get_by_role("button", name="Keep it").click()
        window.wait_gone("It stops answering at once.")
        assert "tools-3" in view.held
        window.page.get_by_label("Remove tools-3").click()
        window.page.get_by_role("button", name="Remove", exact=True).click()
        window.wait_for("tools-3 is gone.")
        assert "tools-3" not in view.held
        window.page.get_by_label("Remove tools-3").wait_for(state="detached")
        window.drop("main", "tools-1.zip", _zip(), "application/zip")
        window.page.get_by_label("Name").press("Enter")
        window.wait_for("There is a model tools-1 already; choose another name.")
        window.drop("main", "broken.onnx", b"not at all", "application/octet-stream")
        window.page.get_by_role("button", name="Load").click()
        window.wait_for("broken is not a zip.")
        assert len(view.held) == 10
        assert window.problems == []


def test_a_name_that_is_html_stays_text(chromium: Browser, view: MadeUpView, url: str) -> None:
    evil = "<img src=x onerror=document.title='caught'>"
    view.held[evil] = model(evil)
    view.names = (evil,)
    view.happen(evil)
    with Window(chromium) as window:
        window.open(url)
        window.page.locator(".tl-camera img").first.wait_for()
        window.drop("main", f"{evil}.png", png())
        window.wait_for("11 answers")
        window.page.locator("summary").first.click()
        window.page.locator(".tl-said h3", has_text="onerror").wait_for()
        window.page.locator(".tl-log small", has_text="onerror").wait_for()
        window.drop("main", "tools.zip", _zip(), "application/zip")
        window.page.get_by_label("Name").fill(evil)
        window.page.get_by_label("Name").press("Enter")
        window.page.locator(".q-notification", has_text="onerror").wait_for()
        assert window.page.locator("img[src=x]").count() == 0
        assert window.page.title() == view.title


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_in_the_dark_and_on_a_phone_everything_fits(
    phone: bool, chromium: Browser, view: MadeUpView, url: str, pictures: Path
) -> None:
    view.happen("person")
    size = {"width": 390, "height": 844} if phone else {"width": 1360, "height": 900}
    with Window(chromium, dark=True, phone=phone, **size) as window:
        window.open(url)
        window.page.locator(".tl-camera img").nth(1).wait_for()
        window.page.get_by_label("Remove people").wait_for()
        window.screenshot(pictures / f"live-page-dark{'-phone' if phone else ''}.png")
        ground = window.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == "rgb(14, 20, 19)"
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not window.evaluate(wide)
        box = window.page.get_by_label("Remove people").bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44


def test_a_hundred_models_are_folded_and_found(
    chromium: Browser, view: MadeUpView, url: str, pictures: Path
) -> None:
    view.held.update({f"shelf-{number}": model(f"shelf-{number}") for number in range(90)})
    with Window(chromium) as window:
        window.open(url)
        window.wait_for("100 models")
        window.wait_for("99 models on one trunk")
        assert not window.page.get_by_label("Remove shelf-7", exact=True).is_visible()
        window.screenshot(pictures / "live-page-hundred.png")
        window.page.get_by_label("Filter models").fill("shelf-7")
        window.page.get_by_label("Remove shelf-7", exact=True).wait_for()
        window.page.get_by_label("Remove shelf-9", exact=True).wait_for(state="hidden")
        window.page.get_by_label("Filter models").fill("nothing like it")
        window.wait_for("No model fits the filter.")
        window.page.get_by_label("Filter models").fill("")
        window.page.get_by_label("Remove shelf-7", exact=True).wait_for(state="hidden")
        assert window.problems == []


def test_with_nothing_there_the_page_says_what_to_do(
    chromium: Browser, view: MadeUpView, url: str
) -> None:
    view.held.clear()
    view.names = ()
    with Window(chromium) as window:
        window.open(url)
        window.wait_for("No camera yet.")
        window.wait_for("No model yet: drop a zip here.")
        window.wait_for("None yet. An event is a label that comes or goes on a camera.")
        view.names = ("bench",)
        view.held["late"] = model("late")
        window.page.locator(".tl-camera img").first.wait_for()
        window.page.get_by_label("Remove late").wait_for()
        view.names = ()
        window.wait_for("No camera yet.")


@pytest.mark.parametrize("key", ["look", "change"])
def test_with_keys_a_person_signs_in_and_sees_what_the_key_is_for(
    key: str, chromium: Browser, view: MadeUpView, pictures: Path
) -> None:
    page = make_page(view, allowed=needs_key)
    with serving(page) as client, Window(chromium, dark=True) as window:
        window.open(str(client.base_url.join("/live/")))
        window.page.get_by_label("Key").fill("guess")
        window.page.get_by_role("button", name="Sign in").click()
        window.wait_for("The key is not known <here>.")
        window.screenshot(pictures / "live-page-sign-in.png")
        window.page.get_by_label("Key").fill(key)
        window.page.get_by_label("Key").press("Enter")
        window.page.locator(".tl-camera img").first.wait_for()
        window.wait_for("9 models on one trunk")
        assert window.page.get_by_label("Remove people").count() == (1 if key == "change" else 0)
        window.drop("main", "hall.png", png())
        window.wait_for("10 answers")
        window.drop("main", "screws.zip", _zip(), "application/zip")
        if key == "change":
            window.wait_for("Load screws.zip as a model?")
            window.page.get_by_role("button", name="Cancel").click()
            window.wait_gone("Load screws.zip as a model?")
        else:
            window.wait_for("Your key is for predictions only")
        window.page.get_by_role("button", name="Sign out").click()
        window.page.get_by_label("Key").wait_for()
        assert "screws" not in view.held


def test_a_picture_without_a_model_and_a_view_that_fails_are_said(
    chromium: Browser, view: MadeUpView, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.held.clear()
    view.may_manage = False
    with Window(chromium) as window:
        window.open(url)
        window.wait_for("No model yet. Models are added where this server was started")
        window.drop("main", "hall.png", png())
        window.wait_for("No model has looked at it: there is none yet.")
        window.drop("main", "screws.zip", _zip(), "application/zip")
        window.wait_for("Models cannot be added here")

        async def failing(data: bytes) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(view, "predict", failing)
        window.drop("main", "hall2.png", png())
        window.wait_for("Something failed that should not; the log says what.")


def test_when_a_window_is_closed_nothing_of_it_stays(
    chromium: Browser, view: MadeUpView, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nicegui import Client

    asked = []
    monkeypatch.setattr(view, "models", lambda: asked.append(1) or list(view.held.values()))
    server = PageServer(view, port=0)
    server.start()
    try:
        with Window(chromium) as window:
            window.open(server.url)
            window.wait_for("Drop a picture")
            window.drop("main", "hall.png", png())
            window.wait_for("10 answers")
            assert server._page._dropped._kept
            assert Client.instances
        end = time.monotonic() + 60
        while (Client.instances or server._page._dropped._kept) and time.monotonic() < end:
            time.sleep(0.1)
        assert not Client.instances
        assert not server._page._dropped._kept
        before = len(asked)
        time.sleep(2.5)  # twice as long as the page waits between two looks
        assert len(asked) == before
    finally:
        server.close()


def test_somebody_who_signed_out_elsewhere_is_asked_again(
    chromium: Browser, view: MadeUpView
) -> None:
    with serving(make_page(view, allowed=needs_key)) as client, Window(chromium) as window:
        window.open(str(client.base_url.join("/live/")))
        window.page.get_by_label("Key").fill("change")
        window.page.get_by_label("Key").press("Enter")
        window.wait_for("Drop a picture")
        window.evaluate("fetch('sign-out', { method: 'POST', redirect: 'manual' })")
        window.page.get_by_label("Key").wait_for()


def test_a_model_that_changes_and_a_camera_without_frames_are_shown_anew(
    chromium: Browser, view: MadeUpView, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = replace(view.cameras()[0], frames=0, state="waiting", version=-1)
    monkeypatch.setattr(view, "cameras", lambda: [fresh])

    async def none_yet(camera: str) -> None:
        return None

    monkeypatch.setattr(view, "picture", none_yet)
    with Window(chromium) as window:
        window.open(url)
        window.wait_for("Waiting for the first picture")
        window.wait_for("no frame yet")
        window.wait_for("1.23 billion in YOLOX (77c0)")
        view.held["people"] = replace(view.held["people"], macs=2_500_000)
        window.wait_for("2.5 million MACs of its own")
        window.page.get_by_text("9 models on one trunk").click()
        window.page.get_by_label("Remove tools-1").wait_for(state="hidden")
        window.page.wait_for_timeout(1500)  # the page has looked again, and left it folded
        assert not window.page.get_by_label("Remove tools-1").is_visible()
        view.held = {name: each for name, each in view.held.items() if each.sharing == 1}
        window.wait_gone("on one trunk")
        assert window.problems == []

# SPDX-License-Identifier: Apache-2.0
"""The page's pictures: the most wrong, those whose tags are in doubt, those to tag next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.training.report.elements import Element, element, percent
from trunkline.training.report.words import doubt_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trunkline.training.figures import Mistake, Said, Suggestion
    from trunkline.training.labelerrors import Doubt

    Thumbnail = Callable[[str], str | None]

__all__ = ["doubt_cards", "mistake_cards", "suggestion_cards"]


def mistake_cards(mistakes: Iterable[Mistake], thumbnail: Thumbnail) -> Element:
    """Return a card for each picture: what was said against what was tagged."""
    cards = []
    for each in mistakes:
        tagged = ", ".join(each.tagged) or "no tag"
        words = element("p", "tagged ", element("b", tagged))
        cards.append(_card(each.source, thumbnail, words, _said(each.said, each.tagged)))
    return element("div", *cards, class_="gallery wrong-ones")


def doubt_cards(doubts: Iterable[Doubt], thumbnail: Thumbnail) -> Element:
    """Return a card for each tag that may be wrong."""
    cards = [
        _card(
            each.source,
            thumbnail,
            element("p", doubt_words(each)),
            element("p", f"{percent(each.probability, 0)} sure", class_="sure"),
        )
        for each in doubts
    ]
    return element("div", *cards, class_="gallery")


def suggestion_cards(suggestions: Iterable[Suggestion], thumbnail: Thumbnail) -> Element:
    """Return a card for each untagged picture: what the model makes of it."""
    cards = [_card(each.source, thumbnail, _said(each.said, ())) for each in suggestions]
    return element("div", *cards, class_="gallery")


def _card(source: str, thumbnail: Thumbnail, *words: Element) -> Element:
    address = thumbnail(source)
    picture = (
        element("img", src=address, alt=source)
        if address
        else element("div", "no picture", class_="nothing")
    )
    # The end of a path tells more than its beginning; the whole is in the title.
    name = element("p", source.replace("\\", "/").rsplit("/", 1)[-1], class_="source", title=source)
    return element("figure", picture, element("figcaption", *words, name), class_="card")


def _said(said: Sequence[Said], tagged: Sequence[str]) -> Element:
    lines = [
        element(
            "li",
            element("span", each.tag, class_="name"),
            element("span", percent(each.probability, 0), class_="count"),
            element(
                "svg",
                element("rect", width=100, height=4, class_="rail"),
                element("rect", width=100 * each.probability, height=4, class_="fill"),
                viewBox="0 0 100 4",
                preserveAspectRatio="none",
                aria_hidden="true",
            ),
            class_="hit" if each.tag in tagged else "miss",
        )
        for each in said
    ]
    return element("ul", *lines, class_="said")

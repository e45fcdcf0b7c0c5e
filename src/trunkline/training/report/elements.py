# SPDX-License-Identifier: Apache-2.0
"""Elements of HTML and SVG, whose text is escaped because there is no other way to put it in.

Tags and file names come from outside. They are set as the text and the attributes of elements of a
tree, and the tree's writer escapes them all; nothing is ever pasted into markup.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, tostring

__all__ = ["Element", "element", "markup", "percent", "put", "readable"]

Child = Element | str | None
Value = str | float


def element(tag: str, *children: Child, **attributes: Value) -> Element:
    """Make an element.

    Args:
        tag: Its name.
        *children: Elements and text, in order; None is left out.
        **attributes: Underscores become hyphens, and one at the end is dropped (``class_``).
            Numbers are written with at most two decimals.
    """
    named = {key.rstrip("_").replace("_", "-"): _text(each) for key, each in attributes.items()}
    return put(Element(tag, named), *children)


def put(parent: Element, *children: Child) -> Element:
    """Add elements and text at the end of an element, and return that."""
    for child in children:
        if isinstance(child, Element):
            parent.append(child)
        elif child is not None:
            # A number and its sign stay on one line.
            _add_text(parent, readable(child).replace(" %", "\N{NO-BREAK SPACE}%"))
    return parent


def markup(page: Element) -> str:
    """Return a tree as HTML, with its document type."""
    return f"<!DOCTYPE html>\n{tostring(page, encoding='unicode', method='html')}\n"


def readable(text: str) -> str:
    """Return a text with what cannot be shown, or would turn the writing around, as escapes."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def percent(share: float | None, decimals: int = 1) -> str:
    """Return a share, 0 to 1, as a person reads it: ``"98.8 %"``; a dash for None."""
    return "–" if share is None else f"{100 * share:.{decimals}f} %"  # noqa: RUF001 - a dash


def _add_text(parent: Element, text: str) -> None:
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text


def _text(value: Value) -> str:
    return readable(value) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")

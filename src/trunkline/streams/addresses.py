# SPDX-License-Identifier: Apache-2.0
"""What a person calls a source, and what it is to FFmpeg."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from trunkline.errors import TrunklineError
from trunkline.images.suffixes import PICTURE_SUFFIXES

if TYPE_CHECKING:
    from trunkline.streams.settings import SourceSettings

__all__ = ["Address", "find_address", "public_name"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCHEMES = ("http", "https", "rtsp", "rtsps")
_WEBCAM = re.compile(r"[0-9]{1,3}|/dev/video[0-9]{1,3}")

# Microseconds in which FFmpeg learns what a live stream holds. Its own 5 s would hold the first
# pictures back for as long.
_ANALYSE = "500000"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a source is.

    Attributes:
        kind: What it is.
        target: What FFmpeg is told to open, or the path. It may hold a password.
        format: FFmpeg's name of the format, where it cannot find it out.
        options: FFmpeg's options.
    """

    kind: Literal["webcam", "rtsp", "http", "file", "pictures"]
    target: str = field(repr=False)
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def live(self) -> bool:
        """Whether it goes on while nobody looks; of HTTP only known once it is open."""
        return self.kind in ("webcam", "rtsp", "http")


def public_name(text: str) -> str:
    """Return a source's name without what is secret in it.

    Of an address everything up to the last ``@`` goes, for passwords may hold any character, and
    so does the query, in which many cameras take theirs. Of a path only slashes at its end go, so
    that a folder is called the same however it was typed.
    """
    scheme = _SCHEME.match(text)
    if not scheme:
        return text.rstrip("/") or text
    rest = text[scheme.end() :].rpartition("@")[2]
    return scheme.group(0) + re.split(r"[?#]", rest, maxsplit=1)[0]


def find_address(text: str, settings: SourceSettings) -> Address:
    """Find out what a source is.

    Args:
        text: A webcam's number or ``/dev/videoN``, an address (``rtsp://``, ``rtsps://``,
            ``http://``, ``https://``), or the path of a video, a picture or a folder of pictures.
        settings: How it is to be read.

    Raises:
        TrunklineError: It is none of these, or there is no such file.
    """
    options = {"analyzeduration": _ANALYSE, **settings.options}
    if _WEBCAM.fullmatch(text):
        device = text if text.startswith("/") else f"/dev/video{int(text)}"
        return Address("webcam", device, "v4l2", dict(settings.options))
    scheme = _SCHEME.match(text)
    if not scheme:
        return _on_disk(text, settings)
    match scheme.group(1).lower():
        case "http" | "https":
            return Address("http", text, None, options)
        case "rtsp" | "rtsps":
            return Address("rtsp", text, None, {"rtsp_transport": settings.transport, **options})
    known = ", ".join(f"{each}://" for each in _SCHEMES)
    raise TrunklineError(
        f"{public_name(text)}: addresses of this kind are not read; use one of {known}."
    )


def _on_disk(text: str, settings: SourceSettings) -> Address:
    path = Path(text)
    try:
        if path.is_dir() or (settings.follow and not path.exists()):
            return Address("pictures", text)
        exists = path.exists()
    # A path with a null character, or one too long to be a path.
    except (OSError, ValueError):
        exists = False
    if not exists:
        raise TrunklineError(
            f"{text}: there is no such file or folder. Give a webcam's number, an address such as "
            "rtsp://camera/stream, a video, or a folder of pictures."
        )
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return Address("pictures", text)
    # With the prefix, a colon in the name does not make a protocol of what is before it.
    return Address("file", f"file:{text}", None, dict(settings.options))

# SPDX-License-Identifier: Apache-2.0
"""Models that come as bytes, from a client or a browser: a zip, or a model's file."""

from __future__ import annotations

import hashlib
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.reading import read_one

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trunkline.models import Model

__all__ = ["SUFFIX", "Arrived", "arrived_file", "name_problem", "read_arrived", "suffixes_of"]

SUFFIX = re.compile(r"\.(zip|onnx|pb|tflite|mlmodel)", re.IGNORECASE)
"""What a file that holds a model by itself may end in."""
_NAME = re.compile(r"\w(?:[\w .-]{0,126}\w)?")
_RESERVED = {"self", "on_error"}  # arguments of ModelSet's methods


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that somebody sent.

    Attributes:
        path: Where it is, for now; other files may come to lie beside it.
        shown: What the sender calls it.
        suffixes: What it may be, by its name or else by its first bytes.
        digest: The SHA-256 of its bytes, in hexadecimal digits.
    """

    path: Path
    shown: str
    suffixes: tuple[str, ...]
    digest: str


@contextmanager
def arrived_file(data: bytes, shown: str = "") -> Iterator[Arrived]:
    """Yield bytes as a file, which is there until the context ends.

    Args:
        data: A zip, or a model's file.
        shown: What the sender calls it, if anything.
    """
    with tempfile.TemporaryDirectory(prefix="trunkline-") as folder:
        path = Path(folder) / "upload"
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        yield Arrived(path, shown, suffixes_of(shown, path), digest)


def name_problem(name: str) -> str:
    """Return why a model cannot have a name that somebody sent, as a sentence; or nothing."""
    if _NAME.fullmatch(name) and name not in _RESERVED:
        return ""
    return (
        f"A model cannot be called {name[:200]!r}: a name has at most 128 letters, digits, "
        "spaces, dots, dashes and underscores, and begins and ends with a letter or digit."
    )


def suffixes_of(filename: str, path: Path) -> tuple[str, ...]:
    """Return what a file may be, most probable first.

    Args:
        filename: What the sender calls it, if anything.
        path: Where it is.
    """
    with path.open("rb") as file:
        first = file.read(8)
    if first.startswith(b"PK"):
        return (".zip",)
    if first[4:] == b"TFL3":  # the file identifier of TFLite's FlatBuffer schema
        return (".tflite",)
    own = PurePath(filename).suffix
    # The others are Protocol Buffers, which do not say of what.
    return (own.lower(),) if SUFFIX.fullmatch(own) else (".onnx", ".pb", ".mlmodel")


def read_arrived(arrived: Arrived, name: str) -> tuple[Model, str]:
    """Read a model that was sent; return it, and the suffix that its file should have.

    Args:
        arrived: Its file.
        name: What to call it.

    Raises:
        ExportError: It cannot be read.
    """
    shown = arrived.shown or name
    problems: list[ExportError] = []
    for suffix in arrived.suffixes:
        path = arrived.path.with_name(f"upload{suffix}")
        path.unlink(missing_ok=True)
        path.symlink_to(arrived.path)
        found = read_one(path, name)
        if not isinstance(found, ExportError):
            return replace(found, source=f"{shown} (sha256 {arrived.digest[:12]})"), suffix
        # Where the file lay on this machine is nothing to the client.
        source, problem = (text.replace(str(path), shown) for text in (found.source, found.problem))
        problems.append(type(found)(source, problem))
    # What was read and cannot be run is in this format, whatever the others say.
    read = [each for each in problems if isinstance(each, UnsupportedExportError)]
    if len(problems) == 1 or read:
        raise (read or problems)[0]
    raise ExportError(
        shown,
        "it is neither a zip nor a model file that can be read as it is; send a zip of the "
        "export, or say what the file is with ?filename=model.onnx.",
    )

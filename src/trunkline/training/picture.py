# SPDX-License-Identifier: Apache-2.0
"""A picture to train on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trunkline.errors import PictureError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Picture"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to train on, whose pixels are not decoded yet.

    Attributes:
        source: What the person calls it: its path below the folder that was given, for one.
        tags: The tags it has. For multilabel, an empty set says that it shows none of them.
        path: The file; None for a picture that was given as bytes.
        digest: Hexadecimal SHA-256 of its content.
        data: Its content, where that was given instead of a file.
    """

    source: str
    tags: frozenset[str]
    path: Path | None
    digest: str
    data: bytes | None = field(default=None, repr=False)

    def read(self) -> bytes:
        """Return its content.

        Raises:
            PictureError: The file is gone, cannot be read, or has changed since it was listed.
        """
        if self.path is None:
            return self.data or b""
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise PictureError(
                self.source, f"the file cannot be read any more ({error.strerror}); try again"
            ) from error
        # What is kept in the feature store goes by the digest, so it must be that of the pixels.
        if hashlib.sha256(data).hexdigest() != self.digest:
            raise PictureError(self.source, "the file changed while it was being used; try again")
        return data

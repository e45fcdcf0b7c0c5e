# SPDX-License-Identifier: Apache-2.0
"""Paths as the service takes them: in any case, with slashes doubled or at the end.

What a path names, such as a model, keeps its case.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["AnyCaseRoute", "SingleSlashes"]

_SLASHES = re.compile("/{2,}")


class AnyCaseRoute(Route):
    """A route whose fixed parts match in any case, with or without a slash at the end."""

    def __init__(self, path: str, *arguments: Any, **named: Any) -> None:  # noqa: ANN401
        super().__init__(path, *arguments, **named)
        pattern = self.path_regex.pattern.removesuffix("$").removesuffix("/")
        self.path_regex = re.compile(f"{pattern}/?$", re.IGNORECASE)


class SingleSlashes:
    """Middleware that reads several slashes in a path as one.

    An endpoint that ends in a slash makes some clients send two.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if "//" in scope.get("path", ""):
            scope = {**scope, "path": _SLASHES.sub("/", scope["path"])}
        await self._app(scope, receive, send)

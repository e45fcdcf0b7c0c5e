# SPDX-License-Identifier: Apache-2.0
"""Reading a request for a prediction: a body that is a picture, or that names its url."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from trunkline.server.bodies import read_body
from trunkline.server.faults import BadRequestError
from trunkline.server.multipart import picture_in

if TYPE_CHECKING:
    from starlette.requests import Request

    from trunkline.server.context import Server
    from trunkline.server.fetching import Fetcher

__all__ = ["Source", "picture_of", "read_source", "url_in"]

Source = Literal["image", "url"]
"""Whether the body is the picture, or JSON with its url."""

_MOST_JSON = 64 * 1024


async def read_source(request: Request, server: Server, source: Source) -> bytes:
    """Return a request's body, which is at most as large as its kind may be.

    Args:
        request: The request.
        server: The server; its settings say how large a picture may be.
        source: What the body is.

    Raises:
        ServiceError: The body is too large, or does not come in time.
    """
    return await read_body(
        request, server.settings.max_body_bytes if source == "image" else _MOST_JSON
    )


async def picture_of(request: Request, body: bytes, source: Source, fetcher: Fetcher) -> bytes:
    """Return the picture that a request means, encoded.

    Args:
        request: The request.
        body: Its body.
        source: What the body is.
        fetcher: Gets what is at a url.

    Raises:
        ServiceError: There is no picture or no url in the body, or the url cannot be fetched.
    """
    if source == "image":
        return picture_in(request.headers.get("content-type"), body)
    return await fetcher.fetch(url_in(body))


def url_in(body: bytes) -> str:
    """Return the url in a body such as ``{"url": "https://..."}``, the member in any case.

    Args:
        body: JSON, in any of Unicode's encodings; its content type is not looked at.

    Raises:
        BadRequestError: It is not JSON, or holds no url.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequestError(
            'The body is not JSON; a url is sent as {"url": "https://..."}.'
        ) from error
    members = document if isinstance(document, dict) else {}
    url = next((value for name, value in members.items() if name.lower() == "url"), None)
    if not isinstance(url, str) or not url.strip():
        raise BadRequestError(
            'The body names no url; it is sent as {"url": "https://..."}.',
            code="BadRequestRequiredParamIsNull",
        )
    return url.strip()

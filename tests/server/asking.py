# SPDX-License-Identifier: Apache-2.0
"""Asking a server as raw clients do, and a web server with pictures for it to fetch."""

from __future__ import annotations

import http.client
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from server.living import listening
from trunkline.server.assembly import assemble
from trunkline.server.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message
    from pathlib import Path

    from trunkline.engine.modelset import ModelSet


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@contextmanager
def live(models: ModelSet, folder: Path, **settings: object) -> Iterator[str]:
    """Serve models in a thread, with no keys in the folder; yield the base address."""
    given = {"keys_file": folder / "no-keys.json", **settings}
    server = assemble(Settings.model_validate(given), models)
    server.state.ready = True
    try:
        with listening(server) as base:
            yield base
    finally:
        server.plane.close()


@contextmanager
def pictures(files: Mapping[str, bytes]) -> Iterator[str]:
    """Serve files, by path, on a free port; yield the host and port. Others are not found."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = files.get(self.path)
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def request(
    method: str, base: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Reply:
    """Send a request as it is: nothing is added but the length, and the path is not tidied up."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=20)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if method != "GET":
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def post(base: str, path: str, body: bytes, content_type: str = "", **headers: str) -> Reply:
    """Post a body as it is."""
    typed = {"Content-Type": content_type} if content_type else {}
    return request("POST", base, path, body, typed | headers)

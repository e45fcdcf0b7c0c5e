# SPDX-License-Identifier: Apache-2.0
"""A real HTTP server that fails, stalls, goes away and recovers."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sights import ended, event, eventually, sight
from trunkline.streams.sink_webhook import Webhook

_SOON = (0.01,) * 3


class _Server(ThreadingHTTPServer):
    """Answers with the statuses it is told, then with 204; hangs on some labels until the end."""

    daemon_threads = True
    request_queue_size = 20

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), _Handler)
        self.answers, self.bodies, self.requests = [], [], []
        self.hanging = set()
        self.headers = {}
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def end(self):
        self.ending.set()
        self.shutdown()
        self.server_close()
        self.thread.join()

    def handle_error(self, request, client_address):
        """Clients that go away in the middle are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        server.requests.append((self.path, dict(self.headers)))
        if json.loads(body)["label"] in server.hanging:
            server.ending.wait()
            return
        answer = server.answers.pop(0) if server.answers else 204
        if answer < 300:
            server.bodies.append(json.loads(body))
        self.send_response(answer)
        for name, value in server.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    made = _Server()
    yield made
    made.end()


def _labels(server):
    return [body["label"] for body in server.bodies]


def test_every_event_is_posted_as_json(server):
    sink = Webhook(f"http://ada:p%40ss@127.0.0.1:{server.server_port}/hook?token=t")
    sink.put(sight(0, event("cat"), event("d\u00f6g", state="end")))
    sink.put(sight(1))
    sink.close(60)
    assert (sink.problem, sink.dropped) == ("", 0)
    assert _labels(server) == ["cat", "d\u00f6g"]
    assert server.bodies[0]["time"] == "2025-11-23T01:12:48.250Z"
    path, headers = server.requests[0]
    assert path == "/hook?token=t"
    assert headers["Content-Type"] == "application/json"
    assert base64.b64decode(headers["Authorization"].split()[1]) == b"ada:p@ss"


def test_a_server_that_fails_and_recovers_gets_every_event_in_order(server):
    server.answers += [500, 503, 200, 429]
    sink = Webhook(server.url, pauses=_SOON)
    sink.put(sight(0, event("a"), event("b")))
    sink.close(60)
    assert _labels(server) == ["a", "b"]
    assert len(server.requests) == 5
    assert (sink.problem, sink.dropped) == ("", 0)


@pytest.mark.parametrize(("answer", "attempts"), [(500, 4), (404, 1), (301, 1)])
def test_what_is_not_taken_is_lost_and_the_next_is_posted(server, answer, attempts):
    server.answers += [answer] * attempts
    sink = Webhook(f"{server.url}/secret", pauses=_SOON)
    sink.put(sight(0, event("a")))
    eventually(lambda: sink.dropped)
    assert sink.problem == f"{server.url} answered {answer} to an event."
    assert len(server.requests) == attempts
    sink.put(sight(0, event("b")))
    eventually(lambda: not sink.problem)
    sink.close(60)
    assert _labels(server) == ["b"]


def test_a_server_that_asks_for_a_pause_is_given_it(server):
    server.answers += [503]
    server.headers["Retry-After"] = "500"
    sink = Webhook(server.url, pauses=_SOON)
    sink.put(sight(0, event("a")))
    eventually(lambda: sink.problem)
    sink.close(0)
    assert len(server.requests) == 1
    assert sink.dropped == 1
    assert ended(sink)


def test_a_server_that_stalls_is_given_up(server):
    server.hanging.add("a")
    sink = Webhook(server.url, pauses=_SOON, seconds=0.2)
    sink.put(sight(0, event("a")))
    eventually(lambda: sink.dropped)
    assert sink.problem == f"{server.url} does not answer: it takes too long."
    sink._seconds = 60  # a busy machine may take a while; what was given up would come twice
    sink.put(sight(0, event("b")))
    sink.close(60)
    assert _labels(server) == ["b"]


def test_closing_ends_a_post_that_hangs(server):
    server.hanging.add("a")
    sink = Webhook(server.url, seconds=600)
    sink.put(sight(0, event("a"), event("b")))
    eventually(lambda: server.requests)
    sink.close(0)
    assert ended(sink)
    assert sink.dropped == 2


def test_a_server_that_is_away_and_comes_back(server):
    port = server.server_port
    server.end()
    sink = Webhook(f"http://127.0.0.1:{port}", pauses=(0.05,) * 600, size=3)
    for number in range(10):
        sink.put(sight(0, event(str(number))))
    eventually(lambda: sink.problem)
    assert sink.problem == f"http://127.0.0.1:{port} does not answer: Connection refused."
    assert sink.dropped >= 6
    again = _Server(port)
    sink.close(60)
    again.end()
    assert _labels(again)[-3:] == ["7", "8", "9"]
    assert len(again.bodies) + sink.dropped == 10


def test_a_server_that_talks_nonsense_is_no_exception():
    listener = socket.create_server(("127.0.0.1", 0))

    def talk():
        for _ in range(2):
            client, _ = listener.accept()
            client.recv(65536)
            client.sendall(b"nonsense\r\n\r\n")
            client.close()

    thread = threading.Thread(target=talk)
    thread.start()
    sink = Webhook(f"http://127.0.0.1:{listener.getsockname()[1]}", pauses=(0.01,))
    sink.put(sight(0, event("a")))
    sink.close(60)
    thread.join()
    listener.close()
    assert sink.problem.endswith("does not answer: BadStatusLine.")
    assert sink.dropped == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    made = _Server()
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    made.socket = context.wrap_socket(made.socket, server_side=True, do_handshake_on_connect=False)
    sink = Webhook(f"https://127.0.0.1:{made.server_port}/", pauses=())
    sink.put(sight(0, event("a")))
    sink.close(60)
    made.end()
    assert "self-signed certificate" in sink.problem
    assert not made.bodies

# SPDX-License-Identifier: Apache-2.0
"""The life of a server process, from outside: start, ready, signals, end."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import grpc
import httpx
import pytest

import builders
from server.living import Process, received
from trunkline.server.keyfile import make_key, write_keys

if TYPE_CHECKING:
    from pathlib import Path

PREDICT = "/customvision/v3.0/prediction/p/classify/iterations/colours/image"
RED = builders.png_bytes("red")

get, post = partial(httpx.get, timeout=60), partial(httpx.post, timeout=60)


def head(length: int) -> bytes:
    lines = f"POST {PREDICT} HTTP/1.1", "Host: localhost", f"Content-Length: {length}", "", ""
    return "\r\n".join(lines).encode()


def test_a_broken_model_is_reported_and_the_others_serve(
    tmp_path: Path, model_folder: Path
) -> None:
    with Process(tmp_path, "--grpc-port", "off", model_folder, "/nowhere") as process:
        address = process.ready()
        assert "serves 3 models on" in process.said
        assert "No key is needed" in process.said
        assert "/nowhere" in process.log
        answer = post(address + PREDICT, content=RED)
        assert answer.json()["predictions"][0]["tagName"] == "red"
        process.terminate()
        assert process.ended() == 0
        assert "Stopped." in process.log


def test_a_request_that_runs_when_the_server_is_stopped_is_answered(
    tmp_path: Path, model_folder: Path
) -> None:
    with Process(tmp_path, "--grpc-port", "off", model_folder) as process:
        address = process.ready()
        target = urlsplit(address)
        with socket.create_connection((target.hostname, target.port), timeout=10) as connection:
            connection.sendall(head(len(RED)) + RED[:9])
            time.sleep(0.2)
            process.terminate()
            time.sleep(0.6)
            refused = get(f"{address}/readyz")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            later = post(address + PREDICT, content=RED)
            assert later.status_code == 503
            connection.sendall(RED[9:])
            answer = received(connection)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b'"red"' in answer
        assert process.ended() == 0
        with pytest.raises(httpx.ConnectError):
            get(f"{address}/livez")


def test_no_request_under_load_is_lost_when_the_server_is_stopped(
    tmp_path: Path, model_folder: Path
) -> None:
    codes: list[int] = []
    cut: list[str] = []

    def ask(address: str, client_name: str) -> None:
        with httpx.Client(base_url=address, timeout=20) as client:
            for number in itertools.count():
                request = f"{client_name}-{number}"
                try:
                    answer = client.post(PREDICT, content=RED, headers={"X-Request-Id": request})
                except httpx.ConnectError:
                    return  # the end: nobody takes this request
                except httpx.TransportError:
                    cut.append(request)
                    return
                codes.append(answer.status_code)

    with Process(tmp_path, "--grpc-port", "off", model_folder) as process:
        address = process.ready()
        threads = [threading.Thread(target=ask, args=[address, name]) for name in "abcd"]
        for thread in threads:
            thread.start()
        while codes.count(200) < 8 and any(thread.is_alive() for thread in threads):
            time.sleep(0.01)
        process.terminate()
        assert process.ended() == 0
        for thread in threads:
            thread.join(20)
        # One that is sent while the server closes an idle connection was never taken.
        assert not [request for request in cut if f"request={request} " in f"{process.log} "]
        assert "request=a-0 " in process.log
    assert codes.count(200) >= 8
    assert set(codes) <= {200, 503}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_server_at_once(
    number: signal.Signals, tmp_path: Path, model_folder: Path
) -> None:
    with Process(tmp_path, "--grpc-port", "off", model_folder / "colours") as process:
        target = urlsplit(process.ready())
        with socket.create_connection((target.hostname, target.port), timeout=10) as connection:
            connection.sendall(head(100))
            time.sleep(0.2)
            process.process.send_signal(number)
            time.sleep(0.5)
            assert process.process.poll() is None
            process.process.send_signal(number)
            assert process.ended(5) == 128 + number
        assert "Stopped at once" in process.log


def test_what_runs_for_too_long_is_cut_off(tmp_path: Path, model_folder: Path) -> None:
    environment = {"TRUNKLINE_DRAIN_SECONDS": "0.3", "TRUNKLINE_GRPC_PORT": "off"}
    with Process(tmp_path, model_folder / "colours", environment=environment) as process:
        target = urlsplit(process.ready())
        with socket.create_connection((target.hostname, target.port), timeout=10) as connection:
            connection.sendall(head(100))
            time.sleep(0.2)
            process.terminate()
            assert process.ended(10) == 0


def test_a_second_server_on_the_same_port_is_refused(tmp_path: Path, model_folder: Path) -> None:
    colours = model_folder / "colours"
    with Process(tmp_path, "--grpc-port", "off", colours) as first:
        port = urlsplit(first.ready()).port
        (tmp_path / "second").mkdir()
        with Process(tmp_path / "second", "--port", port, colours) as second:
            assert second.ended() == 2
            assert f"127.0.0.1:{port}: the port is taken" in second.log
            assert "Traceback" not in second.log
        assert get(f"http://127.0.0.1:{port}/readyz").status_code == 200


def test_another_address_without_a_key_is_refused(tmp_path: Path, model_folder: Path) -> None:
    with Process(tmp_path, "--host", "0.0.0.0", model_folder) as process:
        assert process.ended() == 2
        assert "trunkline keys add" in process.log
        assert not process.said


def test_keys_open_another_address_and_are_not_logged(tmp_path: Path, model_folder: Path) -> None:
    key, stored = make_key("mine", "predict")
    write_keys(tmp_path / "keys.json", (stored,))
    options = "--keys-file", tmp_path / "keys.json", "--log-format", "json", "--grpc-port", "off"
    with Process(tmp_path, "--host", "0.0.0.0", *options, model_folder) as process:
        address = process.ready().replace("0.0.0.0", "127.0.0.1")
        assert "A key is needed" in process.said
        assert post(address + PREDICT, content=RED).status_code == 401
        for headers in ({"Prediction-Key": key}, {"Authorization": f"Bearer {key}"}):
            assert post(address + PREDICT, content=RED, headers=headers).status_code == 200
        get(f"{address}/livez?key={key}", headers={"X-Request-Id": f"x{key[:5]}"})
        process.terminate()
        assert process.ended() == 0
        assert key not in process.log + process.said
        events = [json.loads(line) for line in process.log.splitlines()]
        assert [each["code"] for each in events if "code" in each][-4:] == [401, 200, 200, 200]


def test_a_server_without_a_single_model_does_not_start(tmp_path: Path) -> None:
    with Process(tmp_path, "--grpc-port", "off", "/nowhere", "/nothing") as process:
        assert process.ended() == 2
        assert "No model could be loaded" in process.log


def test_a_server_may_start_empty(tmp_path: Path) -> None:
    with Process(tmp_path, "--grpc-port", "off") as process:
        process.ready()
        assert "serves 0 models on 0 trunks" in process.said
        process.terminate()
        assert process.ended() == 0


def test_grpc_listens_as_well_and_its_port_can_be_taken(tmp_path: Path, model_folder: Path) -> None:
    with Process(tmp_path, "--grpc-port", "0", model_folder / "colours") as process:
        process.ready()
        (port,) = re.findall(r"gRPC on port (\d+)", process.said)
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            grpc.channel_ready_future(channel).result(10)
        (tmp_path / "second").mkdir()
        colours = model_folder / "colours"
        with Process(tmp_path / "second", "--grpc-port", port, colours) as second:
            assert second.ended() == 2
            assert f"gRPC cannot listen on 127.0.0.1:{port}" in second.log
        process.terminate()
        assert process.ended() == 0


def test_a_watched_folder_may_be_filled_later(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    with Process(tmp_path, "--grpc-port", "off", "--watch", "0.1", models) as process:
        address = process.ready()
        builders.openvino_classifier(models / "colours")
        end = time.monotonic() + 60
        while post(address + PREDICT, content=RED).status_code != 200:
            assert time.monotonic() < end, process.log
            time.sleep(0.1)
        process.terminate()
        assert process.ended() == 0


PROGRAM = """
import os, signal, sys, time
from trunkline.server.repository import Repository
from trunkline.server.serving import serve
from trunkline.server.settings import Settings

def stop(said=""):
    print(said)
    os.kill(os.getpid(), signal.SIGTERM)

def served(say=stop, **settings):
    print("status", serve(Settings(port=0, grpc_port=0, **settings), say))

"""


def ran(folder: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    """Run a program that calls ``serve`` and stops itself, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM + "\n".join(lines)],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_serves_until_a_signal(tmp_path: Path) -> None:
    done = ran(tmp_path, "served()")
    assert "(gRPC on port" in done.stdout
    assert done.stdout.endswith("status 0\n")
    assert "Stopped." in done.stderr


def test_grpc_is_left_out_where_its_package_is_missing(tmp_path: Path) -> None:
    done = ran(tmp_path, "sys.modules['grpc'] = None", "served()")
    assert done.stdout.endswith("status 0\n")
    assert "trunkline[grpc]" in done.stderr


def test_nothing_to_load_ends_it(tmp_path: Path) -> None:
    done = ran(tmp_path, "served(models=['/nowhere'])")
    assert done.stdout == "status 2\n"
    assert "No model could be loaded" in done.stderr


def test_a_signal_while_models_are_loaded_ends_it(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    done = ran(
        tmp_path,
        "Repository.scan = lambda self: (stop('loading'), time.sleep(0.2))",
        "served(print, models=['models'], watch_seconds=1)",
    )
    assert done.stdout == "loading\nstatus 0\n", done.stderr


def test_a_fault_at_the_start_does_not_leave_it_hanging(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    done = ran(
        tmp_path,
        "def fail(self): raise RuntimeError('a fault')",
        "Repository.scan = fail",
        "served(models=['models'], watch_seconds=1)",
    )
    assert done.returncode == 1
    assert "RuntimeError: a fault" in done.stderr

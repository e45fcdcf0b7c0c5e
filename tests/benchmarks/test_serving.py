# SPDX-License-Identifier: Apache-2.0
"""The benchmark of servers: its clients, its requests, its processes, its judgement."""

from __future__ import annotations

import base64
import importlib
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from trunkline.server.multipart import picture_in

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
CHUNKS = b"2;x=1\r\ntw\r\n1\r\no\r\n0\r\n\r\n"
PICTURE = b"\xff\xd8 a picture \r\n--"


@pytest.fixture(scope="module")
def load():
    return importlib.import_module("serving_load")


@pytest.fixture(scope="module")
def sides():
    return importlib.import_module("serving_sides")


@pytest.fixture(scope="module")
def results():
    return importlib.import_module("serving_results")


@pytest.fixture(scope="module")
def processes():
    return importlib.import_module("serving_processes")


@pytest.fixture
def server():
    """Start a server that sends given responses, one per request of 4 bytes, then closes."""
    stopped = []

    def start(responses, *, each_closes=False):
        listener = socket.create_server(("127.0.0.1", 0))
        stopped.append(listener)
        taken = []

        def serve():
            left = list(responses)
            while left:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                taken.append(1)
                with connection:
                    while left and connection.recv(4, socket.MSG_WAITALL):
                        connection.sendall(left.pop(0))
                        if each_closes:
                            break

        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1], taken

    yield start
    for listener in stopped:
        listener.close()


def test_a_connection_stays_open_between_answers_of_every_framing(load, server):
    port, taken = server(
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none",
            b"HTTP/1.1 503 No\r\ntransfer-encoding: Chunked\r\n\r\n" + CHUNKS,
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        ]
    )
    connection = load.Connection(port)
    found = []
    for _ in range(3):
        connection.send(b"ask!")
        found.append(connection.receive())
    connection.close()
    assert found == [load.Answer(200, b"one"), load.Answer(503, b"two"), load.Answer(200, b"")]
    assert len(taken) == 1


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    ],
)
def test_a_connection_is_opened_again_where_the_server_closes_it(load, server, response):
    port, taken = server([response] * 2, each_closes=True)
    client = load.Client([(port, b"ask!")])
    assert client.ask() == client.ask() == [load.Answer(200, b"ok")]
    assert len(taken) == 2


def test_a_client_sends_all_calls_before_it_reads(load, server):
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number for number in (1, 2)]
    calls = [(server([answer])[0], b"ask!") for answer in answers]
    client = load.Client(calls)
    assert [answer.body for answer in client.ask()] == [b"1", b"2"]
    client.close()


def test_a_loop_counts_what_was_answered_after_the_warm_up(load, monkeypatch):
    class Client:
        def __init__(self, calls):
            self.status = calls[0][1]

        def ask(self):
            time.sleep(0.01)
            if self.status is None:
                raise ConnectionError
            return [load.Answer(200, b""), load.Answer(self.status, b"")]

        def close(self):
            pass

    monkeypatch.setattr(load, "Client", Client)
    outcome = load.run([(0, 200)], clients=2, warm_up=0.1, seconds=0.2)
    assert outcome.failed == 0
    assert 4 <= len(outcome.latencies) <= 40  # 20 each, and as many in the warm-up would be 60
    assert min(outcome.latencies) >= 0.01
    assert 0.2 <= outcome.seconds < 5
    for status in (500, None):
        outcome = load.run([(0, status)], clients=1, warm_up=0.0, seconds=0.05)
        assert outcome.failed
        assert not outcome.latencies


def test_the_clients_run_as_a_process_of_their_own(load, server, tmp_path):
    port, _ = server([b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1"] * 100_000)
    (tmp_path / "request").write_bytes(b"ask!")
    told = {"calls": [[port, str(tmp_path / "request")]], "clients": 1, "warm_up": 0}
    specification = tmp_path / "specification.json"
    specification.write_text(json.dumps({**told, "seconds": 0.1}))
    command = [sys.executable, load.__file__, specification]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert found["failed"] == 0
    assert len(found["latencies"]) > 3
    assert found["busy"] > 0


def stage(sides, folder, names=("a", "b")):
    for name in names:
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "labels.txt").write_text("no\r\nyes\n")
    exports = tuple(folder / name for name in names)
    return sides.Stage(Path("/env/bin/python"), exports, exports, (5, 6, 7), folder)


def parsed(request):
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert int(headers["Content-Length"]) == len(body)
    return first.split(" ")[1], headers, body


@pytest.mark.parametrize("name", ["litserve-1", "bentoml-2"])
def test_a_form_holds_the_picture_as_a_file(sides, tmp_path, name):
    ((port, request),) = sides.SIDES[name].calls(stage(sides, tmp_path), PICTURE)
    path, headers, body = parsed(request)
    assert (port, path) == (5, "/predict")
    assert picture_in(headers["Content-Type"], body) == PICTURE


def test_the_picture_goes_to_triton_and_mlserver_once(sides, tmp_path):
    here = stage(sides, tmp_path)
    ((_, request),) = sides.SIDES["triton-1"].calls(here, PICTURE)
    path, headers, body = parsed(request)
    length = int(headers["Inference-Header-Content-Length"])
    (tensor,) = json.loads(body[:length])["inputs"]
    assert path == "/v2/models/ten/infer"
    assert body[length:] == struct.pack("<I", len(PICTURE)) + PICTURE
    assert tensor["parameters"] == {"binary_data_size": len(body) - length}
    ((_, request),) = sides.SIDES["mlserver-1"].calls(here, PICTURE)
    (tensor,) = json.loads(parsed(request)[2])["inputs"]
    assert base64.b64decode(tensor["data"][0]) == PICTURE


def test_the_containers_are_called_once_per_model(sides, tmp_path):
    calls = sides.SIDES["container-tflite"].calls(stage(sides, tmp_path), PICTURE)
    assert [port for port, _ in calls] == [5, 6]
    assert {parsed(request)[2] for _, request in calls} == {PICTURE}


def test_every_sides_answers_are_read_alike(sides, load, tmp_path):
    values = {"a": {"no": 0.2, "yes": 0.8}, "b": {"no": 0.9, "yes": 0.1}}
    ours = {name: {"label": max(of, key=of.get)} for name, of in values.items()}
    rows = [{"name": name, "data": list(of.values())} for name, of in values.items()]
    bodies = {
        "trunkline": [{"predictions": ours}],
        "litserve-1": [values],
        "bentoml-1": [values],
        "mlserver-1": [{"outputs": [{"data": [json.dumps(values)]}]}],
        "triton-1": [{"outputs": rows[::-1]}],
        "container-tensorflow": [
            {"predictions": [{"tagName": k, "probability": p} for k, p in of.items()]}
            for of in values.values()
        ],
    }
    for name, answers in bodies.items():
        told = [load.Answer(200, json.dumps(answer).encode()) for answer in answers]
        found = sides.SIDES[name].labels(stage(sides, tmp_path), told)
        assert found == {"a": "yes", "b": "no"}, name


def test_every_server_is_told_its_exports_ports_and_workers(sides, tmp_path):
    here = stage(sides, tmp_path)
    setup = importlib.import_module("serving_sides")._VARIABLE
    for name, side in sides.SIDES.items():
        for number, (command, variables) in enumerate(side.commands(here)):
            if side.kind == "ours":
                assert command[-2:] == [str(path) for path in here.exports]
                continue
            told = json.loads(variables[setup])
            one_each = side.kind == "container"
            assert told["ports"] == list(here.ports[number if one_each else 0 :])
            assert len(told["folders"]) == (1 if one_each else 2)
            assert one_each or told["workers"] == int(name[-1])
            for program in (part for part in command if part.endswith("_server.py")):
                assert Path(program).is_file()
    assert json.loads((tmp_path / "settings.json").read_text())["host"] == "127.0.0.1"


def test_a_process_is_asked_until_it_answers_and_ends_with_its_children(processes, tmp_path):
    (port,) = processes.free_ports(1)
    program = (
        "import subprocess, sys, http.server as h\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('child', 'w').write(str(child.pid))\n"
        "class H(h.BaseHTTPRequestHandler):\n"
        "    def do_POST(self):\n"
        "        self.send_response(200); self.end_headers(); self.wfile.write(b'yes')\n"
        f"h.HTTPServer(('127.0.0.1', {port}), H).serve_forever()\n"
    )
    request = b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
    with processes.Running([([sys.executable, "-c", program], {})], tmp_path) as running:
        seconds, (answer,) = running.first_answers([(port, request)])
        assert answer.body == b"yes"
        assert 0 < seconds < 60
        assert running.memory() > 5
        child = int((tmp_path / "child").read_text())
        assert Path(f"/proc/{child}").exists()
    deadline = time.monotonic() + 30  # a process that was killed may take a moment to go
    while _is_running(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _is_running(child)


def _is_running(process):
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_process_that_ends_is_heard_of(processes, tmp_path):
    command = [sys.executable, "-c", "raise SystemExit('out of luck')"]
    with (
        processes.Running([(command, {})], tmp_path) as running,
        pytest.raises(processes.StartError, match="out of luck"),
    ):
        running.first_answers([(processes.free_ports(1)[0], b"")])


def test_the_tree_holds_what_comes_from_its_roots(processes):
    parents = {2: 1, 3: 2, 4: 3, 5: 1, 6: 9}
    assert processes.tree({2}, parents) == {2, 3, 4}
    assert processes.tree({9}, parents) == {9, 6}


def test_a_cell_is_worked_out_from_seconds(results):
    cell = results.Cell.of([0.001 * number for number in range(1, 101)], 2.0, 0.1, 3)
    assert (cell.rate, cell.p99, cell.failed) == (50.0, pytest.approx(100.0), 3)
    assert cell.p50 == pytest.approx(51.0)
    nothing = results.Cell.of([], 2.0, 0.1, 9)
    assert (nothing.rate, nothing.p99) == (0.0, float("inf"))


def visits(results, rate, p99, start):
    cells = {("0.3", 1): results.Cell(rate, p99 / 2, p99, 0.0)}
    return [results.Visit(start, 100.0, cells)]


def test_the_best_of_the_others_counts(results):
    table = results.findings(
        {
            "trunkline": visits(results, 90.0, 10.0, 1.0),
            "litserve-1": visits(results, 9.0, 40.0, 2.0),
            "triton-2": visits(results, 10.0, 8.0, 0.5),
            "container-tflite": visits(results, 5.0, 90.0, 4.0),
        }
    )
    more, container, p99, start, memory = table.rows
    assert more[2:] == (
        "Triton (PyTriton), 2 workers: 10.0", "9.000", "at least 8", "Reached."
    )  # fmt: skip
    assert container[3:] == ("18.00", "at least 15", "Reached.")
    assert p99[2:] == (
        "Triton (PyTriton), 2 workers: 8.00 ms", "0.8000", "more than 1", "**Missed.**"
    )  # fmt: skip
    assert start[5] == "**Missed.**"
    assert memory[4:] == ("", "")


def test_tables_have_a_row_for_each_side(results):
    of = {
        "trunkline": visits(results, 90.0, 10.0, 1.0),
        "litserve-1": visits(results, 9.0, 40.0, 2.0),
    }
    lives, heading, loads = results.tables(of)
    assert lives.rows[1] == ("LitServe, 1 worker", "2.00", "100")
    assert heading == "### 0.3 megapixels"
    assert loads.rows[0] == ["Trunkline", "90.0", "5.00", "10.0"]


def test_an_environment_is_made_once(monkeypatch, tmp_path):
    environments = importlib.import_module("serving_environments")
    called = []

    def call(command):
        called.append(command)
        tmp_path.joinpath("env").mkdir(exist_ok=True)
        return "1.5\n2.5\n"

    monkeypatch.setattr(environments, "_call", call)
    python = environments.python_of(tmp_path / "env", ["one", "two<3"])
    assert python == tmp_path / "env" / "bin" / "python"
    assert called[1][-2:] == ["one", "two<3"]
    environments.python_of(tmp_path / "env", ["one", "two<3"])
    assert len(called) == 2
    environments.python_of(tmp_path / "env", ["one"])
    assert len(called) == 4
    assert environments.versions_of(python, ["one", "two"]) == {"one": "1.5", "two": "2.5"}


def test_what_cannot_be_installed_is_told():
    environments = importlib.import_module("serving_environments")
    with pytest.raises(environments.InstallError, match="failed: no such package"):
        environments._call([sys.executable, "-c", "raise SystemExit('no such package')"])


def test_a_side_that_cannot_be_installed_is_noted(monkeypatch, tmp_path):
    program = importlib.import_module("serving")

    def refuse(folder, requirements):
        raise program.InstallError("no")

    monkeypatch.setattr(program, "python_of", refuse)
    pythons, notes = program._install(["trunkline", "triton-1"], tmp_path)
    assert list(pythons) == ["trunkline"]
    assert notes == ["Triton (PyTriton), 1 worker cannot be installed here: no"]


def test_sides_that_answer_otherwise_stop_the_run(sides):
    program = importlib.import_module("serving")
    expected = {}
    program._check(sides.SIDES["trunkline"], {"a": "yes"}, expected)
    with pytest.raises(RuntimeError, match="LitServe"):
        program._check(sides.SIDES["litserve-1"], {"a": "no"}, expected)


def test_a_setup_reaches_the_servers(monkeypatch, sides, tmp_path):
    monkeypatch.syspath_prepend(Path(sides.__file__).parent / "rivals_serving")
    setups = importlib.import_module("serving_setup")
    variables = stage(sides, tmp_path).variables(2, [tmp_path / "a"], 1)
    monkeypatch.setenv(setups.VARIABLE, variables[setups.VARIABLE])
    setup = setups.Setup.given()
    assert setup == setups.Setup((tmp_path / "a",), (6, 7), 2)


@pytest.mark.slow
def test_a_quick_run_serves_and_writes_nothing(shared, run_program):
    page = PAGE.read_bytes()
    models = shared / "models"
    run = run_program("serving.py", "--quick", "--sides", "trunkline", "--models-dir", models)
    assert run.returncode == 0, run.stderr
    assert "| Trunkline |" in run.stdout
    assert "0.3 megapixels" in run.stdout
    assert "left" not in run.stdout
    assert PAGE.read_bytes() == page

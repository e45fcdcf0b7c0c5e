# SPDX-License-Identifier: Apache-2.0
"""Who is held against whom in ``serving``: how each server is started, asked and understood."""

from __future__ import annotations

import base64
import json
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from serving_load import Answer

    Calls = list[tuple[int, bytes]]
    Commands = list[tuple[Sequence[str], Mapping[str, str]]]
    Labels = Mapping[str, str]

__all__ = ["SIDES", "Side", "Stage", "post"]

_SERVERS = Path(__file__).parent / "rivals_serving"
_VARIABLE = "SERVING_SETUP"
_BOUNDARY = "a-boundary-that-no-jpeg-holds-7f3a"
_QUIET = {"BENTOML_DO_NOT_TRACK": "True", "TF_CPP_MIN_LOG_LEVEL": "3"}


@dataclass(frozen=True, slots=True)
class Stage:
    """What a side is started with.

    Attributes:
        python: The interpreter of its environment.
        exports: TensorFlow exports.
        lite: The same models as TFLite exports.
        ports: Free ones, as many as there are exports and at least three.
        folder: An empty folder.
    """

    python: Path
    exports: tuple[Path, ...]
    lite: tuple[Path, ...]
    ports: tuple[int, ...]
    folder: Path

    def variables(self, workers: int, folders: Sequence[Path], port: int = 0) -> dict[str, str]:
        """Return what a server of ``rivals_serving`` finds in its environment."""
        setup = {
            "folders": list(map(str, folders)),
            "ports": self.ports[port:],
            "workers": workers,
        }
        path = f"{_SERVERS}:{_SERVERS.parent}"
        return {**_QUIET, _VARIABLE: json.dumps(setup), "PYTHONPATH": path}


@dataclass(frozen=True, slots=True)
class Side:
    """A way to serve ten exports.

    Attributes:
        title: What tables call it.
        kind: Trunkline, another server that is given the picture once, or the exported container's
            way.
        environment: What its environment is called; empty for this interpreter's.
        packages: What its environment needs, the one whose version is told first.
        commands: The processes to start.
        calls: What a client sends for one picture.
        labels: The most probable label of each model, from the answers to ``calls``.
    """

    title: str
    kind: Literal["ours", "server", "container"]
    environment: str
    packages: tuple[str, ...]
    commands: Callable[[Stage], Commands]
    calls: Callable[[Stage, bytes], Calls]
    labels: Callable[[Stage, Sequence[Answer]], Labels]


def post(
    path: str, body: bytes, content_type: str, headers: Mapping[str, str] | None = None
) -> bytes:
    """Return a whole request of HTTP/1.1."""
    lines = {
        "Host": "127.0.0.1",
        "Content-Type": content_type,
        "Content-Length": str(len(body)),
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def _form(path: str, picture: bytes) -> bytes:
    before = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="picture"; '
        'filename="picture.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    )
    body = before.encode() + picture + f"\r\n--{_BOUNDARY}--\r\n".encode()
    return post(path, body, f"multipart/form-data; boundary={_BOUNDARY}")


def _best(probabilities: Mapping[str, float]) -> str:
    return max(probabilities, key=probabilities.__getitem__)


def _best_of_each(values: Mapping[str, Mapping[str, float]]) -> Labels:
    return {model: _best(of) for model, of in values.items()}


def _whole(answers: Sequence[Answer]) -> Any:  # noqa: ANN401 - JSON is anything
    (answer,) = answers
    return json.loads(answer.body)


def _server(program: str, workers: int) -> Callable[[Stage], Commands]:
    def commands(stage: Stage) -> Commands:
        command = [str(stage.python), str(_SERVERS / program)]
        return [(command, stage.variables(workers, stage.exports))]

    return commands


# Trunkline.


def _start_trunkline(stage: Stage) -> Commands:
    options = ["--port", str(stage.ports[0]), "--grpc-port", "off"]
    exports = map(str, stage.exports)
    return [([sys.executable, "-m", "trunkline", "serve", *options, *exports], {})]


def _ask_trunkline(stage: Stage, picture: bytes) -> Calls:
    return [(stage.ports[0], post("/predict", picture, "image/jpeg"))]


def _read_trunkline(_: Stage, answers: Sequence[Answer]) -> Labels:
    return {name: of["label"] for name, of in _whole(answers)["predictions"].items()}


# LitServe and BentoML: a form with a file.


def _ask_by_form(stage: Stage, picture: bytes) -> Calls:
    return [(stage.ports[0], _form("/predict", picture))]


def _read_mapping(_: Stage, answers: Sequence[Answer]) -> Labels:
    return _best_of_each(_whole(answers))


def _start_bentoml(workers: int) -> Callable[[Stage], Commands]:
    def commands(stage: Stage) -> Commands:
        service = "bentoml_server:TenModelsService"
        where = ["--host", "127.0.0.1", "--port", str(stage.ports[0])]
        command = [str(stage.python), "-m", "bentoml", "serve", service, *where]
        home = {"BENTOML_HOME": str(stage.folder)}
        folder = ["--working-dir", str(_SERVERS)]
        return [([*command, *folder], {**stage.variables(workers, stage.exports), **home})]

    return commands


# MLServer: the open protocol's JSON, the picture as a base64 input.


def _start_mlserver(workers: int) -> Callable[[Stage], Commands]:
    def commands(stage: Stage) -> Commands:
        http, grpc, metrics = stage.ports[:3]
        settings = {
            "host": "127.0.0.1",
            "http_port": http,
            "grpc_port": grpc,
            "metrics_port": metrics,
            "parallel_workers": workers,
            "debug": False,
        }
        model = {"name": "ten", "implementation": "mlserver_server.TenModelsRuntime"}
        for name, values in (("settings", settings), ("model-settings", model)):
            (stage.folder / f"{name}.json").write_text(json.dumps(values), "utf-8")
        program = str(stage.python.with_name("mlserver"))
        variables = stage.variables(workers, stage.exports)
        return [([program, "start", str(stage.folder)], variables)]

    return commands


def _ask_mlserver(stage: Stage, picture: bytes) -> Calls:
    tensor = {
        "name": "picture",
        "shape": [1, 1],
        "datatype": "BYTES",
        "parameters": {"content_type": "base64"},
        "data": [base64.b64encode(picture).decode("ascii")],
    }
    body = json.dumps({"inputs": [tensor]}).encode()
    return [(stage.ports[0], post("/v2/models/ten/infer", body, "application/json"))]


def _read_mlserver(_: Stage, answers: Sequence[Answer]) -> Labels:
    (output,) = _whole(answers)["outputs"]
    return _best_of_each(json.loads(output["data"][0]))


# Triton: the open protocol with binary tensors.


def _ask_triton(stage: Stage, picture: bytes) -> Calls:
    data = struct.pack("<I", len(picture)) + picture
    tensor = {
        "name": "picture",
        "shape": [1],
        "datatype": "BYTES",
        "parameters": {"binary_data_size": len(data)},
    }
    head = json.dumps({"inputs": [tensor]}).encode()
    length = {"Inference-Header-Content-Length": str(len(head))}
    body = post("/v2/models/ten/infer", head + data, "application/octet-stream", length)
    return [(stage.ports[0], body)]


def _read_triton(stage: Stage, answers: Sequence[Answer]) -> Labels:
    outputs = {output["name"]: output["data"] for output in _whole(answers)["outputs"]}
    return {
        folder.name: _best(dict(zip(_labels(folder), outputs[folder.name], strict=False)))
        for folder in stage.exports
    }


def _labels(folder: Path) -> list[str]:
    return [line.strip() for line in (folder / "labels.txt").read_text("utf-8").splitlines()]


# The exported container's way: a process and a call for each model.


def _start_containers(*, lite: bool) -> Callable[[Stage], Commands]:
    def commands(stage: Stage) -> Commands:
        command = [str(stage.python), str(_SERVERS / "container_server.py")]
        folders = stage.lite if lite else stage.exports
        return [(command, stage.variables(1, [of], port)) for port, of in enumerate(folders)]

    return commands


def _ask_containers(stage: Stage, picture: bytes) -> Calls:
    request = post("/image", picture, "application/octet-stream")
    return [(port, request) for port in stage.ports[: len(stage.exports)]]


def _read_containers(stage: Stage, answers: Sequence[Answer]) -> Labels:
    labels = {}
    for folder, answer in zip(stage.exports, answers, strict=True):
        predictions = json.loads(answer.body)["predictions"]
        labels[folder.name] = _best({of["tagName"]: of["probability"] for of in predictions})
    return labels


_OPENVINO = ("openvino", "pillow", "numpy")
_LITSERVE = ("litserve", *_OPENVINO, "python-multipart")
# MLServer 1.7 asks for an event loop in a way that uvloop 0.22 has given up.
_MLSERVER = ("mlserver", *_OPENVINO, "uvloop<0.22")
_BENTOML = ("bentoml", *_OPENVINO)
_TRITON = ("nvidia-pytriton", *_OPENVINO)
_FLASK = ("flask", "tensorflow-cpu", "ai-edge-litert", "pillow", "numpy")


def _sides() -> dict[str, Side]:
    """Return all sides; the other servers with one worker on all cores, and with one per core."""
    made = {
        "trunkline": Side(
            "Trunkline", "ours", "", (), _start_trunkline, _ask_trunkline, _read_trunkline
        )
    }
    for workers, how in ((1, "1 worker"), (2, "2 workers")):
        made[f"litserve-{workers}"] = Side(
            f"LitServe, {how}", "server", "litserve", _LITSERVE,
            _server("litserve_server.py", workers), _ask_by_form, _read_mapping,
        )  # fmt: skip
        made[f"mlserver-{workers}"] = Side(
            f"MLServer, {how}", "server", "mlserver", _MLSERVER,
            _start_mlserver(workers), _ask_mlserver, _read_mlserver,
        )  # fmt: skip
        made[f"bentoml-{workers}"] = Side(
            f"BentoML, {how}", "server", "bentoml", _BENTOML,
            _start_bentoml(workers), _ask_by_form, _read_mapping,
        )  # fmt: skip
        made[f"triton-{workers}"] = Side(
            f"Triton (PyTriton), {how}", "server", "pytriton", _TRITON,
            _server("pytriton_server.py", workers), _ask_triton, _read_triton,
        )  # fmt: skip
    for lite, how in ((False, "TensorFlow"), (True, "TFLite")):
        made[f"container-{how.lower()}"] = Side(
            f"exported container's way, {how}", "container", "container", _FLASK,
            _start_containers(lite=lite), _ask_containers, _read_containers,
        )  # fmt: skip
    return made


SIDES = _sides()
"""By name, in the order of the page."""

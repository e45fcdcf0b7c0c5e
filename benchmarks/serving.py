# SPDX-License-Identifier: Apache-2.0
"""Ten exports answered per request: Trunkline's server against other servers, under load.

    python benchmarks/serving.py                                # writes docs/benchmarks.md
    python benchmarks/serving.py --sides trunkline litserve-1   # some of them, writes nothing
    python benchmarks/serving.py --quick --sides trunkline      # a smoke test, writes nothing

The other servers are installed with pip, each into an environment of its own. What is measured,
and how, is explained in ``docs/benchmarks.md``.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from options import parse, parser_of, picture_beside, positive, publish, say
from serving_environments import InstallError, python_of, versions_of
from serving_processes import Running, StartError, free_ports
from serving_results import Cell, Visit, findings, tables
from serving_sides import SIDES, Side, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from report import Section

PACKAGES = ("trunkline", "openvino", "numpy", "pillow", "starlette", "uvicorn")
TOLD = (
    "litserve",
    "mlserver",
    "bentoml",
    "nvidia-pytriton",
    "openvino",
    "flask",
    "tensorflow-cpu",
    "ai-edge-litert",
)
"""The other sides' packages whose versions the page tells."""

ENVIRONMENTS = Path.home() / ".cache" / "trunkline-benchmarks" / "serving"
PICTURES = {"0.3": (640, 480), "1.4": (1366, 1024)}
"""By megapixels, width and height."""

CLIENTS = (1, 4, 16)
MODELS = 10
WARM_UP_SECONDS = 0.5
_LOAD = Path(__file__).with_name("serving_load.py")


@dataclass(frozen=True, slots=True)
class Plan:
    """What every server is given.

    Attributes:
        exports: TensorFlow exports.
        lite: The same as TFLite exports.
        pictures: JPEG files by megapixels.
        clients: How many ask at a time.
        seconds: How long a loop is measured.
        warm_up: Seconds before it.
        folder: For what servers and clients need; an empty one.
    """

    exports: tuple[Path, ...]
    lite: tuple[Path, ...]
    pictures: Mapping[str, bytes]
    clients: tuple[int, ...]
    seconds: float
    warm_up: float
    folder: Path


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__, repetitions=3)
    parser.add_argument("--sides", nargs="+", choices=SIDES, metavar="SIDE", help=_sides())
    parser.add_argument("--environments", type=Path, default=ENVIRONMENTS, metavar="FOLDER")
    parser.add_argument("--seconds", type=positive, default=5, help="per loop (%(default)s)")
    options = parse(parser, arguments)
    names = list(dict.fromkeys(["trunkline", *(options.sides or SIDES)]))
    with tempfile.TemporaryDirectory(prefix="trunkline-benchmark-") as scratch:
        plan = make_plan(options.models_dir, Path(scratch), options.seconds, quick=options.quick)
        section = measure(names, plan, options.environments.resolve(), options.repetitions)
    # Some sides are not the whole section, and must not take its place.
    publish(section, write=options.write and not options.sides)


def make_plan(models: Path, folder: Path, seconds: float, *, quick: bool) -> Plan:
    """Make the pictures and the TFLite exports.

    Args:
        models: The folder of exports.
        folder: An empty one.
        seconds: How long a loop is measured.
        quick: Do the least of everything.
    """
    from lab import same_trunk
    from trunkline.exports.reading import read_one
    from trunkline.writers.package import write_export

    exports = tuple(same_trunk(models, MODELS).values())
    lite = []
    for export in [] if quick else exports:
        model = read_one(export, export.name)
        if isinstance(model, Exception):
            raise model
        lite.append(
            write_export(model, folder / "lite" / export.name, "TensorFlow", "TensorFlowLite")
        )
    sizes = dict(list(PICTURES.items())[: 1 if quick else None])
    pictures = {name: jpeg(picture_beside(models), size) for name, size in sizes.items()}
    clients = CLIENTS[:2] if quick else CLIENTS
    timing = (0.3, 0.1) if quick else (seconds, WARM_UP_SECONDS)
    return Plan(exports, tuple(lite), pictures, clients, *timing, folder)


def jpeg(photograph: Path, size: tuple[int, int]) -> bytes:
    """Return a photograph in another size as a JPEG file."""
    from PIL import Image

    file = io.BytesIO()
    with Image.open(photograph) as image:
        image.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(file, "JPEG", quality=90)
    return file.getvalue()


def measure(names: Sequence[str], plan: Plan, environments: Path, rounds: int) -> Section:
    """Run every server in every round, one after another, and say what was found.

    Args:
        names: Keys of ``SIDES``, Trunkline's first.
        plan: What every server is given.
        environments: The folder of the other servers' environments.
        rounds: How often each server is started.

    Raises:
        RuntimeError: Two sides' answers differ.
    """
    from report import Machine, Section

    machine = Machine.here(PACKAGES)
    pythons, notes = _install(names, environments)
    visits: dict[str, list[Visit]] = {name: [] for name in names if name in pythons}
    expected: dict[str, str] = {}
    for number in range(rounds):
        for name in list(visits):
            say(f"round {number + 1}: {name}")
            try:
                visits[name].append(visit(SIDES[name], pythons[name], plan, expected))
            except StartError as error:
                del visits[name]
                notes.append(f"{SIDES[name].title} does not start here: {error}.")
    notes += [_failures(name, of) for name, of in visits.items() if _failed(of)]
    parts = (_how(plan, rounds, visits), *notes)
    if len(visits) > 1:
        parts = (*parts, findings(visits))
    return Section("serving", "Serving", machine, (*parts, *tables(visits)))


def _install(names: Sequence[str], environments: Path) -> tuple[dict[str, Path], list[str]]:
    """Return the interpreters of the sides that can be installed, and notes."""
    pythons, versions, notes = {}, dict[str, str](), []
    for name in names:
        side = SIDES[name]
        if not side.environment:
            pythons[name] = Path(sys.executable)
            continue
        try:
            pythons[name] = python_of(environments / side.environment, side.packages)
            told = [package for package in side.packages if package in TOLD]
            versions |= versions_of(pythons[name], told)
        except InstallError as error:
            notes.append(f"{side.title} cannot be installed here: {error}")
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return pythons, [f"The other sides' packages: {listed}.", *notes] if listed else notes


def visit(side: Side, python: Path, plan: Plan, expected: dict[str, str]) -> Visit:
    """Start a server, ask it with so many clients at a time, and end it.

    Args:
        side: The server.
        python: The interpreter of its environment.
        plan: What it is given.
        expected: The most probable label of each model; filled in by the first side.

    Raises:
        StartError: It does not come up.
        RuntimeError: Its answers differ.
    """
    with tempfile.TemporaryDirectory(dir=plan.folder) as folder:
        ports = tuple(free_ports(max(3, len(plan.exports))))
        stage = Stage(python, plan.exports, plan.lite, ports, Path(folder))
        with Running(side.commands(stage), stage.folder) as running:
            calls = {name: side.calls(stage, data) for name, data in plan.pictures.items()}
            start, answers = running.first_answers(next(iter(calls.values())))
            _check(side, side.labels(stage, answers), expected)
            cells = {
                (name, clients): _loop(asked, clients, plan)
                for name, asked in calls.items()
                for clients in plan.clients
            }
            return Visit(start, running.memory(), cells)


def _check(side: Side, labels: Mapping[str, str], expected: dict[str, str]) -> None:
    if not expected:
        expected.update(labels)
    if labels != expected:
        raise RuntimeError(f"{side.title} answers {labels}, not {expected}")


def _loop(calls: Sequence[tuple[int, bytes]], clients: int, plan: Plan) -> Cell:
    """Have a process of its own ask, so that clients and server share no interpreter."""
    with tempfile.TemporaryDirectory(dir=plan.folder) as name:
        folder = Path(name)
        files = []
        for number, (port, request) in enumerate(calls):
            (folder / str(number)).write_bytes(request)
            files.append((port, str(folder / str(number))))
        told = {"warm_up": plan.warm_up, "seconds": plan.seconds}
        specification = folder / "specification.json"
        specification.write_text(json.dumps({"calls": files, "clients": clients, **told}), "utf-8")
        done = subprocess.run(
            [sys.executable, str(_LOAD), str(specification)],
            check=True,
            capture_output=True,
            text=True,
        )
    found = json.loads(done.stdout)
    return Cell.of(found["latencies"], found["seconds"], found["busy"], found["failed"])


def _how(plan: Plan, rounds: int, visits: Mapping[str, Sequence[Visit]]) -> str:
    busiest = max(
        cell.busy for of in visits.values() for each in of for cell in each.cells.values()
    )
    return (
        f"{len(plan.exports)} exports on one trunk. Rounds: {rounds}, {plan.seconds:g} seconds per "
        "loop of clients. Medians, and the smallest and largest of the rounds in parentheses. "
        "Server and clients share the machine's cores; the clients never used more than "
        f"{100 * busiest:.0f} % of one core. Memory is the sum of Linux's Pss over all processes "
        "of a server."
    )


def _failed(visits: Sequence[Visit]) -> int:
    return sum(cell.failed for of in visits for cell in of.cells.values())


def _failures(name: str, visits: Sequence[Visit]) -> str:
    return f"{SIDES[name].title} left {_failed(visits)} requests without an answer of 200."


def _sides() -> str:
    return f"run some of the sides and write nothing: {', '.join(SIDES)}"


if __name__ == "__main__":
    main()

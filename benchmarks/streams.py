# SPDX-License-Identifier: Apache-2.0
"""Live cameras watched by many models: Trunkline against loops that ask one model after another.

    python benchmarks/streams.py                              # writes docs/benchmarks.md
    python benchmarks/streams.py --sides trunkline openvino   # some sides, writes nothing
    python benchmarks/streams.py --quick                      # a smoke test, writes nothing

What is measured, and how, is explained in ``docs/benchmarks.md``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from options import parse, parser_of, picture_beside, positive, publish, say
from streams_cameras import Cameras, write_frames
from streams_record import Record
from streams_results import Bare, Cell, Load, Results
from streams_sides import BARE, OURS, SIDES
from workers import check_agreement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from report import Section
    from workers import Answers

PACKAGES = (
    "trunkline",
    "openvino",
    "numpy",
    "pillow",
    "av",
    "opencv-python-headless",
    "tensorflow",
    "tensorflow-cpu",
)
CAMERAS = (1, 4, 8)
MODELS = (1, 10, 100)
RATE, MOST = 15, 60
"""Frames per second of a camera, and of one of those that are too much for anything here."""

_FRAMES = 1024  # a camera at 60 per second repeats itself after 17 s
_PROGRAM = Path(__file__).with_name("streams_sides.py")


@dataclass(frozen=True, slots=True)
class Plan:
    """What every side is given.

    Attributes:
        exports: Real ones first, then made-up ones.
        picture: What all sides are asked about before anything is measured.
        frames: The folder of what cameras send.
        loads: Under which all sides are measured, and the last one of each number of models
            under which only Trunkline is.
        seconds: How long a load is counted.
    """

    exports: tuple[Path, ...]
    picture: Path
    frames: Path
    loads: tuple[Load, ...]
    seconds: float

    def loads_of(self, side: str, models: int) -> list[Load]:
        """Return what one side is measured under with so many models."""
        most = SIDES[side].most
        cameras = most.get(models, 0) if most else max(CAMERAS)
        return [
            load
            for load in self.loads
            if load.models == models
            and load.cameras <= cameras
            and (load.rate < MOST or side == OURS)
        ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__, repetitions=2)
    parser.add_argument("--sides", nargs="+", choices=SIDES, metavar="SIDE", help=_sides())
    parser.add_argument("--seconds", type=positive, default=4, help="per load (%(default)s)")
    options = parse(parser, arguments)
    names = list(dict.fromkeys([OURS, *(options.sides or SIDES)]))
    with tempfile.TemporaryDirectory(prefix="trunkline-benchmark-") as scratch:
        plan = make_plan(options.models_dir, Path(scratch), options.seconds, quick=options.quick)
        section = measure(names, plan, options.repetitions)
    # Some sides are not the whole section, and must not take its place.
    publish(section, write=options.write and not options.sides)


def make_plan(models: Path, folder: Path, seconds: float, *, quick: bool) -> Plan:
    """Make what cameras send, and the exports that there are not.

    Args:
        models: The folder of exports.
        folder: An empty one.
        seconds: How long a load is counted.
        quick: Do the least of everything.
    """
    from contenders import PB
    from crowd import write_crowd

    counts, cameras = ((1,), (1,)) if quick else (MODELS, CAMERAS)
    frames, crowd = folder / "frames", folder / "crowd"
    frames.mkdir()
    crowd.mkdir()
    photographs = sorted(models.parent.glob("pictures/*/*.jpg"))[:8]
    write_frames([picture_beside(models), *photographs], frames, 64 if quick else _FRAMES)
    write_crowd(models / PB[0], crowd, max(0, max(counts) - len(PB)))
    made = sorted(crowd.iterdir())
    return Plan(
        exports=(*(models / name for name in PB), *made),
        picture=frames / "0000.jpg",
        frames=frames,
        loads=tuple(
            load
            for count in counts
            for load in (
                *(Load(count, each, RATE) for each in cameras),
                Load(count, max(cameras), MOST),
            )
        ),
        seconds=0.5 if quick else seconds,
    )


def measure(names: Sequence[str], plan: Plan, rounds: int) -> Section:
    """Let every side watch in every round, one after another, and say what was found.

    Args:
        names: Keys of ``SIDES``, Trunkline's first.
        plan: What every side is given.
        rounds: How often each is started with each number of models.

    Raises:
        RuntimeError: A side failed, or its answers differ.
    """
    from report import Machine, Section

    machine = Machine.here(PACKAGES)
    cells: dict[Load, dict[str, list[Cell]]] = {load: {} for load in plan.loads}
    bare: dict[int, list[Bare]] = {load.models: [] for load in plan.loads}
    for number in range(rounds):
        for models, of in bare.items():
            say(f"round {number + 1}, {models} models: {BARE}")
            of.append(_bare(plan))
            expected: Answers = {}
            for name in names:
                for load, cell in _visit(name, models, plan, expected):
                    cells[load].setdefault(name, []).append(cell)
    results = Results(cells, bare, MOST)
    return Section(
        name="streams",
        title="Streams",
        machine=machine,
        parts=(_how(plan, rounds, results), results.findings(), *results.tables()),
    )


def _bare(plan: Plan) -> Bare:
    with Running(BARE, plan.exports[:1], plan.picture) as running:
        return Bare(**running.ask(seconds=plan.seconds / 4))


def _visit(name: str, models: int, plan: Plan, expected: dict[str, Any]) -> list[tuple[Load, Cell]]:
    """Start a side with so many models, and let it watch under each load in turn."""
    loads = plan.loads_of(name, models)
    found: list[tuple[Load, Cell]] = []
    if not loads:
        return found
    with Running(name, plan.exports[:models], plan.picture) as running:
        if not expected:
            expected.update(running.answers)
        check_agreement(expected, running.answers, SIDES[name].title)
        for load in loads:
            with Cameras(plan.frames, load.cameras, load.rate) as cameras:
                record = Record(**running.ask(urls=cameras.urls, seconds=plan.seconds))
                cell = Cell.of(cameras.stop(), record)
            say(f"  {name}, {load}: {cell.rate:.1f} per second, p99 {cell.p99:.0f} ms")
            found.append((load, cell))
    return found


class Running:
    """A side as a process.

    Args:
        name: Which.
        exports: Its models.
        picture: What it answers first.

    Raises:
        RuntimeError: It ended; the message ends with what it wrote.
    """

    def __init__(self, name: str, exports: Sequence[Path], picture: Path) -> None:
        told = {"exports": [str(export) for export in exports], "picture": str(picture)}
        self._name = name
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the process
        self._process = subprocess.Popen(
            [sys.executable, str(_PROGRAM), name, json.dumps(told)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.answers: Answers = self._line()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _end(self) -> str:
        """End the process, and return what it wrote on standard error."""
        self._process.kill()
        self._process.communicate()
        with self._errors as errors:
            errors.seek(0)
            return errors.read()

    def ask(self, **what: Any) -> Any:  # noqa: ANN401 - what JSON holds
        """Let it do something, and return what came of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> Any:  # noqa: ANN401
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name} failed:\n{self._end()[-2000:]}")
        return json.loads(line)


def _how(plan: Plan, rounds: int, results: Results) -> str:
    return (
        f"Rounds: {rounds}, {plan.seconds:g} seconds per load. Medians, and the smallest and "
        "largest of the rounds in parentheses. Cameras send JPEG pictures of 640 x 480 pixels from "
        "a process of their own on the same cores, of which they never used more than "
        f"{100 * results.cameras_busy():.0f} % of one. The smallest set of latencies is of "
        f"{results.least_frames()} frames; a p99 of fewer than 100 is the longest."
    )


def _sides() -> str:
    return f"run some of the sides and write nothing: {', '.join(SIDES)}"


if __name__ == "__main__":
    main()

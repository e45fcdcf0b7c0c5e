# SPDX-License-Identifier: Apache-2.0
"""From process start to first answers, and time per frame: Trunkline against the usual recipe.

    python benchmarks/start_and_predict.py            # writes docs/benchmarks.md
    python benchmarks/start_and_predict.py --quick    # one round, 1 model, writes nothing

Every figure comes from a process of its own (``--worker``), and the sides alternate within the
run. What is measured, and how, is explained in ``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from contenders import CONTENDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_MODELS = Path(os.environ.get("TRUNKLINE_SHARED", ROOT.parent / "shared")) / "models"
PICTURE = Path("apple") / "IMG_20200229_164759.jpg"

WARM_UP = 5, 2.0  # frames and seconds, whichever ends first
LEAST_FRAMES = 3
LONGEST = 10.0  # seconds of timed frames


def main(arguments: Sequence[str] | None = None) -> None:
    parser = _parser()
    options = parser.parse_args(arguments)
    models: Path = options.models_dir.resolve()
    if options.worker:
        name, count = options.worker
        exports = CONTENDERS[name].exports[: int(count)]
        work(name, [models / export for export in exports], _picture(models), options.frames)
        return
    if not models.is_dir():
        parser.error(f"{models} is not there; give the folder of exports with --models-dir")
    from comparison import compare_all

    if options.quick:
        options.repetitions, options.frames, options.write = 1, LEAST_FRAMES, False
    section = compare_all(models, options.repetitions, options.frames, quick=options.quick)
    print(section)
    if options.write:
        from report import write_section

        write_section(ROOT / "docs" / "benchmarks.md", section)


def work(name: str, exports: Sequence[Path], picture: Path, frames: int) -> None:
    """Be one contender: print the first answers as soon as they are there, then the rest."""
    predict = CONTENDERS[name].open(exports)
    print(json.dumps(predict(picture)), flush=True)
    milliseconds = time_frames(predict, picture, frames)
    print(json.dumps({"frame_ms": median(milliseconds), "peak_mib": _peak_memory()}), flush=True)


def time_frames(predict: Callable[..., object], picture: Path, frames: int) -> list[float]:
    """Return milliseconds per frame, from the uint8 array to all answers, after a warm-up.

    Args:
        predict: What answers.
        picture: Decoded once, before.
        frames: How many to time; fewer, but at least three, when they take over ten seconds.
    """
    from preprocessing import decoded

    pixels = decoded(picture)
    _repeat(lambda: predict(pixels), 1, *WARM_UP)
    return _repeat(lambda: predict(pixels), min(frames, LEAST_FRAMES), frames, LONGEST)


def _repeat(call: Callable[[], object], least: int, most: int, seconds: float) -> list[float]:
    took: list[float] = []
    while len(took) < least or (len(took) < most and sum(took) < seconds * 1000):
        started = time.perf_counter()
        call()
        took.append((time.perf_counter() - started) * 1000)
    return took


def _peak_memory() -> float:
    """Return the most memory that this process ever had in use, in MiB (Linux's VmHWM)."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(peak) / 1024


def _picture(models: Path) -> Path:
    return models.parent / "pictures" / PICTURE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--repetitions", type=_positive, default=5, help="rounds (%(default)s)")
    parser.add_argument("--frames", type=_positive, default=50, help="frames to time (%(default)s)")
    parser.add_argument("--models-dir", type=Path, default=DEFAULT_MODELS, metavar="DIR")
    parser.add_argument(
        "--write",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="put the section into docs/benchmarks.md",
    )
    parser.add_argument("--quick", action="store_true", help="one round, 1 model, nothing written")
    parser.add_argument("--worker", nargs=2, metavar=("NAME", "N"), help=argparse.SUPPRESS)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not 1 or more")
    return number


if __name__ == "__main__":
    main()

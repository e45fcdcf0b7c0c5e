# SPDX-License-Identifier: Apache-2.0
"""From process start to first answers, and time per frame: Trunkline against the usual recipe.

    python benchmarks/start_and_predict.py            # writes docs/benchmarks.md
    python benchmarks/start_and_predict.py --quick    # one round, 1 model, writes nothing

Every figure comes from a process of its own (``--worker``), and the sides alternate within the
run. What is measured, and how, is explained in ``docs/benchmarks.md``.
"""

from __future__ import annotations

import json
from statistics import median
from typing import TYPE_CHECKING

from contenders import CONTENDERS
from options import parse, parser_of, picture_beside, positive, publish
from timing import peak_memory, repeat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

WARM_UP = 5, 2.0  # frames and seconds, whichever ends first
LEAST_FRAMES = 3
LONGEST = 10.0  # seconds of timed frames


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__, repetitions=5)
    parser.add_argument("--frames", type=positive, default=50, help="frames to time (%(default)s)")
    options = parse(parser, arguments)
    models: Path = options.models_dir
    if options.worker:
        name, count = options.worker
        exports = CONTENDERS[name].exports[: int(count)]
        picture = picture_beside(models)
        work(name, [models / export for export in exports], picture, options.frames)
        return
    from comparison import compare_all

    frames = LEAST_FRAMES if options.quick else options.frames
    section = compare_all(models, options.repetitions, frames, quick=options.quick)
    publish(section, write=options.write)


def work(name: str, exports: Sequence[Path], picture: Path, frames: int) -> None:
    """Be one contender: print the first answers as soon as they are there, then the rest."""
    predict = CONTENDERS[name].open(exports)
    print(json.dumps(predict(picture)), flush=True)
    milliseconds = time_frames(predict, picture, frames)
    print(json.dumps({"frame_ms": median(milliseconds), "peak_mib": peak_memory()}), flush=True)


def time_frames(predict: Callable[..., object], picture: Path, frames: int) -> list[float]:
    """Return milliseconds per frame, from the uint8 array to all answers, after a warm-up.

    Args:
        predict: What answers.
        picture: Decoded once, before.
        frames: How many to time; fewer, but at least three, when they take over ten seconds.
    """
    from preprocessing import decoded

    pixels = decoded(picture)
    repeat(lambda: predict(pixels), 1, *WARM_UP)
    return repeat(lambda: predict(pixels), min(frames, LEAST_FRAMES), frames, LONGEST)


if __name__ == "__main__":
    main()

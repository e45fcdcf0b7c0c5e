# SPDX-License-Identifier: Apache-2.0
"""Many models on one trunk: time, memory, and what it costs that they come and go.

    python benchmarks/many_models.py                     # writes docs/benchmarks.md
    python benchmarks/many_models.py --only ten adding   # some of the measures, writes nothing
    python benchmarks/many_models.py --quick             # a smoke test, writes nothing

What is measured, and how, is explained in ``docs/benchmarks.md``.
"""

from __future__ import annotations

import importlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from options import parse, parser_of, picture_beside, publish, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lab import Lab, Measured
    from report import Section

MEASURES = {
    "twenty": ("frames", "twenty"),
    "thousand": ("frames", "thousand"),
    "recipe": ("recipe", "against_recipe"),
    "ten": ("rivals", "ten"),
    "nothing-shared": ("rivals", "nothing_shared"),
    "trunk": ("rivals", "trunk_alone"),
    "adding": ("changes", "adding"),
    "memory": ("memory", "many_against_one"),
    "coming-and-going": ("memory", "coming_and_going"),
}
"""By name, the module and the function of each measure, in the order of the page."""

PACKAGES = ("trunkline", "openvino", "numpy", "pillow", "tensorflow", "tensorflow-cpu")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__, repetitions=3)
    parser.add_argument("--only", nargs="+", choices=MEASURES, metavar="NAME", help=_names())
    options = parse(parser, arguments)
    if options.worker:
        from memory import WORKERS

        worker, what = options.worker
        print(json.dumps(WORKERS[worker](options.models_dir, what)), flush=True)
        return
    section = measure_all(
        options.only or list(MEASURES), options.models_dir, options.repetitions, quick=options.quick
    )
    # Some measures are not the whole section, and must not take its place.
    publish(section, write=options.write and not options.only)


def measure_all(names: Sequence[str], models: Path, rounds: int, *, quick: bool) -> Section:
    """Take measures, one after another, and say what was found.

    Args:
        names: Keys of ``MEASURES``.
        models: The folder of exports.
        rounds: How many figures are taken of everything.
        quick: Do the least of everything.

    Raises:
        RuntimeError: A process failed, sides' answers differ, or what should share does not.
    """
    from figures import findings_table
    from lab import Lab
    from report import Machine, Section

    machine = Machine.here(PACKAGES)
    with tempfile.TemporaryDirectory(prefix="trunkline-benchmark-") as scratch:
        lab = Lab(models, picture_beside(models), Path(scratch), rounds, quick)
        found = [_take(name, lab) for name in names]
    details = [part for measured in found for part in measured.details]
    return Section(
        name="many-models",
        title="Many models on one trunk",
        machine=machine,
        parts=(
            _how_often(rounds),
            findings_table([finding for measured in found for finding in measured.findings]),
            *details,
        ),
    )


def _take(name: str, lab: Lab) -> Measured:
    say(name)
    module, function = MEASURES[name]
    measure: Callable[[Lab], Measured] = getattr(importlib.import_module(module), function)
    return measure(lab)


def _how_often(rounds: int) -> str:
    return f"Rounds: {rounds}. Medians, and the smallest and largest of the rounds in parentheses."


def _names() -> str:
    return f"take some of the measures and write nothing: {', '.join(MEASURES)}"


if __name__ == "__main__":
    main()

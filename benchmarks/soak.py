# SPDX-License-Identifier: Apache-2.0
"""A watcher at full speed for hundreds of thousands of frames, while everything fails at random.

    python benchmarks/soak.py            # a quarter of an hour; writes docs/reliability.md
    python benchmarks/soak.py --quick    # some ten seconds, writes nothing

What is done, and how it is judged, is explained in ``docs/reliability.md``. The exit status is 1
where a figure misses what it is to reach.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from checks import Check, at_most, checks_table, none
from options import ROOT, positive
from report import Machine, Section, Table, write_section
from soak_ledger import cameras, models, sinks
from soak_trial import conduct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from soak_trial import Trial

__all__ = ["checks", "main", "section"]

PAGE = ROOT / "docs" / "reliability.md"
PACKAGES = ("trunkline", "openvino", "av", "paho-mqtt", "numpy", "pillow")
FRAMES, QUICK_FRAMES = 300_000, 800
QUICK_PACE = 0.2
MOST_GROWTH = 2.0
"""MiB per 100,000 frames: 21 bytes a frame, where the smallest frame has 9 KiB of pixels."""
MOST_CLOSING = 30.0
"""Seconds: a connection lets go within 7, sinks get 5 for what they hold and 2 to stop."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the soak; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--frames", type=positive, default=FRAMES, help="how many (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of all chance (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="a few frames, nothing written")
    parser.add_argument(
        "--write",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="put the section into docs/reliability.md",
    )
    options = parser.parse_args(arguments)
    machine = Machine.here(PACKAGES)
    if options.quick:
        trial = conduct(QUICK_FRAMES, options.seed, QUICK_PACE)
    else:
        trial = conduct(options.frames, options.seed)
    found = checks(trial, is_long=not options.quick)
    made = section(trial, found, machine)
    print(made)
    if options.write and not options.quick:
        write_section(PAGE, made)
    return 0 if all(each.holds for each in found) else 1


def checks(trial: Trial, *, is_long: bool = True) -> list[Check]:
    """Judge a soak.

    Args:
        trial: What was seen.
        is_long: Whether it went on for long enough to tell growth of memory from its beginning.
    """
    before, after = trial.before, trial.after
    of_cameras, of_models, of_sinks = cameras(trial), models(trial), sinks(trial)
    troubles = sum(trial.done.values())
    return [
        Check("frames looked at", f"{trial.frames:,}", "some", trial.frames > 0),
        Check("troubles that were made", f"{troubles:,}", "some", troubles > 0),
        none("frames of cameras not accounted for", of_cameras.missing),
        none("turns of models not accounted for", of_models.missing),
        none("items of sinks not accounted for", of_sinks.missing),
        none("frames out of order or twice", trial.tally.disorder),
        none("whole files not read whole", _misread(trial)),
        none("changes of models that went wrong", trial.turnover.wrong),
        *([_memory(trial)] if is_long else []),
        _closing(trial),
        none("threads left behind", _new(before.threads, after.threads)),
        none("file descriptors left behind", _new(before.files, after.files)),
        none("processes left behind", _new(before.processes, after.processes)),
    ]


def section(trial: Trial, found: Sequence[Check], machine: Machine) -> Section:
    """Return what a reader is told."""
    done = sorted(trial.done.items())
    return Section(
        "soak",
        f"A soak of {trial.frames:,} frames",
        machine,
        (
            _told(trial),
            checks_table(found),
            "What became of each camera's frames:",
            cameras(trial).table,
            "What became of each model's turns, all cameras together:",
            models(trial).table,
            "What became of what was put into each sink:",
            sinks(trial).table,
            "What went wrong meanwhile, and how often:",
            Table(("what", "times"), [(what, f"{times:,}") for what, times in done]),
        ),
    )


def _told(trial: Trial) -> str:
    memory = ", ".join(f"{each:.0f}" for each in trial.memory_by_eighths)
    passes = sum(getattr(each.source, "passes", 0) for each in trial.sources.values())
    return (
        f"{trial.seconds:.0f} seconds, {trial.frames / trial.seconds:.0f} frames per second, all "
        f"in one process beside the programs that make the trouble. {passes:,} times a file or "
        f"folder was read to its end and opened anew. Memory in use, by eighths of the time: "
        f"{memory} MiB."
    )


def _memory(trial: Trial) -> Check:
    return at_most("growth of memory", trial.growth, MOST_GROWTH, "MiB per 100,000 frames")


def _closing(trial: Trial) -> Check:
    return at_most("time to close", trial.closing, MOST_CLOSING, "s")


def _misread(trial: Trial) -> list[str]:
    return [wrong for each in trial.sources.values() for wrong in getattr(each.source, "wrong", ())]


def _new(before: Sequence[str], after: Sequence[str]) -> list[str]:
    left = list(after)
    for each in before:
        if each in left:
            left.remove(each)
    return left


if __name__ == "__main__":
    sys.exit(main())

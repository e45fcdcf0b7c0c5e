# SPDX-License-Identifier: Apache-2.0
"""A server under more load than it can take, while models change and clients misbehave.

    python benchmarks/reliability.py            # three minutes; writes docs/reliability.md
    python benchmarks/reliability.py --quick    # a few seconds, writes nothing

What is done, and how it is judged, is explained in ``docs/reliability.md``. The exit status is 1
where a figure misses what it is to reach.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from checks import Check, at_most, checks_table, none
from figures import short
from options import ROOT, parse, parser_of
from reliability_trial import DEADLINE, Trial, conduct, percentile
from report import Machine, Section, Table, write_section

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["checks", "main", "section"]

PAGE = ROOT / "docs" / "reliability.md"
PACKAGES = ("trunkline", "starlette", "uvicorn", "openvino", "numpy", "pillow")
QUICK_SECONDS = 4.0
MOST_GROWTH = 5.0
"""MiB per minute. Pages come and go with the allocator's mood, but 1 KiB that each request left
behind would add 10, a picture each, gigabytes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trial; return the exit status."""
    parser = parser_of(__doc__, repetitions=1)
    parser.add_argument(
        "--seconds", type=_seconds, default=180.0, help="length of the load (%(default)s)"
    )
    options = parse(parser, arguments)
    machine = Machine.here(PACKAGES)
    seconds = QUICK_SECONDS if options.quick else options.seconds
    trial = conduct(options.models_dir, seconds)
    found = checks(trial, is_long=not options.quick)
    made = section(trial, found, machine)
    print(made)
    if options.write:
        write_section(PAGE, made)
    return 0 if all(each.holds for each in found) else 1


def checks(trial: Trial, *, is_long: bool = True) -> list[Check]:
    """Judge a trial.

    Args:
        trial: What was seen.
        is_long: Whether it went on for long enough to tell growth of memory from its beginning.
    """
    return [
        *_under_load(trial),
        *([_memory(trial)] if is_long else []),
        *_beside_it(trial),
        *_at_the_end(trial),
    ]


def section(trial: Trial, found: Sequence[Check], machine: Machine) -> Section:
    """Return what a reader is told."""
    return Section(
        "reliability",
        f"{trial.seconds:g} seconds at twice the capacity",
        machine,
        (
            _told(trial),
            checks_table(found),
            "Seconds from sending a request to the last byte of its answer:",
            _times(trial),
            "What misbehaving clients did, and how often:",
            Table(
                ("a client", "times"), [(k, str(n)) for k, n in sorted(trial.rude.counts.items())]
            ),
        ),
    )


def _under_load(trial: Trial) -> list[Check]:
    statuses = {each.status for each in trial.loaded}
    refusals = trial.took(429, 503)
    slowest, last = percentile(trial.took(200), 99), max(refusals, default=0.0)
    others = sorted(map(str, statuses - {None, 200, 429, 503}))
    return [
        none("requests without an answer", trial.unanswered),
        none("answers other than 200, 429 and 503", others),
        Check("requests refused by 429 or 503", f"{len(refusals):,}", "some", bool(refusals)),
        at_most("longest time to a refusal", last, DEADLINE, "s"),
        at_most("99th percentile of answers", slowest, trial.bound, "s"),
        none("faults in the server's log", trial.faults),
    ]


def _memory(trial: Trial) -> Check:
    return at_most("growth of memory", trial.growth, MOST_GROWTH, "MiB per minute")


def _beside_it(trial: Trial) -> list[Check]:
    changes, rude = trial.turnover, trial.rude
    return [
        Check("changes of models", f"{len(changes.steps)}", "some", bool(changes.steps)),
        none("changes or answers after them that are wrong", changes.wrong),
        Check("misbehaving clients", f"{rude.counts.total()}", "some", bool(rude.counts)),
        none("misbehaving clients that were not got rid of", rude.wrong),
    ]


def _at_the_end(trial: Trial) -> list[Check]:
    answered = sum(each.status == 200 for each in trial.ended)
    return [
        Check("requests answered after SIGTERM", f"{answered}", "some", answered > 0),
        none("requests taken and not answered", trial.lost),
        none("requests cut before they were taken", trial.untaken),
        Check("exit status", str(trial.status), "0", trial.status == 0),
    ]


def _told(trial: Trial) -> str:
    answered = len(trial.took(200)) / trial.seconds
    memory = ", ".join(f"{each:.0f}" for each in trial.memory_by_eighths)
    return (
        f"Capacity before the load: {trial.capacity:.0f} answers per second. Asked for: "
        f"{len(trial.loaded) / trial.seconds:.0f} per second; answered: {answered:.0f} per second. "
        f"{trial.turnover.rounds} rounds of changes, the longest change "
        f"{short(max(trial.turnover.steps, default=0.0))} s. Memory in use, by eighths of the "
        f"time: {memory} MiB. From SIGTERM to the end of the process: {short(trial.drained)} s. "
        f"Requests that the clients had no room for: {trial.held_back}."
    )


def _times(trial: Trial) -> Table:
    sides = {
        "200, one at a time": trial.alone,
        "200 under load": trial.took(200),
        "429 under load": trial.took(429),
        "503 under load": trial.took(503),
    }
    rows = [
        (name, f"{len(took):,}", *(short(percentile(took, p)) for p in (50, 99, 100)))
        for name, took in sides.items()
        if took
    ]
    return Table(("answers", "how many", "median", "99th percentile", "longest"), rows)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 3600")
    return seconds


if __name__ == "__main__":
    sys.exit(main())

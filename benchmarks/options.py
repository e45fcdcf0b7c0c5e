# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks' command lines have in common.

Nothing heavy is imported here: workers, whose start is timed, come through it.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from report import Section

__all__ = ["parse", "parser_of", "picture_beside", "positive", "publish", "say"]

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
DEFAULT_MODELS = Path(os.environ.get("TRUNKLINE_SHARED", ROOT.parent / "shared")) / "models"
PICTURE = Path("apple") / "IMG_20200229_164759.jpg"


def parser_of(document: str | None, *, repetitions: int) -> argparse.ArgumentParser:
    """Return a parser of the options that every benchmark has.

    Args:
        document: The program's docstring, whose first line describes it.
        repetitions: How many rounds by default.
    """
    parser = argparse.ArgumentParser(description=(document or "").partition("\n")[0])
    parser.add_argument(
        "--repetitions", type=positive, default=repetitions, help="rounds (%(default)s)"
    )
    parser.add_argument("--models-dir", type=Path, default=DEFAULT_MODELS, metavar="DIR")
    parser.add_argument(
        "--write",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="put the section into docs/benchmarks.md",
    )
    parser.add_argument("--quick", action="store_true", help="one short round, nothing written")
    parser.add_argument("--worker", nargs=2, metavar=("NAME", "WHAT"), help=argparse.SUPPRESS)
    return parser


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse, and end the program where the exports are not there."""
    options = parser.parse_args(arguments)
    folder = options.models_dir = options.models_dir.resolve()
    if not folder.is_dir():
        parser.error(f"{folder} is not there; give the folder of exports with --models-dir")
    if options.quick:
        options.repetitions, options.write = 1, False
    return options


def picture_beside(models: Path) -> Path:
    """Return the photograph that every benchmark asks about, 1024 x 768 pixels."""
    return models.parent / "pictures" / PICTURE


def publish(section: Section, *, write: bool) -> None:
    """Print a section, and put it into the page if so asked."""
    from report import write_section

    print(section)
    if write:
        write_section(PAGE, section)


def positive(text: str) -> int:
    """Read a number that is 1 or more."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not 1 or more")
    return number


def say(line: str) -> None:
    """Tell whoever waits how far the run is."""
    print(line, file=sys.stderr, flush=True)

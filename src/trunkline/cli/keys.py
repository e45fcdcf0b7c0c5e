# SPDX-License-Identifier: Apache-2.0
"""``trunkline keys``: who may ask a server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from trunkline.cli.serveroptions import check_packages, config_option, keys_file_option
from trunkline.errors import TrunklineError

if TYPE_CHECKING:
    from pathlib import Path

    from trunkline.server.keyfile import Scope

__all__ = ["keys_group"]


@click.group("keys")
def keys_group() -> None:
    """Make, list and remove the keys that a server asks for.

    A key goes into the header Prediction-Key or Training-Key, or behind Authorization: Bearer. A
    server that runs notices a change within a second.
    """


@keys_group.command("add")
@click.option(
    "--scope",
    type=click.Choice(["predict", "manage"]),
    required=True,
    help="What it is for: predictions only, or changing models as well.",
)
@click.option("--name", help="What to call it; by default after its scope.")
@keys_file_option
@config_option
def add_command(
    *, scope: Scope, name: str | None, keys_file: Path | None, config: Path | None
) -> None:
    """Make a key and print it, this once: only its hash is kept."""
    from trunkline.server.keyfile import make_key, read_keys, write_keys

    file = _keys_file(keys_file, config)
    known = read_keys(file)
    taken = {each.name for each in known}
    if name in taken:
        raise TrunklineError(f"{file}: there is a key called {name!r}; choose another name.")
    key, stored = make_key(name or _free_name(scope, taken), scope)
    write_keys(file, (*known, stored))
    click.echo(
        f"The key {stored.name} for {scope} is in {file}, hashed. Here it is, once:", err=True
    )
    click.echo(key)


@keys_group.command("list")
@keys_file_option
@config_option
def list_command(*, keys_file: Path | None, config: Path | None) -> None:
    """Print every key's name, scope and time, but not the key."""
    from trunkline.cli.columns import columns
    from trunkline.cli.tables import plain_console
    from trunkline.cli.words import one_line
    from trunkline.server.keyfile import read_keys

    file = _keys_file(keys_file, config)
    rows = [(one_line(each.name), each.scope, each.created) for each in read_keys(file)]
    if not rows:
        click.echo(f"{file} has no keys.", err=True)
        return
    console = plain_console()
    table = [("key", "scope", "made"), *rows]
    for line in columns(table, left=3, styles=["bold", *("" for _ in rows)]):
        console.print(line, soft_wrap=True)


@keys_group.command("remove")
@click.argument("name")
@keys_file_option
@config_option
def remove_command(*, name: str, keys_file: Path | None, config: Path | None) -> None:
    """Remove a key, so that it opens nothing any more."""
    from trunkline.server.keyfile import read_keys, write_keys

    file = _keys_file(keys_file, config)
    known = read_keys(file)
    left = tuple(each for each in known if each.name != name)
    if len(left) == len(known):
        names = ", ".join(each.name for each in known) or "none"
        raise TrunklineError(f"{file}: there is no key called {name!r}. There are: {names}.")
    write_keys(file, left)
    click.echo(f"The key {name} is removed.", err=True)


def _keys_file(keys_file: Path | None, config: Path | None) -> Path:
    """Return the file that ``trunkline serve`` would read in this place."""
    if keys_file:
        return keys_file
    check_packages("trunkline keys")
    from trunkline.server.keyfile import default_keys_file
    from trunkline.server.settingsources import read_settings

    return read_settings({}, os.environ, config).settings.keys_file or default_keys_file()


def _free_name(scope: Scope, taken: set[str]) -> str:
    number = 1
    while f"{scope}-{number}" in taken:
        number += 1
    return f"{scope}-{number}"

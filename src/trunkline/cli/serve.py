# SPDX-License-Identifier: Apache-2.0
"""``trunkline serve``: every API that a user of such models may already speak."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from trunkline.cli.cameras import cameras_in
from trunkline.cli.serveroptions import check_packages, config_option, keys_file_option

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["serve_command"]


@click.command("serve")
@click.option("--host", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, help="For HTTP; 0 takes a free one.  [default: 8000]")
@click.option("--grpc-port", metavar="PORT|off", help="For gRPC.  [default: 8001]")
@click.option(
    "--watch",
    "watch_seconds",
    metavar="SECONDS|off",
    help="Look for changed models this often.  [default: off]",
)
@click.option("--cores", type=int, help="How many cores to use; by default all.")
@keys_file_option
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    help="How log lines look.  [default: text]",
)
@config_option
@click.option("--print-config", is_flag=True, help="Print all settings as TOML, and do no more.")
@click.argument("models", metavar="[MODEL]...", nargs=-1)
def serve_command(
    *, models: tuple[str, ...], config: Path | None, print_config: bool, **flags: object
) -> None:
    """Serve models over HTTP and gRPC.

    MODEL is an export, or a folder of exports; or NAME=PATH.

    Each setting can come from a flag, from the environment (TRUNKLINE_PORT and so on), from
    trunkline.toml, or be left at its default, in this order; --print-config shows all of them.

    Models that cannot be loaded are reported, and the others are served. The exit status is 0
    after SIGTERM or Ctrl-C, once the requests that ran have been answered.
    """
    check_packages("trunkline serve")
    from trunkline.server.settingsources import read_settings

    sourced = read_settings({**flags, "models": models or None}, os.environ, config)
    if print_config:
        from trunkline.server.settingstext import settings_text

        click.echo(settings_text(sourced), nl=False)
        return
    from trunkline.engine import heap
    from trunkline.server.serving import serve

    heap.keep_large_blocks()  # here, where the whole process is the server's
    status = serve(sourced.settings, click.echo, cameras_in(config))
    if status:
        raise click.exceptions.Exit(status)

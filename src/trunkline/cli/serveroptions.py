# SPDX-License-Identifier: Apache-2.0
"""What the verbs about a server have in common: two options, and the packages they need."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from trunkline.errors import MissingExtraError

__all__ = ["check_packages", "config_option", "keys_file_option"]

_PACKAGES = "pydantic", "starlette", "uvicorn", "httptools", "prometheus_client", "python_multipart"

config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The settings' file.  [default: trunkline.toml, if it is there]",
)
keys_file_option = click.option(
    "--keys-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where the keys are; by default in the user's folder for configuration.",
)


def check_packages(what: str) -> None:
    """Make sure that the packages of the extra are there.

    Args:
        what: What needs them.

    Raises:
        MissingExtraError: One is not.
    """
    for package in _PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(what, package=package.replace("_", "-"), extra="serve")

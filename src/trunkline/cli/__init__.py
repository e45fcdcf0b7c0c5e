# SPDX-License-Identifier: Apache-2.0
"""The command line: one module per verb.

The verbs import what they run when they run, so that ``trunkline --help`` answers at once.
"""

from __future__ import annotations

import click

from trunkline import __version__
from trunkline.cli.bench import bench_command
from trunkline.cli.demo import demo_command
from trunkline.cli.evaluate import evaluate_command
from trunkline.cli.export import export_command
from trunkline.cli.faults import PoliteGroup
from trunkline.cli.inspect import inspect_command
from trunkline.cli.keys import keys_group
from trunkline.cli.loading import leave_converter_out
from trunkline.cli.predict import predict_command
from trunkline.cli.serve import serve_command
from trunkline.cli.train import train_command
from trunkline.cli.trunks import trunks_command
from trunkline.cli.watch import watch_command

__all__ = ["main"]


@click.group(cls=PoliteGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="trunkline", message="%(prog)s %(version)s")
def main() -> None:
    """Run every image model you have, at once, on the machine you have.

    The exit status is 0 when everything was answered, and 2 when anything was not.
    """
    leave_converter_out()


main.add_command(predict_command)
main.add_command(inspect_command)
main.add_command(bench_command)
main.add_command(train_command)
main.add_command(evaluate_command)
main.add_command(export_command)
main.add_command(trunks_command)
main.add_command(watch_command)
main.add_command(serve_command)
main.add_command(keys_group)
main.add_command(demo_command)

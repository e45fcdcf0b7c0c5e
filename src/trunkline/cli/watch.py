# SPDX-License-Identifier: Apache-2.0
"""``trunkline watch``: what models say about cameras and videos, as it happens."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trunkline.cli.cameras import CONFIG, open_cameras, open_sinks
from trunkline.cli.ending import ending
from trunkline.cli.faults import EXIT_FAILED, complain
from trunkline.cli.options import Seconds
from trunkline.cli.sources import ModelSource, load_sources, parse_source
from trunkline.cli.watchpage import Address, AddressType, LivePage, check_page
from trunkline.errors import TrunklineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from trunkline.streams.camerafile import CameraSettings, WatchSettings
    from trunkline.streams.watching import Watcher

__all__ = ["watch_command"]

_STANDARD_OUTPUT = "jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """The flags and arguments, by their names."""

    streams: tuple[str, ...]
    sources: tuple[ModelSource, ...]
    sinks: tuple[str, ...]
    on_event: str | None
    config: Path | None
    every: int
    fps: float | None
    threshold: float
    smoothing: tuple[int, int] | None
    seconds: float | None
    quiet: bool
    page: Address | None

    @property
    def all_sinks(self) -> tuple[str, ...]:
        """Sinks, the command for events among them."""
        return (*self.sinks, f"command:{self.on_event}") if self.on_event else self.sinks

    def cameras(self) -> list[CameraSettings]:
        """Return one camera for each source; every model watches it."""
        from trunkline.streams.camerafile import CameraSettings
        from trunkline.streams.rules import EVERY_MODEL, Rule

        rules = (Rule(EVERY_MODEL, threshold=self.threshold, smoothing=self.smoothing),)
        return [
            CameraSettings(stream, every=self.every, fps=self.fps, rules=rules)
            for stream in self.streams
        ]


class _Smoothing(click.ParamType):  # type: ignore[type-arg,unused-ignore]
    name = "K/N"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        from trunkline.streams.smoothing import parse_smoothing

        try:
            return parse_smoothing(value) if isinstance(value, str) else value
        except ValueError as error:
            return self.fail(f"{error}.", param, ctx)


_LOOKING = (
    click.option("--every", type=click.IntRange(1), default=1, help="Take every n-th frame."),
    click.option(
        "--fps", type=click.FloatRange(0.001, 1000), help="Take so many frames per second."
    ),
    click.option(
        "--threshold",
        type=click.FloatRange(0, 1),
        default=0.5,
        show_default=True,
        help="The least probability of a box, and of a label that makes an event.",
    ),
    click.option(
        "--smooth",
        "smoothing",
        type=_Smoothing(),
        metavar="K/N",
        help="A label comes, or goes, when K of N frames say so.",
    ),
)


def _looking(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options about how sources named on the command line are looked at."""
    for option in reversed(_LOOKING):
        command = option(command)
    return command


@click.command("watch")
@click.option(
    "-m",
    "--model",
    "sources",
    type=parse_source,
    metavar="[NAME=]PATH",
    multiple=True,
    help="An export: folder, zip or model file; or a folder of exports. May be repeated.",
)
@click.option(
    "--sink",
    "sinks",
    metavar="SINK",
    multiple=True,
    help="Where answers go: jsonl, jsonl:FILE, mqtt://..., webhook:URL, video:FILE. Repeatable.",
)
@click.option("--on-event", metavar="CMD", help="Run a command when a label comes or goes.")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Cameras, models, sinks.  [default without SOURCE: trunkline.toml, if it is there]",
)
@_looking
@click.option("--seconds", type=Seconds(0.1), help="Stop after this time.")
@click.option("--page", type=AddressType(), help="Show a live page there, to this machine alone.")
@click.option("-q", "--quiet", is_flag=True, help="Show nothing; sinks get all the same.")
@click.argument("streams", metavar="[SOURCE]...", nargs=-1)
def watch_command(**flags: object) -> None:
    """Watch cameras, videos and folders of pictures.

    SOURCE is a webcam's number, an address (rtsp://, http://), a video, or a folder of pictures.

    Of cameras the newest frame is looked at, and late ones are dropped and counted; of files
    every frame is, in order. A terminal gets a live table, anything else plain lines; --sink
    jsonl prints JSON instead. The exit status is 2 when a source or model failed or a sink lost
    something, and 130 after Ctrl-C.
    """
    options = _Options(**flags)  # type: ignore[arg-type]
    settings = _settings(options)
    cameras = [*settings.cameras, *options.cameras()]
    if not cameras:
        raise click.UsageError("Give a SOURCE, or --config with cameras.")
    exports = options.sources or tuple(map(parse_source, settings.models))
    if not exports:
        raise click.UsageError("Give a model with -m, or --config with models.")
    sinks = (*settings.sinks, *options.all_sinks)
    if not _watch(exports, cameras, sinks, options):
        raise click.exceptions.Exit(EXIT_FAILED)


def _settings(options: _Options) -> WatchSettings:
    from trunkline.streams.camerafile import WatchSettings, read_camera_file

    path = options.config or CONFIG
    if options.config is None and (options.streams or not path.is_file()):
        return WatchSettings()
    return read_camera_file(path)


def _watch(
    exports: Sequence[ModelSource],
    cameras: Sequence[CameraSettings],
    sinks: Sequence[str],
    options: _Options,
) -> bool:
    """Watch, and return whether all went well."""
    from trunkline.engine import heap
    from trunkline.streams.watching import Watcher

    heap.keep_large_blocks()  # here, where the whole process does nothing else
    opened = open_cameras(cameras)  # before the models, which take longer
    if options.page:
        check_page()
    models, failures = load_sources(exports, "throughput")
    for failure in failures:
        complain(failure)
    if not models:
        raise TrunklineError("No model could be loaded, so nothing was watched.")
    with ExitStack() as stack:
        page = LivePage(options.page) if options.page else None
        watcher = Watcher(models, opened, sinks=[*open_sinks(sinks), *(page.sinks if page else ())])
        stack.callback(_report, watcher, quiet=options.quiet)
        stack.enter_context(watcher)
        if page:
            stack.enter_context(page.shown(watcher, models))
        stack.enter_context(ending(watcher.stop, options.seconds))
        _show(watcher, shown=not options.quiet and _STANDARD_OUTPUT not in sinks)
    return not failures and not any(_problems(watcher))


def _show(watcher: Watcher, *, shown: bool) -> None:
    from trunkline.cli.tables import plain_console

    console = plain_console()
    if not shown:
        watcher.run()
    elif console.is_terminal:
        from rich.live import Live

        from trunkline.cli.watchview import live_table

        with Live(
            get_renderable=lambda: live_table(watcher.figures(), console.height),
            console=console,
            refresh_per_second=4,
        ):
            watcher.run()
    else:
        from trunkline.cli.watchview import sight_lines

        for sight in watcher:
            for line in sight_lines(sight):
                click.echo(line)


def _problems(watcher: Watcher) -> Iterator[str]:
    from trunkline.cli.watchview import problem_lines

    return problem_lines(watcher.figures())


def _report(watcher: Watcher, *, quiet: bool) -> None:
    """Say on standard error what was done and what went wrong, once all is closed."""
    from trunkline.cli.watchview import summary_lines

    if not quiet:
        for line in summary_lines(watcher.figures()):
            click.echo(line, err=True)
    for problem in _problems(watcher):
        complain(problem)

# SPDX-License-Identifier: Apache-2.0
"""A watcher at full speed in a world that fails at random, and what is left when it is closed."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import trunkline
from options import say
from soak_ends import CountedSink, CountedSource, FlakyModels, LoopedFiles, Tally
from soak_files import write_command, write_exports, write_films, write_pictures
from soak_models import Turnover
from trunkline.streams.conditions import Condition
from trunkline.streams.regions import Region
from trunkline.streams.rules import EVERY_MODEL, Camera, Rule
from trunkline.streams.settings import SourceSettings
from trunkline.streams.sink_command import Command
from trunkline.streams.sink_jsonl import JsonLinesFile
from trunkline.streams.sink_mqtt import Mqtt
from trunkline.streams.sink_video import Video
from trunkline.streams.sink_webhook import Webhook
from trunkline.streams.sources import open_source
from trunkline.streams.watching import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trunkline.streams.figures import Figures

__all__ = ["ALWAYS", "Left", "Trial", "conduct"]

ALWAYS = ("colours", "part", "flaky")
"""Models that look at every frame, whose answers and drops must add up to all of them."""

_LOADED = ("colours", "seldom", "second", "after", "part", "flaky")
_FILM = 200  # frames
_PICTURES = 200
_LIVE = SourceSettings(patience=2.0, longest_pause=0.5)
_SECONDS = 5.0  # that sinks get at the end
_TICK = 0.5
_LONGEST_START = 120.0
_LONGEST_STANDSTILL = 60.0

_RULES = (
    Rule("colours", smoothing=(3, 5)),
    Rule("seldom", every=3),
    Rule("second", seconds=1.0),
    Rule("after", when=Condition("colours", "red-colours", 0.6), smoothing=(2, 3)),
    Rule("part", region=Region(0.25, 0.25, 0.5, 0.5), smoothing=(3, 5)),
    Rule("flaky", smoothing=(3, 5)),
    Rule(EVERY_MODEL, every=2),
)


@dataclass(frozen=True, slots=True)
class Left:
    """What is there at one moment.

    Attributes:
        threads: Their names.
        files: What open file descriptors lead to.
        processes: The children's numbers.
    """

    threads: tuple[str, ...]
    files: tuple[str, ...]
    processes: tuple[str, ...]

    @classmethod
    def now(cls) -> Left:
        """Look."""
        files = []
        for each in Path("/proc/self/fd").iterdir():
            try:
                files.append(str(each.readlink()))
            except OSError:
                continue  # it was the one that looked
        threads = (f"{thread.name} {thread.ident}" for thread in threading.enumerate())
        return cls(tuple(sorted(threads)), tuple(sorted(files)), _children())


def _children() -> tuple[str, ...]:
    while True:
        try:
            tasks = Path("/proc/self/task").iterdir()
            return tuple(c for task in tasks for c in (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # a thread has ended, and its children are another's now


@dataclass(frozen=True, slots=True)
class Trial:
    """What was seen.

    Attributes:
        seconds: How long it watched.
        closing: Seconds that closing took.
        memory: MiB in use when so many frames had been looked at, evenly spaced in time.
        figures: The watcher's, after it was closed.
        sources: By name.
        sinks: By what they are called in the table.
        tally: What came out.
        turnover: Who changed models.
        seen: What the other ends of the sinks have seen.
        done: What has happened in the world.
        before: What was there before the watcher.
        after: What was there when it was closed.
    """

    seconds: float
    closing: float
    memory: Sequence[tuple[int, float]]
    figures: Figures
    sources: Mapping[str, CountedSource]
    sinks: Mapping[str, CountedSink]
    tally: Tally
    turnover: Turnover
    seen: Mapping[str, int]
    done: Mapping[str, int]
    before: Left
    after: Left

    @property
    def frames(self) -> int:
        """How many came out with answers."""
        return self.tally.frames.total()

    @property
    def growth(self) -> float:
        """MiB per 100,000 frames between the second quarter of the samples and the last."""
        quarter = len(self.memory) // 4
        second, last = self.memory[quarter : 2 * quarter], self.memory[3 * quarter :]
        frames, memory = (median(s[i] for s in last) - median(s[i] for s in second) for i in (0, 1))
        return memory / frames * 100_000

    @property
    def memory_by_eighths(self) -> list[float]:
        """MiB in use, the median of each eighth of the samples."""
        eighth = len(self.memory) // 8
        return [median(m for _, m in self.memory[n * eighth : (n + 1) * eighth]) for n in range(8)]


def conduct(frames: int, seed: int, pace: float = 1.0) -> Trial:
    """Watch until so many frames have come out, and close.

    Args:
        frames: How many.
        seed: For all that is left to chance.
        pace: How much longer than usual everything is left alone.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "films").mkdir()
        films = write_films(folder / "films", _FILM)
        write_pictures(folder / "pictures", _PICTURES)
        with _world(folder, seed, pace) as world:
            return _Conductor(folder, films, frames, seed, pace, world).go()


@contextmanager
def _world(folder: Path, seed: int, pace: float) -> Iterator[subprocess.Popen[str]]:
    program = Path(__file__).with_name("soak_world.py")
    command = [sys.executable, str(program), str(folder), str(seed), str(pace)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as world:
        try:
            yield world
        finally:
            if world.stdin:
                world.stdin.close()
            world.wait(_LONGEST_START)


@dataclass
class _Conductor:
    folder: Path
    films: list[Path]
    frames: int
    seed: int
    pace: float
    world: subprocess.Popen[str]
    memory: list[tuple[int, float]] = field(default_factory=list)

    def go(self) -> Trial:
        where = self._answer()
        exports = write_exports(self.folder / "exports")
        models = trunkline.load(*(exports[each] for each in _LOADED), optimise="throughput")
        _warm_up(models, self.films)
        before = Left.now()
        turnover = Turnover(models, exports, self._chance("models"), self.pace)
        sources = {source.name: source for source in self._sources(where)}
        tally, sinks = Tally(), self._sinks(where)
        watcher = Watcher(
            FlakyModels(models, self._chance("flaky"), "flaky"),
            [_camera(source) for source in sources.values()],
            sinks=[tally, *sinks.values()],
        )
        begun = time.monotonic()
        with watcher, ExitStack() as stack:
            stack.enter_context(turnover)
            watcher.start()
            self._watch(tally)
            stack.close()
            seconds = time.monotonic() - begun
            watcher.close(_SECONDS)
            closing = time.monotonic() - begun - seconds
        after = Left.now()
        self._end_world()
        told = self._answer()
        return Trial(
            seconds=seconds,
            closing=closing,
            memory=self.memory,
            figures=watcher.figures(),
            sources=sources,
            sinks=sinks,
            tally=tally,
            turnover=turnover,
            seen={**told["seen"], **self._on_disk()},
            done={**told["done"], **turnover.done},
            before=before,
            after=after,
        )

    def _watch(self, tally: Tally) -> None:
        shown, seen, moved = 0, -1, time.monotonic()
        while (count := tally.frames.total()) < self.frames:
            if count > seen:
                seen, moved = count, time.monotonic()
            if time.monotonic() - moved > _LONGEST_STANDSTILL:
                raise RuntimeError(f"nothing has come for {_LONGEST_STANDSTILL:g} seconds")
            self.memory.append((count, _resident()))
            if count * 10 // self.frames > shown:
                shown = count * 10 // self.frames
                say(f"  {count:,} frames, {self.memory[-1][1]:.0f} MiB")
            time.sleep(_TICK * self.pace)

    def _answer(self) -> dict[str, Any]:
        line = self.world.stdout.readline() if self.world.stdout else ""
        if not line:
            raise RuntimeError("the world has ended before its time")
        return dict(json.loads(line))

    def _end_world(self) -> None:
        if self.world.stdin:
            self.world.stdin.close()

    def _chance(self, what: str) -> random.Random:
        return random.Random(f"{self.seed} {what}")

    def _sources(self, where: Mapping[str, Any]) -> list[CountedSource]:
        whole = dict.fromkeys(self.films[:3], _FILM)
        pictures = self.folder / "pictures"
        found = [
            LoopedFiles("film", self.films[:1], self._chance("film"), _open("film"), whole),
            LoopedFiles("films", self.films, self._chance("films"), _open("films"), whole),
            LoopedFiles(
                "pictures",
                [pictures],
                self._chance("pictures"),
                _open("pictures"),
                {pictures: _PICTURES * 9 // 10},
            ),
            open_source(
                str(self.folder / "arriving"),
                name="arriving",
                settings=SourceSettings(follow=True, scan=0.05),
            ),
            *(
                open_source(url, name=f"http-{number}", settings=_LIVE)
                for number, url in enumerate(where["http"], 1)
            ),
            open_source("http://127.0.0.1:9/", name="never there", settings=_LIVE),
        ]
        if where["rtsp"]:
            found.append(open_source(where["rtsp"], name="rtsp", settings=_LIVE))
        return [CountedSource(source) for source in found]

    def _sinks(self, where: Mapping[str, Any]) -> dict[str, CountedSink]:
        folder = self.folder
        (folder / "videos").mkdir()
        command = str(write_command(folder / "command", self.seed))
        hook = Webhook(where["hook"], pauses=(0.1,) * 4, seconds=1.0)
        return {
            "lines in a file": CountedSink(JsonLinesFile(folder / "lines.jsonl"), "answered"),
            "lines in a pipe": CountedSink(JsonLinesFile(folder / "pipe"), "answered"),
            "web hook": CountedSink(hook, "events"),
            "MQTT": CountedSink(Mqtt(where["mqtt"]), "both"),
            "command": CountedSink(Command(command, seconds=2.0), "events", ["http-1"]),
            "video": CountedSink(Video(folder / "videos" / "all.mp4"), "sights", ["http-1"]),
        }

    def _on_disk(self) -> dict[str, int]:
        ran = self.folder / "command.run"
        videos = sorted((self.folder / "videos").iterdir())
        return {
            "ran": ran.read_bytes().count(b"\n") if ran.exists() else 0,
            "filmed": sum(map(_frames_of, videos)),
        }


def _open(name: str) -> Any:  # noqa: ANN401 - a function of open_source's own kind
    return partial(open_source, name=name)


def _camera(source: CountedSource) -> Camera:
    if source.name == "http-2":  # what cannot be in time is dropped
        return Camera(source, (Rule("part", priority=1), Rule(EVERY_MODEL, deadline=0.05)))
    if source.name == "rtsp":
        return Camera(source, (Rule(EVERY_MODEL, deadline=0.05),))
    return Camera(source, _RULES, still=2.0 if source.name == "http-1" else None)


def _warm_up(models: trunkline.ModelSet, films: Sequence[Path]) -> None:
    """Let libraries open what they keep open, before it is counted."""
    with open_source(str(films[0])) as source:
        frame = None
        while frame is None:
            frame = source.next(1)
    models.predict(frame.pixels)


def _frames_of(path: Path) -> int:
    import av

    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)

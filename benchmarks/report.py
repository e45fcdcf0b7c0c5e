# SPDX-License-Identifier: Apache-2.0
"""Writing what a benchmark found into ``docs/benchmarks.md``.

Each benchmark owns one section of that page, between two markers that no reader sees. A run
replaces its own section and leaves the rest of the page, which people write, as it is.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from trunkline.engine.cores import available_cores

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Machine", "Section", "Table", "write_section"]

_CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of Markdown.

    Attributes:
        header: The columns' names.
        rows: The cells, each row as long as the header. Columns whose cells all begin with a
            digit or a sign are aligned to the right.

    Raises:
        ValueError: A row is longer or shorter than the header.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"the row {list(row)} has not the columns {list(self.header)}")

    def __str__(self) -> str:
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(self.header)
        rules = ["---:" if _is_numeric(cells) else ":---" for cells in columns]
        return "\n".join(_line(cells) for cells in (self.header, rules, *self.rows))


@dataclass(frozen=True, slots=True)
class Machine:
    """What figures were measured on, for a reader who wants to compare.

    Attributes:
        processor: The model's name, as the operating system gives it.
        cores: How many cores the process may use.
        system: The operating system and its version.
        python: The interpreter and its version.
        packages: Versions of the packages that matter, by name.
        load: Runnable processes before the run, averaged over a minute. Well above 0, something
            else was running.
        date: The day, UTC.
    """

    processor: str
    cores: int
    system: str
    python: str
    packages: dict[str, str]
    load: float
    date: dt.date

    @classmethod
    def here(cls, packages: Sequence[str] = ()) -> Machine:
        """Describe this machine now; packages that are not installed are left out."""
        return cls(
            processor=processor_name(),
            cores=available_cores(),
            system=platform.platform(terse=True),
            python=f"{platform.python_implementation()} {platform.python_version()}",
            packages=_versions(packages),
            load=os.getloadavg()[0],
            date=dt.datetime.now(dt.UTC).date(),
        )

    def __str__(self) -> str:
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        packages = "".join(f", {name} {number}" for name, number in self.packages.items())
        return (
            f"Measured {self.date.isoformat()} on {self.processor}, {cores}, {self.system} "
            f"(load {self.load:.1f} before the run); {self.python}{packages}."
        )


@dataclass(frozen=True, slots=True)
class Section:
    """What one benchmark has to say.

    Attributes:
        name: What its markers are called: lower-case words with hyphens.
        title: Its heading.
        machine: What it was measured on.
        parts: Paragraphs and tables, in order.
    """

    name: str
    title: str
    machine: Machine
    parts: Sequence[str | Table] = field(default=())

    def __str__(self) -> str:
        return "\n\n".join(map(str, (f"## {self.title}", self.machine, *self.parts)))


def write_section(document: Path, section: Section) -> None:
    """Put a section in its place in a page, or at the end of one that has no place for it.

    Nothing outside the section's markers is changed. A page that does not exist is made.

    Args:
        document: The page, Markdown in UTF-8.
        section: What to write.

    Raises:
        ValueError: The page has the section's markers twice, half or in the wrong order; it is
            left as it is.
    """
    begin = f"<!-- benchmark {section.name}: written by its program, do not edit -->"
    end = f"<!-- end of benchmark {section.name} -->"
    text = _read(document)
    block = f"{begin}\n{section}\n{end}"
    match text.count(begin), text.count(end):
        case 1, 1 if text.index(begin) < text.index(end):
            before, _, rest = text.partition(begin)
            text = before + block + rest.partition(end)[2]
        case 0, 0:
            gap = "\n\n" if text.strip() else ""
            text = f"{text.rstrip()}{gap}{block}\n"
        case _:
            raise ValueError(
                f"{document}: the markers of the section {section.name!r} are not one pair. "
                f"Leave one line {begin!r} and, below it, one line {end!r}, or neither."
            )
    _replace(document, text)


def processor_name(cpu_info: Path = _CPU_INFO) -> str:
    """Return the processor's model, or its architecture where the system does not say.

    Args:
        cpu_info: Linux's list of processors; Arm's has no model's name.
    """
    try:
        lines = cpu_info.read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _versions(packages: Sequence[str]) -> dict[str, str]:
    versions = {}
    for name in packages:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _is_numeric(cells: Sequence[str]) -> bool:
    return bool(cells) and all(cell[:1].isdigit() or cell[:1] in ("-", "+") for cell in cells)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _read(document: Path) -> str:
    try:
        # Without newline="" a page with Windows line ends would come back with others.
        with document.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _replace(document: Path, text: str) -> None:
    """Write beside the page and swap: a run that is stopped never leaves half a page."""
    document.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=document.parent) as folder:
        fresh = Path(folder) / document.name
        with fresh.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
        fresh.replace(document)

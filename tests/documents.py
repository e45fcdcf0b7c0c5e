# SPDX-License-Identifier: Apache-2.0
"""The documentation as something to run: its blocks of code, its help texts, and what they need.

Run as a program, this brings the help texts in ``docs/command-line.md`` up to date.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.testing import CliRunner

from builders import boxes_detector
from trunkline.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
COMMAND_LINE = ROOT / "docs" / "command-line.md"
DOCS_WATCHING = ROOT / "docs" / "watching.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)
_HELP = re.compile(
    r"(?P<marker><!-- help: (?P<command>[\w ]+) -->\n\n```text\n).*?^```$", re.DOTALL | re.MULTILINE
)
_STATUS = re.compile(r"\[exit status (\d+)\]")


@dataclass(frozen=True)
class Command:
    """A command of a ``console`` block.

    Attributes:
        line: What is typed.
        output: What is printed; ``...`` stands for anything. Empty where nothing is said.
        status: The exit status.
    """

    line: str
    output: str
    status: int


def pieces(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the language and the body of each of a page's blocks."""
    for block in _BLOCK.finditer(page.read_text("utf-8")):
        yield block["language"], block["body"]


def blocks(page: Path, *languages: str) -> list[str]:
    """Return the bodies of a page's blocks of some languages."""
    return [body for language, body in pieces(page) if language in languages]


def commands(page: Path) -> Iterator[Command]:
    """Yield the commands of a page's ``console`` blocks."""
    for block in blocks(page, "console"):
        yield from commands_of(block)


def commands_of(block: str) -> Iterator[Command]:
    """Yield the commands of one ``console`` block."""
    for part in block.split("$ ")[1:]:
        line, _, output = part.partition("\n")
        status = _STATUS.search(output)
        yield Command(line, _STATUS.sub("", output).strip(), int(status[1]) if status else 0)


def agrees(stated: str, real: str) -> bool:
    """Tell whether an output is as stated, where ``...`` stands for anything."""
    if not stated:
        return True
    pattern = ".*?".join(re.escape(part) for part in stated.split("..."))
    return re.fullmatch(pattern, real.strip(), re.DOTALL) is not None


def run_as_stated(command: Command, folder: Path, programs: Path) -> None:
    """Run a command in a folder, and require the exit status and output that a page states.

    Args:
        command: What the page states.
        folder: Where to run it.
        programs: The ``bin`` of the environment whose programs are meant.
    """
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", command.line],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    told = f"$ {command.line}\n{done.stdout}"
    assert done.returncode == command.status, told
    assert agrees(command.output, done.stdout), told


def helps(text: str) -> set[str]:
    """Return the commands whose help a page shows."""
    return {block["command"] for block in _HELP.finditer(text)}


def with_helps(text: str) -> str:
    """Return a page with every help text as the program prints it now."""
    return _HELP.sub(lambda block: f"{block['marker']}{_help(block['command'])}```", text)


def every_command(group: click.Group = main, name: str = "trunkline") -> Iterator[str]:
    """Yield the group's name, and those of all its commands and their commands."""
    yield name
    for verb, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every_command(command, f"{name} {verb}")
        else:
            yield f"{name} {verb}"


def _help(command: str) -> str:
    name, *verbs = command.split()
    arguments = [*verbs, "--help"]
    return CliRunner().invoke(main, arguments, prog_name=name, terminal_width=80).output


def prepare(folder: Path, shared: Path) -> None:
    """Put everything that the documentation's examples name into a folder.

    Args:
        folder: Where the examples will be run.
        shared: The folder of real exports and pictures.
    """
    models, fruit = shared / "models", shared / "pictures" / "fruit"
    shutil.copytree(models / "fruit-2", folder / "first")
    shutil.make_archive(str(folder / "second"), "zip", models / "desk-pb")
    shutil.copytree(models / "apple-orange-container-2025", folder / "models" / "apple-orange")
    shutil.copytree(models / "fruit-7-tflite", folder / "models" / "fruit-7")
    _bare(models / "fruit-7-tflite", "model.tflite", folder / "third.tflite")
    _bare(models / "fruit-7-tflite", "model.tflite", folder / "third-again.tflite")
    _bare(models / "bears", "model.pb", folder / "fourth.pb")
    (folder / "broken.onnx").write_bytes(b"\x08\x03 nothing that anybody could run")
    boxes_detector(folder / "detector")
    shutil.copyfile(fruit / "apple1.jpg", folder / "photo.jpg")
    shutil.copytree(fruit, folder / "pictures")


def _bare(export: Path, model: str, target: Path) -> None:
    """Copy a model file, with its labels beside it under its own name."""
    shutil.copyfile(export / model, target)
    shutil.copyfile(export / "labels.txt", target.with_suffix(".txt"))


if __name__ == "__main__":
    COMMAND_LINE.write_text(with_helps(COMMAND_LINE.read_text("utf-8")), "utf-8")

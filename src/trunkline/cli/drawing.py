# SPDX-License-Identifier: Apache-2.0
"""The picture of what models share, drawn: trunks as blocks, their models hanging on them."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from trunkline.cli.blocks import lay_out
from trunkline.cli.sharing import totals_words
from trunkline.cli.words import amount
from trunkline.errors import MissingExtraError, TrunklineError

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from trunkline.cli.blocks import Block, Picture
    from trunkline.engine.overview import Overview

__all__ = ["check_plot", "draw_plot"]

_SUFFIXES = frozenset({".png", ".svg"})

# Trunks and heads of one family share a hue, which is a help and not needed to read the picture.
_TRUNK_COLOURS = ("#b3d3ea", "#f8c9b8", "#bfe0bb", "#f1e3a3", "#dfc6e4", "#b9e5e2", "#ddd8cc")
_HEAD_COLOURS = ("#22648f", "#b8492a", "#2f7d33", "#97801a", "#7d3f88", "#1f807a", "#6f664f")
_INK, _FAINT = "#22262a", "#6c747c"

_WIDTH = 9.0  # inches, names apart
_ROW = 0.23
_ABOVE, _BELOW = 0.35, 0.5  # inches around the rows, for the title and the axis
_INSET = 0.12  # of a row, left free between neighbours


def check_plot(path: Path) -> None:
    """Make sure that a picture can be drawn, before there is anything to draw.

    Raises:
        MissingExtraError: Matplotlib is not installed.
        click.BadParameter: The file's name is not that of a PNG or SVG.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise click.BadParameter(
            f"{path} ends in neither .png nor .svg; name the file so.", param_hint="--plot"
        )
    if find_spec("matplotlib") is None:
        raise MissingExtraError("--plot", package="matplotlib", extra="plot")


def draw_plot(found: Overview, path: Path) -> None:
    """Draw what models share into a file.

    Args:
        found: What they share.
        path: The file, whose suffix says whether it becomes a PNG or an SVG.

    Raises:
        TrunklineError: The file cannot be written.
    """
    from matplotlib import style

    # As this program wants it, not as the user's own settings; and text in an SVG as text.
    with style.context(["default", {"svg.fonttype": "none"}]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # names in other scripts
        figure = _figure(found)
        try:
            figure.savefig(path, dpi=150, bbox_inches="tight", pad_inches=0.2)
        except OSError as error:
            raise TrunklineError(
                f"{path}: the picture cannot be written here ({error.strerror}). "
                "Name another place."
            ) from error


def _figure(found: Overview) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picture = lay_out(found.trunks)
    rows = len(picture.rows) * _ROW
    height = _ABOVE + rows + _BELOW
    figure = Figure((_WIDTH, height))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, _BELOW / height, 1, rows / height))
    _dress(axes, picture)
    for block in picture.blocks:
        _draw_block(axes, block)
    _draw_rows(axes, picture)
    figure.text(0, 1, totals_words(found), va="top", fontsize=9.5, color=_INK)
    return figure


def _dress(axes: Axes, picture: Picture) -> None:
    axes.set_xlim(0, picture.width * 1.02)
    axes.set_ylim(max(len(picture.rows), 1), 0)
    axes.set_yticks([])
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.spines["bottom"].set_color(_FAINT)
    axes.tick_params(colors=_FAINT, labelsize=8)
    axes.xaxis.set_major_formatter(lambda value, _position: amount(max(value, 0)))
    axes.set_xlabel(
        "multiply-accumulates (MACs) of one model for one frame",
        fontsize=8,
        color=_FAINT,
        loc="left",
    )


def _draw_block(axes: Axes, block: Block) -> None:
    from matplotlib.patches import Rectangle

    colours = _TRUNK_COLOURS if block.labels else _HEAD_COLOURS
    patch = Rectangle(
        (block.left, block.top + _INSET / 2),
        block.width,
        block.rows - _INSET,
        facecolor=colours[block.family % len(colours)],
        edgecolor="white",
        linewidth=0.8,
    )
    axes.add_patch(patch)
    room = patch.get_window_extent()
    middle = block.top + block.rows / 2
    for label in block.labels:
        text = axes.annotate(
            label,
            (block.left, middle),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            linespacing=1.4,
            color=_INK,
        )
        needed = text.get_window_extent()
        if needed.x1 <= room.x1 and needed.height <= room.height:
            return
        text.remove()


def _draw_rows(axes: Axes, picture: Picture) -> None:
    for number, row in enumerate(picture.rows):
        name = axes.annotate(
            row.name,
            (row.left, number + 0.5),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=_INK,
            parse_math=False,
        )
        axes.annotate(
            row.labels,
            (1, 0.5),
            (6, 0),
            xycoords=name,
            textcoords="offset points",
            va="center",
            fontsize=7,
            color=_FAINT,
        )

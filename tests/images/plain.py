# SPDX-License-Identifier: Apache-2.0
"""The rules of ``trunkline.images`` once more, slow and plain, pixel by pixel.

Nothing here is shared with the package. Only the averaging resize is Pillow's own.
"""

from __future__ import annotations

import math
import struct
import zlib

import numpy as np
from PIL import Image

BILINEAR = Image.Resampling.BILINEAR
BICUBIC = Image.Resampling.BICUBIC


def picture(height, width, seed=0):
    """Noise, so that a shift by one pixel or a swap of channels cannot go unseen."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def upright(stored, orientation):
    """EXIF 2.32, tag 274: which side the stored first row and first column are on."""
    rows, columns = stored.shape[:2]
    turned = orientation >= 5
    result = np.zeros((columns, rows, 3) if turned else stored.shape, np.uint8)
    for y in range(result.shape[0]):
        for x in range(result.shape[1]):
            row, column = {
                1: (y, x),  # first row at the top, first column at the left
                2: (y, columns - 1 - x),  # top, right
                3: (rows - 1 - y, columns - 1 - x),  # bottom, right
                4: (rows - 1 - y, x),  # bottom, left
                5: (x, y),  # left, top
                6: (rows - 1 - x, y),  # right, top
                7: (rows - 1 - x, columns - 1 - y),  # right, bottom
                8: (x, columns - 1 - y),  # left, bottom
            }[orientation]
            result[y, x] = stored[row, column]
    return result


def cmyk_pixel(cyan, magenta, yellow, black):
    """Ink over ink: each channel is what both it and black leave of white."""
    light = 255 - black

    def channel(ink):
        product = ink * light + 128
        return max(0, light - (((product >> 8) + product) >> 8))

    return channel(cyan), channel(magenta), channel(yellow)


def resize(image, height, width, method):
    return np.array(Image.fromarray(image).resize((width, height), method))


def container_2018(image, height, width):
    rows, columns = image.shape[:2]
    if not (columns < 1600 and rows < 1600):
        if rows > columns:
            new_width, new_height = max(1, 1600 * columns // rows), 1600
        else:
            new_width, new_height = 1600, max(1, 1600 * rows // columns)
        shrink = max(new_width, new_height) / max(columns, rows)
        image = resize(image, new_height, new_width, BILINEAR if shrink >= 0.5 else BICUBIC)
    side = max(256, height, width)
    square = _square_2018(image, side)
    top = max(0, side // 2 - height // 2 - 1)
    left = max(0, side // 2 - width // 2 - 1)
    result = np.zeros((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            result[y, x] = [square(top + y, left + x, c) for c in range(3)]
    return result


def _square_2018(image, side):
    rows, columns = image.shape[:2]
    x_origin = y_origin = 0
    if columns * side - rows * side < 0:
        ratio = columns / side
        y_origin = int(0.5 * (rows - ratio * side))
    elif columns * side - rows * side > 0:
        ratio = rows / side
        x_origin = int(0.5 * (columns - ratio * side))
    else:
        ratio = rows / side

    def tap(index, origin, size):
        delta = (index + 0.5) * ratio - 0.5
        first = int(delta)
        delta -= first
        first += origin
        if first < 0:
            return 0, 0, 0.0
        if first >= size - 1:
            return size - 1, size - 1, 0.0
        return first, first + 1, delta

    def pixel(y, x, channel):
        y0, y1, dy = tap(y, y_origin, rows)
        x0, x1, dx = tap(x, x_origin, columns)
        p00, p01 = float(image[y0, x0, channel]), float(image[y0, x1, channel])
        p10, p11 = float(image[y1, x0, channel]), float(image[y1, x1, channel])
        value = dy * (dx * p11 + (1.0 - dx) * p10) + (1.0 - dy) * (dx * p01 + (1.0 - dx) * p00)
        return int(min(max(value, 0.0), 255.0))

    return pixel


def container_2024(image, height, width):
    rows, columns = image.shape[:2]
    longest_rows = 16 * -(-columns * height // width)
    longest_columns = 16 * -(-rows * width // height)
    if rows > longest_rows:
        start = (rows - longest_rows) // 2
        image = image[start : start + longest_rows]
    if columns > longest_columns:
        start = (columns - longest_columns) // 2
        image = image[:, start : start + longest_columns]
    rows, columns = image.shape[:2]
    if width / columns >= height / rows:
        new_height, new_width = rows * width // columns, width
    else:
        new_height, new_width = height, columns * height // rows
    image = resize(image, new_height, new_width, BILINEAR)
    top, left = (new_height - height) // 2, (new_width - width) // 2
    return image[top : top + height, left : left + width]


def tensorflowjs(image, height, width):
    """CropAndResize of TensorFlow.js, with the box that the vendor's library gives it."""
    rows, columns = image.shape[:2]
    side = min(rows, columns)
    top, left = (rows - side) / 2, (columns - side) / 2
    y1, x1, y2, x2 = top / rows, left / columns, (top + side) / rows, (left + side) / columns

    def position(first, last, length, index, count):
        if count == 1:
            return 0.5 * (first + last) * (length - 1)
        return first * (length - 1) + index * (last - first) * (length - 1) / (count - 1)

    at_ys = [min(position(y1, y2, rows, y, height), rows - 1) for y in range(height)]
    at_xs = [min(position(x1, x2, columns, x, width), columns - 1) for x in range(width)]
    return _between_pixels(image, at_ys, at_xs)


def tensorflowjs_stretch(image, height, width):
    """ResizeBilinear of TensorFlow.js, neither aligned at corners nor at pixels' middles."""
    rows, columns = image.shape[:2]
    at_ys = [y * rows / height for y in range(height)]
    at_xs = [x * columns / width for x in range(width)]
    return _between_pixels(image, at_ys, at_xs)


def _between_pixels(image, at_ys, at_xs):
    result = np.zeros((len(at_ys), len(at_xs), 3))
    for y, at_y in enumerate(at_ys):
        for x, at_x in enumerate(at_xs):
            y0, x0 = math.floor(at_y), math.floor(at_x)
            dy, dx = at_y - y0, at_x - x0
            y1 = min(math.ceil(at_y), image.shape[0] - 1)
            x1 = min(math.ceil(at_x), image.shape[1] - 1)
            for c in range(3):
                upper = image[y0, x0, c] * (1 - dx) + image[y0, x1, c] * dx
                lower = image[y1, x0, c] * (1 - dx) + image[y1, x1, c] * dx
                result[y, x, c] = upper * (1 - dy) + lower * dy
    return result


def detector_compact(image, height, width):
    rows, columns = image.shape[:2]
    pixels = height * width
    ratio = math.sqrt(pixels / columns / rows)
    sides = []
    for side in (rows, columns):
        multiple = 32
        while multiple < int(side * ratio):
            multiple += 32
        while multiple > 32 and multiple * 32 > pixels:
            multiple -= 32
        sides.append(multiple)
    return resize(image, sides[0], sides[1], BICUBIC)


def png(height, width, depth, colour, rows, chunks=()):
    """A PNG file; ``rows`` are the samples of each row as bytes, without the filter byte."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [(b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import struct
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from images import plain
from trunkline.errors import PictureError
from trunkline.images import rasters, read_picture
from trunkline.images.rasters import upright_rgb

ORIENTATIONS = range(1, 9)
sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))
quick = settings(max_examples=40, deadline=None)


def encoded(image, **options):
    file = io.BytesIO()
    image.save(file, **options)
    return file.getvalue()


def exif_of(orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def samples(size, bands, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size, bands), dtype=np.uint8)


def assert_reads_as(source, pixel):
    """Compare with ``pixel(y, x)``, pixel by pixel."""
    result = read_picture(source)
    for y in range(result.shape[0]):
        for x in range(result.shape[1]):
            assert tuple(result[y, x].tolist()) == tuple(pixel(y, x))


class TestOrientation:
    @quick
    @given(sizes, st.sampled_from(ORIENTATIONS), st.sampled_from(["PNG", "TIFF", "WEBP"]))
    def test_lossless_files_are_turned_upright(self, size, orientation, kind):
        stored = plain.picture(*size)
        options = {"lossless": True} if kind == "WEBP" else {}
        image = Image.fromarray(stored)
        data = encoded(image, format=kind, exif=exif_of(orientation), **options)
        np.testing.assert_array_equal(read_picture(data), plain.upright(stored, orientation))

    @pytest.mark.parametrize("orientation", ORIENTATIONS)
    @pytest.mark.parametrize("kind", ["JPEG", "AVIF", "MPO"])
    def test_lossy_files_are_turned_upright(self, kind, orientation):
        image = Image.fromarray(plain.picture(16, 24))
        options = {"save_all": True, "append_images": [image]} if kind == "MPO" else {}
        stored = read_picture(encoded(image, format=kind, **options))
        data = encoded(image, format=kind, exif=exif_of(orientation), **options)
        np.testing.assert_array_equal(read_picture(data), plain.upright(stored, orientation))

    @pytest.mark.parametrize("orientation", ORIENTATIONS)
    def test_pillow_pictures_are_turned_upright_and_left_as_they_were(self, orientation):
        stored = plain.picture(3, 5)
        data = encoded(Image.fromarray(stored), format="PNG", exif=exif_of(orientation))
        image = Image.open(io.BytesIO(data))
        for _ in range(2):
            np.testing.assert_array_equal(read_picture(image), plain.upright(stored, orientation))
        assert image.size == (5, 3)
        assert image.getexif()[ExifTags.Base.Orientation] == orientation

    @pytest.mark.parametrize("orientation", [0, 9, 65535])
    def test_an_orientation_that_does_not_exist_turns_nothing(self, orientation):
        stored = plain.picture(3, 5)
        data = encoded(Image.fromarray(stored), format="PNG", exif=exif_of(orientation))
        np.testing.assert_array_equal(read_picture(data), stored)

    @pytest.mark.parametrize(
        "exif",
        [
            b"Exif\0\0not a header at all",
            b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03",
            b"Exif\0\0MM\0*\xff\xff\xff\xff",
            b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x04six\0\0\0\0\0",
        ],
    )
    @pytest.mark.parametrize("kind", ["PNG", "JPEG"])
    def test_a_picture_with_damaged_exif_is_still_read(self, kind, exif):
        image = Image.fromarray(plain.picture(8, 8))
        data = encoded(image, format=kind, exif=exif)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as outside of tests, where a warning is no error
            result = read_picture(data)
        np.testing.assert_array_equal(result, read_picture(encoded(image, format=kind)))

    def test_the_orientation_is_applied_after_the_mode_is_converted(self):
        gray = samples((4, 6), 1)
        image = Image.fromarray(gray[:, :, 0])
        data = encoded(image, format="PNG", exif=exif_of(6))
        expected = plain.upright(np.repeat(gray, 3, axis=2), 6)
        np.testing.assert_array_equal(read_picture(data), expected)


class TestModes:
    @quick
    @given(sizes, st.integers(0, 9))
    def test_black_and_white(self, size, seed):
        bits = samples(size, 1, seed)[:, :, 0] > 127
        data = encoded(Image.fromarray(bits), format="PNG")
        assert Image.open(io.BytesIO(data)).mode == "1"
        assert_reads_as(data, lambda y, x: [255 if bits[y, x] else 0] * 3)

    @quick
    @given(sizes, st.integers(0, 9))
    def test_gray_with_and_without_alpha(self, size, seed):
        gray = samples(size, 2, seed)
        for image in (Image.fromarray(gray[:, :, 0]), Image.fromarray(gray, "LA")):
            assert_reads_as(encoded(image, format="PNG"), lambda y, x: [gray[y, x, 0]] * 3)

    @quick
    @given(sizes, st.integers(0, 9), st.sampled_from(["RGBA", "RGBX"]))
    def test_a_fourth_channel_is_dropped_not_blended(self, size, seed, mode):
        colour = samples(size, 4, seed)
        image = Image.frombytes(mode, size[::-1], colour.tobytes())
        source = encoded(image, format="PNG") if mode == "RGBA" else image
        assert_reads_as(source, lambda y, x: colour[y, x, :3])

    @quick
    @given(sizes, st.integers(0, 9), st.sampled_from([None, 3, b"\x00\x80\xff" * 40]))
    def test_a_palette_is_looked_up(self, size, seed, transparency):
        indices = samples(size, 1, seed)[:, :, 0]
        palette = samples((256,), 3, seed + 1)
        image = Image.frombytes("P", size[::-1], indices.tobytes())
        image.putpalette(palette.tobytes())
        options = {} if transparency is None else {"transparency": transparency}
        data = encoded(image, format="PNG", **options)
        assert Image.open(io.BytesIO(data)).mode == "P"
        assert_reads_as(data, lambda y, x: palette[indices[y, x]])

    def test_a_palette_with_alpha(self):
        image = Image.frombytes("PA", (2, 1), bytes([1, 9, 0, 200]))
        image.putpalette([10, 20, 30, 40, 50, 60])
        assert_reads_as(image, lambda y, x: [(40, 50, 60), (10, 20, 30)][x])

    @quick
    @given(sizes, st.integers(0, 9))
    def test_cmyk(self, size, seed):
        ink = samples(size, 4, seed)
        image = Image.frombytes("CMYK", size[::-1], ink.tobytes())
        data = encoded(image, format="TIFF")
        assert_reads_as(data, lambda y, x: plain.cmyk_pixel(*ink[y, x].tolist()))

    @pytest.mark.parametrize("mode", ["YCbCr", "HSV", "LAB"])
    def test_other_colour_spaces_are_converted_as_pillow_does(self, mode):
        image = Image.frombytes(mode, (6, 4), samples((4, 6), 3).tobytes())
        np.testing.assert_array_equal(read_picture(image), np.asarray(image.convert("RGB")))

    @pytest.mark.parametrize(("mode", "plain_mode"), [("RGBa", "RGBA"), ("La", "LA")])
    def test_alpha_that_was_multiplied_in_is_taken_out(self, mode, plain_mode):
        image = Image.new(plain_mode, (2, 2), (80,) * len(plain_mode[:-1]) + (128,)).convert(mode)
        assert np.abs(read_picture(image).astype(int) - 80).max() <= 1

    def test_transparency_of_a_pillow_picture_is_left_as_it_was(self):
        image = Image.frombytes("P", (2, 1), bytes([0, 1]))
        image.putpalette([1, 2, 3, 4, 5, 6])
        image.info["transparency"] = b"\0\x80"
        assert_reads_as(image, lambda y, x: [(1, 2, 3), (4, 5, 6)][x])
        assert image.info["transparency"] == b"\0\x80"


class Test16Bits:
    """Pillow alone would clip at 255, and so make nearly every such picture white."""

    @quick
    @given(sizes, st.integers(0, 9))
    def test_gray_files_keep_their_upper_8_bits(self, size, seed):
        gray = samples(size, 2, seed).view(">u2")[:, :, 0]
        rows, columns = size
        header = f"P5 {columns} {rows} 65535\n".encode()
        for data in (
            plain.png(rows, columns, 16, 0, [row.tobytes() for row in gray]),
            header + gray.tobytes(),
            encoded(Image.fromarray(gray.astype("<u2")), format="TIFF"),
        ):
            assert_reads_as(data, lambda y, x: [int(gray[y, x]) // 256] * 3)

    @quick
    @given(sizes, st.integers(0, 9))
    def test_colour_files_keep_their_upper_8_bits_too(self, size, seed):
        colour = samples(size, 6, seed).view(">u2")
        data = plain.png(*size, 16, 2, [row.tobytes() for row in colour])
        assert_reads_as(data, lambda y, x: [int(value) // 256 for value in colour[y, x]])

    @pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B"])
    def test_every_byte_order(self, mode):
        order = ">" if mode.endswith("B") else "<"
        image = Image.frombytes(mode, (3, 1), struct.pack(f"{order}3H", 0, 0x1234, 0xFFFF))
        assert_reads_as(image, lambda y, x: [[0, 0x12, 0xFF][x]] * 3)

    def test_wider_integers_are_16_bit_samples(self):
        image = Image.fromarray(np.array([[-5, 0x1234, 65535, 70000]], np.int32))
        assert image.mode == "I"
        assert_reads_as(image, lambda y, x: [[0, 0x12, 255, 255][x]] * 3)

    def test_floats_are_0_to_255_as_in_pillow(self):
        values = np.array([[-5.0, 7.9, 255.0, 1e9, np.nan, np.inf]], np.float32)
        image = Image.fromarray(values)
        assert image.mode == "F"
        assert_reads_as(image, lambda y, x: [[0, 7, 255, 255, 0, 255][x]] * 3)


class TestSeveralPicturesInOneFile:
    @pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])
    def test_the_first_is_taken(self, kind):
        first = Image.new("RGB", (16, 16), (255, 0, 0))
        rest = [Image.new("RGB", (16, 16), colour) for colour in ("lime", "blue")]
        data = encoded(first, format=kind, save_all=True, append_images=rest)
        assert getattr(Image.open(io.BytesIO(data)), "n_frames", 1) == 3
        red, green, blue = read_picture(data)[8, 8].tolist()
        assert red > 240
        assert max(green, blue) < 15


def test_a_format_whose_library_is_missing_is_not_tried(monkeypatch):
    data = encoded(Image.new("RGB", (4, 4)), format="WEBP")
    factory, _ = Image.OPEN["WEBP"]
    monkeypatch.setitem(Image.OPEN, "WEBP", (factory, lambda prefix: "WebP is not installed"))
    with pytest.raises(PictureError, match="not a picture in a format that is read here"):
        read_picture(data)
    monkeypatch.delitem(Image.OPEN, "WEBP")
    with pytest.raises(PictureError, match="not a picture in a format that is read here"):
        read_picture(data)


@pytest.mark.parametrize(
    "problem",
    [SyntaxError, struct.error, OverflowError, MemoryError, IndexError, KeyError, OSError],
)
def test_whatever_pillow_raises_becomes_a_picture_error(problem, monkeypatch):
    data = encoded(Image.new("RGB", (4, 4)), format="BMP")
    _, accept = Image.OPEN["BMP"]

    def fail(*args):
        raise problem("from within a plugin")

    monkeypatch.setitem(Image.OPEN, "BMP", (fail, accept))
    with pytest.raises(PictureError, match="cut off or damaged") as caught:
        read_picture(data)
    assert isinstance(caught.value.__cause__, problem)


def pillows(data):
    return np.array(Image.open(io.BytesIO(data)))


class TestPlainJpeg:
    """Files that simplejpeg decodes; what Pillow makes of them is the reference."""

    @quick
    @given(
        sizes,
        st.sampled_from([0, 1, 2]),
        st.booleans(),
        st.integers(1, 100),
        st.integers(0, 9),
    )
    def test_its_pixels_are_pillows(self, size, subsampling, progressive, quality, seed):
        data = encoded(
            Image.fromarray(plain.picture(*size, seed)),
            format="JPEG",
            subsampling=subsampling,
            progressive=progressive,
            quality=quality,
        )
        np.testing.assert_array_equal(read_picture(data), pillows(data))

    def test_it_is_what_decodes_them(self, monkeypatch):
        data = encoded(Image.fromarray(plain.picture(4, 4)), format="JPEG")
        decoded = plain.picture(4, 4, seed=1)
        monkeypatch.setattr(rasters.simplejpeg, "decode_jpeg", lambda _: decoded)
        np.testing.assert_array_equal(read_picture(data), decoded)

    @pytest.mark.parametrize("mode", ["L", "CMYK"])
    def test_other_colours_are_pillows_business(self, mode, monkeypatch):
        monkeypatch.setattr(rasters.simplejpeg, "decode_jpeg", None)
        data = encoded(Image.fromarray(plain.picture(9, 7)).convert(mode), format="JPEG")
        expected = np.array(Image.open(io.BytesIO(data)).convert("RGB"))
        np.testing.assert_array_equal(read_picture(data), expected)

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 1_000_000), st.integers(0, 255))
    def test_of_damaged_files_pillow_says_what_they_are(self, place, value):
        data = bytearray(encoded(Image.fromarray(plain.picture(40, 40)), format="JPEG"))
        data[place % len(data)] = value
        try:
            expected = upright_rgb(Image.open(io.BytesIO(data)).convert("RGB"), "")
        except Exception:
            with pytest.raises(PictureError):
                read_picture(bytes(data))
        else:
            np.testing.assert_array_equal(read_picture(bytes(data)), expected)

    def test_what_was_opened_to_be_decoded_smaller_is(self):
        data = encoded(Image.fromarray(plain.picture(64, 64)), format="JPEG")
        image = Image.open(io.BytesIO(data))
        image.draft("RGB", (16, 16))
        assert read_picture(image).shape == (16, 16, 3)

    def test_a_picture_that_is_loaded_already_is_taken_as_it_is(self):
        data = encoded(Image.fromarray(plain.picture(8, 8)), format="JPEG")
        image = Image.open(io.BytesIO(data))
        image.load()
        image.paste((1, 2, 3), (0, 0, 8, 8))
        assert (read_picture(image) == (1, 2, 3)).all()

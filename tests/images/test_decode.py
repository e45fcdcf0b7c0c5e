# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import struct
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps

from images import plain
from trunkline.errors import PictureError
from trunkline.images import DEFAULT_MAX_PIXELS, read_picture
from trunkline.images.decode import source_name


def encoded(image, **options):
    file = io.BytesIO()
    image.save(file, **options)
    return file.getvalue()


@pytest.fixture
def jpeg():
    return encoded(Image.fromarray(plain.picture(24, 32)), format="JPEG")


def refused(source, match, **options):
    with pytest.raises(PictureError, match=match) as caught:
        read_picture(source, **options)
    assert caught.value.source == source_name(source)
    assert caught.value.problem[-1] not in ".!"  # a clause, which the tree's message ends
    return caught.value


def test_bytes_path_text_and_picture_give_the_same_array(tmp_path):
    picture = plain.picture(5, 7)
    data = encoded(Image.fromarray(picture), format="PNG")
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    for source in (data, path, str(path), Image.open(io.BytesIO(data)), picture):
        result = read_picture(source)
        assert result.dtype == np.uint8
        assert result.flags.c_contiguous
        np.testing.assert_array_equal(result, picture)


def test_a_decoded_picture_may_be_drawn_on(jpeg):
    assert read_picture(jpeg).flags.writeable


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a/b.jpg", "a/b.jpg"),
        (Path("a/b.jpg"), "a/b.jpg"),
        (b"\xff\xd8", "bytes"),
        (Image.new("L", (1, 1)), "picture"),
        (np.zeros(3), "array"),
    ],
)
def test_messages_name_the_source(source, name):
    assert source_name(source) == name


class TestArrays:
    def test_order_bgr_turns_the_channels_around(self):
        frame = plain.picture(4, 5)
        result = read_picture(frame, order="BGR")
        assert result.flags.c_contiguous
        for y in range(4):
            for x in range(5):
                assert result[y, x].tolist() == frame[y, x].tolist()[::-1]

    def test_order_does_not_touch_what_knows_its_own(self, jpeg):
        np.testing.assert_array_equal(read_picture(jpeg, order="BGR"), read_picture(jpeg))

    def test_an_rgb_array_in_row_order_is_not_copied(self):
        frame = plain.picture(4, 5)
        assert read_picture(frame) is frame

    def test_a_view_is_laid_out_anew(self):
        view = plain.picture(9, 9)[::-2, 1:6]
        result = read_picture(view)
        assert result.flags.c_contiguous
        np.testing.assert_array_equal(result, view)

    @pytest.mark.parametrize(
        ("array", "message"),
        [
            (np.zeros((4, 5, 3), np.float32), r"found float32 of shape \(4, 5, 3\).*astype"),
            (np.zeros((4, 5, 3), np.int16), r"found int16 .*0 to 255.*astype"),
            (np.zeros((4, 5, 3), bool), r"found bool .*astype"),
            (np.zeros((4, 5), np.uint8), r"uint8 of shape \(4, 5\).*numpy\.stack"),
            (np.zeros((4, 5, 4), np.uint8), r"\(4, 5, 4\).*array\[:, :, :3\]"),
            (np.zeros((3, 4, 5), np.uint8), r"\(3, 4, 5\).*transpose\(1, 2, 0\)"),
            (np.zeros((1, 4, 5, 3), np.uint8), r"\(1, 4, 5, 3\).*one picture at a time"),
            (np.zeros((0, 5, 3), np.uint8), "no pixels: its size is 5 x 0"),
        ],
    )
    def test_another_array_is_refused_with_the_remedy(self, array, message):
        refused(array, message)

    def test_the_remedies_lead_to_an_array_that_is_read(self):
        gray, alpha, planar = np.zeros((4, 5), np.uint8), plain.picture(4, 5), plain.picture(4, 5)
        read_picture(np.stack([gray] * 3, axis=-1))
        read_picture(np.dstack([alpha, gray])[:, :, :3])
        read_picture(planar.transpose(2, 0, 1).transpose(1, 2, 0))

    def test_the_limit_holds_for_arrays_too(self):
        refused(plain.picture(4, 5), "20 pixels, more than the 19 allowed", max_pixels=19)

    @pytest.mark.parametrize("order", ["rgb", "GRB", None])
    def test_an_unknown_order_is_an_error(self, order):
        with pytest.raises(ValueError, match="'RGB' or 'BGR'"):
            read_picture(plain.picture(4, 5), order=order)


class TestWhatIsNoPicture:
    def test_a_missing_file(self, tmp_path):
        refused(tmp_path / "none.jpg", "no such file")

    def test_a_folder(self, tmp_path):
        refused(tmp_path, "this is a folder")

    @pytest.mark.parametrize("path", ["\0", "a" * 5000, "\ud800"])
    def test_a_path_that_no_file_can_have(self, path):
        refused(path, "cannot be opened")

    def test_text_named_jpg(self, tmp_path):
        path = tmp_path / "notes.jpg"
        path.write_text("These are not the pixels you are looking for.")
        refused(path, "not a picture in a format that is read here")

    def test_an_empty_file(self, tmp_path):
        path = tmp_path / "empty.png"
        path.touch()
        refused(path, "it is empty")
        refused(b"", "it is empty")

    @pytest.mark.parametrize(
        "data",
        [
            b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
            b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n",
            b"\x00",
        ],
    )
    def test_formats_that_are_not_opened(self, data):
        refused(data, "give a JPEG, PNG, WebP, GIF, BMP, TIFF, PPM or AVIF file")

    @pytest.mark.parametrize("source", [None, 7, io.BytesIO(), [[1, 2]]])
    def test_things_of_another_kind(self, source):
        refused(source, f"a {type(source).__name__} is not something a picture can be read from")


class TestSize:
    def test_the_limit_is_inclusive(self, jpeg):
        assert read_picture(jpeg, max_pixels=24 * 32).shape == (24, 32, 3)
        refused(jpeg, "32 x 24 are 768 pixels, more than the 767 allowed", max_pixels=767)
        refused(Image.open(io.BytesIO(jpeg)), "more than the 767 allowed", max_pixels=767)

    @pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "bmp", "ppm"])
    def test_60000_by_60000_is_refused_before_anything_is_decoded(self, kind, jpeg):
        side = 60_000
        data = {
            "png": lambda: plain.png(side, side, 8, 2, [b"\0"]),
            "jpeg": lambda: jpeg.replace(
                struct.pack(">HH", 24, 32), struct.pack(">HH", side, side)
            ),
            "gif": lambda: b"GIF89a" + struct.pack("<HH", side, side) + SEEDS["GIF"][10:],
            "bmp": lambda: (
                b"BM"
                + struct.pack("<IHHI", 54, 0, 0, 54)
                + struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
            ),
            "ppm": lambda: b"P6 60000 60000 255\n",
        }[kind]()
        tracemalloc.start()
        try:
            refused(
                data, "60000 x 60000 are 3,600,000,000 pixels, more than the 100,000,000 allowed"
            )
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()

    def test_the_default_limit(self):
        assert DEFAULT_MAX_PIXELS == 100_000_000

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "PPM"])
    def test_pillows_own_limit_does_not_interfere(self, kind, monkeypatch):
        data = encoded(Image.fromarray(plain.picture(8, 8)), format=kind)
        for pillows_limit in (20, 40):  # 64 pixels: an error of Pillow's, and a warning
            monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pillows_limit)
            assert read_picture(data).shape == (8, 8, 3)

    @pytest.mark.parametrize("pillows_limit", [20, 40])
    def test_pillows_alarms_do_not_leak(self, pillows_limit, monkeypatch):
        """Its TIFF plugin applies the limit while it decodes."""
        data = encoded(Image.fromarray(plain.picture(8, 8)), format="TIFF")
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pillows_limit)
        refused(data, "more pixels than Pillow decodes")


def test_photographs_are_read_as_pillow_reads_them(shared):
    photographs = sorted((shared / "pictures").glob("**/*.[jp][pn]g"))[::9]
    photographs += (shared / "pictures" / "apple").glob("*.jpg")  # stored on its side
    assert len(photographs) > 10
    for photograph in photographs:
        with Image.open(photograph) as image:
            expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        np.testing.assert_array_equal(read_picture(photograph), expected)


def test_threads_do_not_disturb_each_other():
    pictures = [plain.picture(60, 80, seed) for seed in range(8)]
    files = [encoded(Image.fromarray(picture), format="PNG") for picture in pictures]
    with ThreadPoolExecutor(8) as pool:
        for picture, result in zip(pictures * 5, pool.map(read_picture, files * 5), strict=True):
            np.testing.assert_array_equal(result, picture)


FORMATS = {
    "JPEG": {},
    "PNG": {},
    "GIF": {},
    "WEBP": {},
    "TIFF": {"compression": "tiff_lzw"},
    "BMP": {},
    "PPM": {},
    "AVIF": {},
}
UPSIDE_DOWN = Image.Exif()
UPSIDE_DOWN[ExifTags.Base.Orientation] = 3
SEEDS = {
    kind: encoded(
        Image.fromarray(plain.picture(12, 17)),
        format=kind,
        **options,
        **({} if kind in ("GIF", "BMP", "PPM") else {"exif": UPSIDE_DOWN}),
    )
    for kind, options in FORMATS.items()
}


def a_picture_or_a_picture_error(data):
    try:
        result = read_picture(data, max_pixels=1_000_000)
    except PictureError:
        return
    assert result.dtype == np.uint8
    assert result.ndim == 3
    assert result.shape[2] == 3
    assert 0 < result.size <= 3_000_000


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_mutated_files_give_a_picture_or_a_picture_error(kind, data):
    content = bytearray(SEEDS[kind])
    places = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
    for index, value in data.draw(st.lists(places, max_size=6)):
        content[index] = value
    end = data.draw(st.integers(0, len(content)) | st.just(len(content)))
    extra = data.draw(st.binary(max_size=8))
    a_picture_or_a_picture_error(bytes(content[:end]) + extra)


@pytest.mark.parametrize("kind", FORMATS)
def test_files_cut_off_anywhere_give_a_picture_or_a_picture_error(kind):
    content = SEEDS[kind]
    for end in range(0, len(content), 1 + len(content) // 60):
        a_picture_or_a_picture_error(content[:end])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "PPM"])
def test_half_a_file_is_refused(kind):
    content = SEEDS[kind]
    refused(content[: len(content) // 2], "cut off or damaged")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["JPEG", "PNG", "WEBP"]))
def test_hostile_exif_gives_a_picture_or_a_picture_error(exif, kind):
    image = Image.fromarray(plain.picture(12, 17))
    a_picture_or_a_picture_error(encoded(image, format=kind, exif=b"Exif\0\0" + exif))

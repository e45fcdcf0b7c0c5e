# SPDX-License-Identifier: Apache-2.0
"""Unpacking zips, honest ones and those made to do harm."""

from __future__ import annotations

import io
import random
import stat
import struct
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports.archive import ArchiveLimits, extract, names

LOCAL = b"PK\x03\x04"
LISTED = b"PK\x01\x02"
# Offsets from the start of an entry's record in the list (PKWARE APPNOTE 4.3.12).
FLAGS, METHOD, CRC, SIZE, OFFSET = 8, 10, 16, 24, 42


def entry(name: str, mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    """Make an entry whose name nothing has tidied."""
    info = zipfile.ZipInfo("x")
    info.filename = name
    info.external_attr = mode << 16
    info.compress_type = method
    return info


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(entry(name) if isinstance(name, str) else name, data)
    return buffer.getvalue()


def patched(data: bytes, field: int, layout: str, value: int, *, record: int = 0) -> bytes:
    """Change a field of an entry's record in the list, the record of its data left as it is."""
    start = -1
    for _ in range(record + 1):
        start = data.index(LISTED, start + 1)
    changed = bytearray(data)
    struct.pack_into(layout, changed, start + field, value)
    return bytes(changed)


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def unpack(tmp_path: Path, data: bytes, limits: ArchiveLimits | None = None) -> dict:
    path = tmp_path / "second.zip"
    path.write_bytes(data)
    extract(path, tmp_path / "into", limits or ArchiveLimits(), source="second.zip")
    return tree(tmp_path / "into")


def refusal(tmp_path: Path, data: bytes, limits: ArchiveLimits | None = None) -> str:
    with pytest.raises(ExportError) as caught:
        unpack(tmp_path, data, limits)
    message = str(caught.value)
    assert message.startswith("second.zip: ")
    assert message.endswith(".")
    return message.removeprefix("second.zip: ")


def test_files_and_folders_come_out(tmp_path):
    data = zipped(
        ("./", b""),
        ("app/", b""),
        ("app/model.pb", b"graph" * 1000),
        ("app//deep/./labels.txt", b"a\nb"),
        (entry("stored", method=zipfile.ZIP_STORED), b"as it is"),
        ("empty", b""),
        ("hollow/", b""),
    )
    assert unpack(tmp_path, data) == {
        "app": None,
        "app/deep": None,
        "app/deep/labels.txt": b"a\nb",
        "app/model.pb": b"graph" * 1000,
        "empty": b"",
        "hollow": None,
        "stored": b"as it is",
    }


def test_an_empty_zip_gives_an_empty_folder(tmp_path):
    assert unpack(tmp_path, zipped()) == {}
    assert (tmp_path / "into").is_dir()


def test_backslashes_of_old_windows_programs_are_slashes(tmp_path):
    data = zipped(("app\\", b""), ("app\\model.pb", b"g"))
    assert unpack(tmp_path, data) == {"app": None, "app/model.pb": b"g"}


def test_a_program_in_front_of_the_zip_does_no_harm(tmp_path):
    assert unpack(tmp_path, b"MZ and more" + zipped(("a", b"1"))) == {"a": b"1"}


def test_permissions_and_owners_are_not_taken_over(tmp_path):
    unpack(tmp_path, zipped((entry("a", stat.S_IFREG | 0o6777), b"1")))
    assert not stat.S_IMODE((tmp_path / "into" / "a").stat().st_mode) & 0o6111


def test_names_unpacks_nothing(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(("app\\model.pb", b"1"), ("../b", b"2")))
    assert names(path) == ("app/model.pb", "../b")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../evil", "climbs out of the zip"),
        ("a/../../evil", "climbs out of the zip"),
        ("a/..", "climbs out of the zip"),
        ("..\\evil", "climbs out of the zip"),
        ("a/.. /evil", "climbs out of the zip"),
        ("a/.../evil", "climbs out of the zip"),
        (" /evil", "climbs out of the zip"),
        ("/etc/evil", "has an absolute path"),
        ("//server/evil", "has an absolute path"),
        ("\\\\server\\evil", "has an absolute path"),
        ("C:\\evil", "has an absolute path"),
        ("c:evil", "has an absolute path"),
        ("a/C:/evil", "has an absolute path"),
        ("a\nb", "has control characters in its name"),
        ("model.pb\0.txt", "has control characters in its name"),
        ("con", "is named like a device of Windows"),
        ("a/NUL.txt", "is named like a device of Windows"),
        ("COM1", "is named like a device of Windows"),
        ("lpt9.tar.gz", "is named like a device of Windows"),
        ("x" * 256, "has too long a name"),
        ("ä" * 128, "has too long a name"),
        ("/".join(["x" * 100] * 11), "has too long a name"),
        ("a/" * 32 + "b", "has too long a name"),
        ("", "has no name"),
        (".", "has no name"),
    ],
)
def test_names_that_could_do_harm_are_refused(tmp_path, name, problem):
    shown = repr(name if len(name) <= 80 else name[:77] + "...")
    assert (
        refusal(tmp_path, zipped(("good", b"1"), (name, b"2"))) == f"its entry {shown} {problem}."
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["second.zip"]


@pytest.mark.parametrize(
    "name", ["console", "community.txt", "a..b", ".hidden", "...a", "~", "-rf"]
)
def test_names_that_only_look_like_it_are_not(tmp_path, name):
    assert unpack(tmp_path, zipped((name, b"1"))) == {name: b"1"}


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path, kind):
    data = zipped((entry("link", kind | 0o777), b"/etc/passwd"))
    assert refusal(tmp_path, data) == "its entry 'link' is a link or a device, not a file."


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["a/b", "a//b", "a/./b", "a\\b"])
def test_the_same_name_twice_is_refused(tmp_path, second):
    data = zipped(("a/b", b"1"), (second, b"2"))
    assert refusal(tmp_path, data) == f"its entry {second!r} comes twice."


@pytest.mark.parametrize("clash", [("a", "a/b"), ("a/b", "a"), ("a/", "a"), ("a", "a\\b\\c")])
def test_a_file_that_is_a_folder_too_is_refused(tmp_path, clash):
    data = zipped(*((name, b"") for name in clash))
    assert refusal(tmp_path, data) == "its entry 'a' is both a file and a folder."


@pytest.mark.parametrize("bit", [0x1, 0x40, 0x2000])
def test_encryption(tmp_path, bit):
    data = patched(zipped(("a", b"1")), FLAGS, "<H", bit)
    with pytest.raises(UnsupportedExportError, match=r"'a' is encrypted; unpack it and give the"):
        unpack(tmp_path, data)


@pytest.mark.parametrize(
    ("method", "called"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "LZMA")]
)
def test_other_compression(tmp_path, method, called):
    with pytest.raises(UnsupportedExportError, match=f"'a' is compressed with {called}, which is"):
        unpack(tmp_path, zipped((entry("a", method=method), b"1")))


def test_compression_of_no_known_name(tmp_path):
    data = patched(zipped(("a", b"1")), METHOD, "<H", 77)
    assert "compressed with method 77, which is not read" in refusal(tmp_path, data)


def test_too_many_entries(tmp_path):
    data = zipped(*((f"{i}", b"") for i in range(4)))
    assert len(unpack(tmp_path, data, ArchiveLimits(entries=4))) == 4
    problem = refusal(tmp_path, data, ArchiveLimits(entries=3))
    assert problem == "holds 4 files; at most 3 are unpacked."


def test_a_list_too_long_to_be_looked_at_is_not(tmp_path):
    short = zipped(("a", b"1"))
    start, end = short.index(LISTED), short.index(b"PK\x05\x06")
    record = short[start:end]
    count = (4 << 20) // len(record) + 1
    tail = bytearray(short[end:])
    struct.pack_into("<I", tail, 12, count * len(record))
    problem = refusal(tmp_path, short[:start] + record * count + bytes(tail))
    assert problem.startswith("is not an intact zip (its list of entries is too long)")


def test_the_default_limits_refuse_a_bomb_before_anything_is_written(tmp_path):
    problem = refusal(tmp_path, zipped(("zeros", bytes(65 << 20))))
    assert problem.startswith("would unfold to 65 MiB from 6")
    assert not (tmp_path / "into").exists()


def test_the_total_counts_even_where_the_ratio_is_honest(tmp_path):
    noise = random.Random(1).randbytes(30_000)
    data = zipped(("a", noise), ("b", noise[::-1]))
    assert len(unpack(tmp_path, data, ArchiveLimits(total=60_000))) == 2
    assert "would unfold to" in refusal(tmp_path, data, ArchiveLimits(total=59_999))


def test_every_file_counts_for_a_disk_block(tmp_path):
    data = zipped(*((f"{i}", b"") for i in range(10)))
    assert "would unfold to" in refusal(tmp_path, data, ArchiveLimits(total=40_959))


@pytest.mark.parametrize(("claimed", "problem"), [(10, "larger"), (9 << 20, "smaller")])
def test_sizes_that_lie_are_found_while_writing(tmp_path, claimed, problem):
    data = patched(zipped(("zeros", bytes(8 << 20))), SIZE, "<I", claimed)
    expected = f"its entry 'zeros' is {problem} than the zip's list says."
    assert refusal(tmp_path, data) == expected
    written = sum(len(each) for each in tree(tmp_path / "into").values() if each)
    assert written <= max(claimed, 8 << 20) - (8 << 20 if problem == "larger" else 0)


def test_entries_that_share_their_bytes_are_refused(tmp_path):
    data = zipped(("a", bytes(9000)), ("b", bytes(9000)))
    data = patched(data, OFFSET, "<I", 0, record=1)
    assert refusal(tmp_path, data) == "its entry 'b' shares its bytes with another entry."


def test_an_entry_that_holds_another_is_refused(tmp_path):
    inner = zipped(("b", b"x" * 50))
    data = zipped((entry("a", method=zipfile.ZIP_STORED), inner), ("b", b"x" * 50))
    data = patched(data, OFFSET, "<I", data.index(LOCAL, 1), record=2)
    assert refusal(tmp_path, data) == "its entry 'b' shares its bytes with another entry."


def test_a_wrong_checksum(tmp_path):
    data = patched(zipped(("a", b"one"), ("b", b"two")), CRC, "<I", 1, record=1)
    assert refusal(tmp_path, data) == "its entry 'b' is damaged; copy or download the zip again."


def test_a_stream_that_is_no_deflate(tmp_path):
    data = bytearray(zipped(("a", b"one two three four")))
    data[31:36] = b"\xff" * 5
    assert refusal(tmp_path, bytes(data)) == (
        "its entry 'a' is damaged; copy or download the zip again."
    )


def test_bytes_missing_in_the_middle(tmp_path):
    data = zipped(("a", random.Random(1).randbytes(5000)))
    assert refusal(tmp_path, data[:1000] + data[2000:]).startswith(
        ("is not an intact", "its entry")
    )


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip at all", zipped(("a", b"1" * 99))[:-9]])
def test_what_is_no_zip(tmp_path, data):
    assert refusal(tmp_path, data).startswith("is not an intact zip (")


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "a").write_bytes(b"mine")
    assert refusal(tmp_path, zipped(("a", b"1"))) == "could not be unpacked (File exists)."
    assert (tmp_path / "into" / "a").read_bytes() == b"mine"


def test_a_missing_file(tmp_path):
    with pytest.raises(ExportError, match=r"gone\.zip: could not be unpacked \(No such file"):
        extract(tmp_path / "gone.zip", tmp_path / "into")


def test_what_is_left_of_the_limits_is_returned(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(("a", random.Random(1).randbytes(5000)), ("b", b"")))
    left = extract(path, tmp_path / "into", ArchiveLimits(10, 20_000, 3, 9_500))
    assert left == ArchiveLimits(
        8, min(20_000, max(9_500, 3 * path.stat().st_size)) - 9096, 3, 9_500
    )


NASTY = st.lists(
    st.sampled_from(
        [
            "..",
            ".",
            "",
            "a",
            "b",
            "C:",
            "nul",
            "\0",
            "x" * 300,
            "é",
            "\u202e",
            " ",
            "...",
            "~",
            "%2e",
        ]
    ),
    max_size=5,
).flatmap(lambda parts: st.sampled_from(["/", "\\", "/../", "//"]).map(lambda by: by.join(parts)))
MODES = st.sampled_from([0, stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777])


@given(st.lists(st.tuples(st.one_of(NASTY, st.text(max_size=8)), MODES), max_size=4))
@settings(deadline=None, max_examples=150)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_nothing_ever_lands_outside(entries):
    assert_contained(zipped(*((entry(name, mode), b"data") for name, mode in entries)))


@given(st.integers(0, 2**32), st.integers(1, 8))
@settings(deadline=None, max_examples=150)
def test_damaged_zips_give_files_inside_or_a_sentence(seed, flips):
    data = bytearray(
        zipped(("app/", b""), ("app/model.pb", b"graph" * 40), ("labels.txt", b"a\nb"))
    )
    chance = random.Random(seed)
    for _ in range(flips):
        data[chance.randrange(len(data))] = chance.randrange(256)
    assert_contained(bytes(data))


def assert_contained(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as sandbox:
        path, into = Path(sandbox, "nasty.zip"), Path(sandbox, "deep", "into")
        path.write_bytes(data)
        try:
            extract(path, into)
        except ExportError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017 - either outcome is right
        outside = {each.relative_to(sandbox).parts[:2] for each in Path(sandbox).rglob("*")}
        assert outside <= {("nasty.zip",), ("deep",), ("deep", "into")}
        assert path.read_bytes() == data
        assert not any(each.is_symlink() for each in into.rglob("*"))

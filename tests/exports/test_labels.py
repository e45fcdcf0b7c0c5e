# SPDX-License-Identifier: Apache-2.0
"""Label files as every editor writes them."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.errors import ExportError
from trunkline.exports import labels

LABEL = st.text(
    st.characters(
        blacklist_categories=["Cc", "Cs", "Zs", "Zl", "Zp"], blacklist_characters="\ufeff"
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize(
    "data",
    [
        b"Apple\nBanana split\n",
        b"Apple\nBanana split",
        b"Apple\r\nBanana split\r\n",
        b"Apple\rBanana split\r",
        b"  Apple\t\n\tBanana split \n",
        b"Apple\nBanana split\n\n \r\n\n",
        codecs.BOM_UTF8 + b"Apple\r\nBanana split",
        "Apple\r\nBanana split".encode("utf-16"),
        codecs.BOM_UTF16_BE + "Apple\nBanana split\n".encode("utf-16-be"),
    ],
)
def test_any_line_end_mark_and_margin_gives_the_same_labels(data):
    assert labels.parse(data, "labels.txt") == ("Apple", "Banana split")


def test_letters_beyond_ascii():
    assert labels.parse("Äpfel\nżółty\n香蕉".encode(), "labels.txt") == ("Äpfel", "żółty", "香蕉")


def test_what_is_not_utf8_is_windows_1252():
    assert labels.parse("Café\nNaïve € né".encode("cp1252"), "l") == ("Café", "Naïve € né")


def test_only_line_ends_end_a_line():
    assert labels.parse("one\u2028still one\ntwo".encode(), "l") == ("one\u2028still one", "two")


def test_a_tab_may_stand_inside_a_label():
    assert labels.parse(b"0\tperson\n1\tbus", "l") == ("0\tperson", "1\tbus")


def test_a_label_may_come_twice():
    assert labels.parse(b"cat\ndog\ncat\n", "l") == ("cat", "dog", "cat")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (b"\n \r\n\t\n", "is empty"),
        (codecs.BOM_UTF8, "is empty"),
        (b"cat\n\ndog\n", "line 2 is blank"),
        (b"\ncat\n", "line 1 is blank"),
        (b"cat\ndo\0g\n", "line 2 holds a control character"),
        (b"\x1b[31mcat\n", "line 1 holds a control character"),
        ("cat\ndog".encode("utf-16-le"), "line 1 holds a control character"),
        ("cat".encode("utf-32"), "line 1 holds a control character"),
        (b"\x81\x8d cat", "is not a text file"),
        (codecs.BOM_UTF8 + b"caf\xe9", "is not a text file"),
        (codecs.BOM_UTF16_LE + b"abc", "is not a text file"),
        (b"a" * (labels.MAX_BYTES + 1), "is larger than 1 MiB"),
        (b"a\n" * (labels.MAX_LABELS + 1), "holds 100001 labels; at most 100000"),
    ],
)
def test_what_is_no_label_file_is_refused(data, problem):
    with pytest.raises(ExportError) as caught:
        labels.parse(data, "my/labels.txt")
    assert str(caught.value).startswith(f"my/labels.txt: {problem}")


def test_as_many_labels_as_are_allowed():
    assert len(labels.parse(b"a\n" * labels.MAX_LABELS, "l")) == labels.MAX_LABELS


@pytest.mark.parametrize(
    ("data", "odd"),
    [
        (b"a\nb\n", ()),
        (b"a\r\nb", ("has Windows line ends",)),
        (b"a\rb", ("has line ends of the old Macintosh",)),
        (codecs.BOM_UTF8 + b"a", ("begins with a byte order mark",)),
        ("a\r\nb".encode("utf-16"), ("begins with a byte order mark", "has Windows line ends")),
        (b"caf\xe9", ("is not UTF-8 and was read as Windows-1252",)),
        (b"a\nb\na\nb\nc", ("names a label more than once: a, b",)),
    ],
)
def test_oddities_are_told(data, odd):
    assert labels.oddities(data, "labels.txt") == odd


@given(
    st.lists(LABEL, min_size=1, max_size=20),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_what_is_written_is_read_back(names, end, encoding, final):
    data = (end.join(names) + (end if final else "")).encode(encoding)
    assert labels.parse(data, "labels.txt") == tuple(name.strip() for name in names)


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=200)
def test_any_bytes_give_labels_or_a_sentence(data):
    try:
        found = labels.parse(data, "labels.txt")
    except ExportError as error:
        assert str(error).startswith("labels.txt: ")  # noqa: PT017 - either outcome is right
    else:
        assert found
        assert all(name and name == name.strip() for name in found)

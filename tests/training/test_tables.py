# SPDX-License-Identifier: Apache-2.0
"""CSV files of pictures and tags: what people's programs write is read, the rest is refused."""

from __future__ import annotations

import codecs
import csv
import io
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainingsamples import encoded
from trunkline.errors import TrainingError
from trunkline.training.pictures import read_pictures
from trunkline.training.tables import list_table

NAMES = ("a.png", "b.png", "c.png", "d.png")


@pytest.fixture
def folder(tmp_path):
    for seed, name in enumerate(NAMES):
        (tmp_path / name).write_bytes(encoded(seed))
    return tmp_path


def read(folder, text, name="tags.csv", task=None):
    data = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(data)
    return read_pictures(folder / name, task=task)


def tags(result):
    return {picture.source: set(picture.tags) for picture in result.pictures}


EXPECTED = {"a.png": {"cat"}, "b.png": {"dog"}}
SEVERAL = {"a.png": {"cat", "dog"}, "b.png": {"dog"}}


@pytest.mark.parametrize("file", ["file", "path", "Filename", "FILE_NAME", " image "])
@pytest.mark.parametrize("tag", ["tag", "Tags", "label", "labels"])
def test_columns_have_many_names(folder, file, tag):
    result = read(folder, f"{file},{tag}\na.png,cat\nb.png,dog\n")
    assert tags(result) == EXPECTED
    assert result.task == "multiclass"


@pytest.mark.parametrize(
    "text",
    [
        "file,tag\r\na.png,cat\r\nb.png,dog\r\n",
        "file,tag\ra.png,cat\rb.png,dog",
        "\n\nfile,tag\n\na.png,cat\n , \nb.png,dog",
        'file,tag\n"a.png","cat"\n"b.png", dog ',
        "file;tag\na.png;cat\nb.png;dog\n",
        "file\ttag\na.png\tcat\nb.png\tdog\n",
        "file|tag\na.png|cat\nb.png|dog\n",
        "tag,id,file\ncat,1,a.png\ndog,2,./b.png\n",
        "file,tag\n./x/../a.png,cat\n.\\b.png,dog\n",
        codecs.BOM_UTF8 + b"file,tag\na.png,cat\nb.png,dog",
        "file,tag\na.png,cat\nb.png,dog".encode("utf-16"),
    ],
)
def test_dialects(folder, text):
    assert list(tags(read(folder, text)).values()) == list(EXPECTED.values())


@pytest.mark.parametrize(
    "text",
    [
        "file,tags\na.png,cat;dog\nb.png,dog\n",
        "file,tags\na.png,cat | dog\nb.png,dog|\n",
        "file,tags\na.png,cat\nb.png,dog\na.png,dog\n",
        "file,tags\na.png,cat,dog\nb.png,dog\n",
        "file;tags\na.png;cat;dog\nb.png;dog\n",
        'file,tags,note\na.png,"cat;dog",x\nb.png,dog,y\n',
        "file,cat,dog\na.png,1,1\nb.png,0,1\n",
        "file,cat,dog,width\na.png,TRUE,yes,640\nb.png,false,1.0,480\n",
        "file,cat,dog\na.png,1,1\nb.png,-1,1\n",
        "file,cat,dog\na.png,1,1\nb.png,,1\n",
    ],
)
def test_several_tags_of_a_picture(folder, text):
    result = read(folder, text)
    assert tags(result) == SEVERAL
    assert result.task == "multilabel"
    assert result.tags == ("cat", "dog")


def test_a_row_of_zeros_shows_none_of_the_tags(folder):
    text = "file,cat,dog\na.png,1,1\nb.png,0,0\nc.png,0,1"
    result = read(folder, text)
    assert tags(result)["b.png"] == set()
    assert not result.untagged
    single = read(folder, "file,cat,dog\na.png,1,0\nb.png,0,0\nc.png,0,1")
    assert single.task == "multiclass"
    assert [picture.source for picture in single.untagged] == ["b.png"]


def test_an_empty_cell_is_a_picture_not_tagged_yet(folder):
    for task in ("multiclass", "multilabel"):
        result = read(folder, "file,tag\na.png,cat\nb.png,\nc.png,dog", task=task)
        assert [picture.source for picture in result.untagged] == ["b.png"]


def test_negative_among_tags(folder):
    result = read(folder, "file,tag\na.png,cat;dog\nb.png,negative\nc.png,cat|NEGATIVE")
    assert tags(result) == {"a.png": {"cat", "dog"}, "b.png": set()}
    assert "Negative" in result.problems[0].what
    assert result.tags == ("cat", "dog")


def test_what_is_wrong_with_a_row_is_reported(folder):
    (folder / "note.txt").write_text("no picture")
    long = "x" * 5000
    result = read(folder, f"file,tag\na.png,cat\n,dog\ngone.png,dog\nnote.txt,dog\n{long},dog")
    assert tags(result) == {"a.png": {"cat"}}
    sources = [problem.source for problem in result.problems]
    assert sources == [f"{folder / 'tags.csv'}, line 3", "gone.png", "note.txt", long]
    assert "no such file" in result.problems[1].what


def test_absolute_paths_and_other_folders(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "é x.png"
    elsewhere.write_bytes(encoded(50))
    (folder / "sub").mkdir()
    result = read(folder / "sub", f"file,tag\n{elsewhere},cat\n../a.png,dog\n..\\b.png,dog")
    assert set(tags(result)) == {str(elsewhere), "../a.png", "..\\b.png"}


def test_a_name_may_be_composed_in_another_way(folder):
    (folder / "cafe\u0301.png").write_bytes(encoded(51))
    assert tags(read(folder, "file,tag\ncaf\u00e9.png,x")) == {"caf\u00e9.png": {"x"}}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "it is empty"),
        ("\n\n", "it is empty"),
        ("a.png,cat\nb.png,dog", "names the pictures.*one must be called file"),
        ("file,width\na.png,640", "none of its columns holds tags; call one tags"),
        ("file\na.png", "none of its columns holds tags"),
        ("file,cat\na.png,\n", "none of its columns holds tags"),
        (b"file,tag\na.png,caf\xe9", "not a table in UTF-8; save it"),
        (b"\xff\xfef\0i\0l", "not a table in UTF-8; save it"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not a table in UTF-8"),
        (b"file,tag\0", "not a table; give"),
        ("file,tag\n" + "x" * 200_000, "cannot be read as CSV"),
    ],
)
def test_what_is_no_table_is_refused(folder, text, match):
    with pytest.raises(TrainingError, match=match) as caught:
        read(folder, text)
    assert caught.value.source == str(folder / "tags.csv")


def test_a_table_that_cannot_be_read(folder, monkeypatch):
    (folder / "tags.csv").write_text("file,tag\n")

    def stopped(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", stopped)
    with pytest.raises(TrainingError, match=r"cannot be read \(Permission denied\)"):
        read_pictures(folder / "tags.csv")


plain_text = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters=";|,\t\\/."), min_size=1
).filter(lambda text: text.casefold() != "negative")


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(st.lists(plain_text, min_size=1, max_size=3), min_size=1, max_size=5),
    delimiter=st.sampled_from(",;\t|"),
    between=st.sampled_from(";|"),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_the_csv_module_writes_is_read(rows, delimiter, between, end, quoting, encoding):

    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(["file", "tags"])
    writer.writerows([f"{at}.png", between.join(names)] for at, names in enumerate(rows))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tags.csv")
        path.write_bytes(file.getvalue().encode(encoding))
        listing = list_table(path)
    assert [entry.path.name for entry in listing.entries] == [
        f"{at}.png" for at in range(len(rows))
    ]
    composed = [{unicodedata.normalize("NFC", name) for name in names} for names in rows]
    assert [entry.tags for entry in listing.entries] == composed


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200) | st.text('file,tag;|\n\r"01x\0', max_size=80).map(str.encode))
def test_any_bytes_are_a_table_or_refused(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tags.csv")
        path.write_bytes(data)
        try:
            listing = list_table(path)
        except TrainingError:
            return
        assert all(entry.path for entry in listing.entries)

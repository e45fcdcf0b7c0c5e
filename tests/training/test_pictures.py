# SPDX-License-Identifier: Apache-2.0
"""Pictures and tags from folders and programs: what is used, what is left out, what is said."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from trainingsamples import encoded, folder_of, pixels, put
from trunkline.errors import PictureError, TrainingError
from trunkline.images import read_picture
from trunkline.training.featurestore import FeatureStore
from trunkline.training.pictures import gather_pictures, read_pictures
from trunkline.training.problems import Problem


def used(pictures):
    return {picture.source: set(picture.tags) for picture in pictures.pictures}


def problems(pictures):
    return {problem.source: problem.what for problem in pictures.problems}


def left_out(root, name, match):
    """A folder of two good tags and one bad thing: the bad thing is reported, the rest is used."""
    result = read_pictures(root)
    assert len(result.pictures) == 4
    assert list(problems(result)) == [name]

    assert re.search(match, problems(result)[name]), problems(result)[name]
    result.check_trainable()
    return result


@pytest.fixture
def root(tmp_path):
    return folder_of(tmp_path / "pictures", cat=2, dog=2)


class TestFolders:
    def test_a_folder_is_a_tag_for_all_that_is_below_it(self, root):
        put(root / "cat" / "indoors" / "night" / "x.jpg", 90)
        put(root / "loose.png", 91)
        result = read_pictures(root)
        assert used(result) == {
            "cat/0.png": {"cat"},
            "cat/1.png": {"cat"},
            "cat/indoors/night/x.jpg": {"cat"},
            "dog/0.png": {"dog"},
            "dog/1.png": {"dog"},
        }
        assert [picture.source for picture in result.untagged] == ["loose.png"]
        assert result.tags == ("cat", "dog")
        assert result.counts() == {"cat": 3, "dog": 2}
        assert result.task == "multiclass"
        assert not result.problems
        assert result.sidecars == 0

    def test_a_picture_knows_its_content(self, root):
        picture = read_pictures(str(root)).pictures[0]
        data = (root / "cat" / "0.png").read_bytes()
        assert picture.read() == data
        assert picture.digest == hashlib.sha256(data).hexdigest()
        assert picture.path == root / "cat" / "0.png"
        assert pickle.loads(pickle.dumps(picture)) == picture
        with pytest.raises(AttributeError):
            picture.source = "other"

    def test_the_order_does_not_depend_on_the_file_system(self, tmp_path):
        names = ["b/2.png", "a/9.png", "b/1.png", "a/10.png", "c/x/1.png", "c/0.png"]
        for seed, name in enumerate(names):
            put(tmp_path / "one" / name, seed)
        for seed, name in reversed(list(enumerate(names))):
            put(tmp_path / "two" / name, seed)
        one, two = (read_pictures(tmp_path / name) for name in ("one", "two"))
        assert [p.source for p in one.pictures] == [p.source for p in two.pictures]
        assert [p.digest for p in one.pictures] == [p.digest for p in two.pictures]

    @pytest.mark.parametrize(
        "tag", ["猫", "Кошка", "قطة", "chat noir", "גּ", "🐈‍⬛", "Ñandú", "a;b", "nul", "0"]
    )
    def test_names_may_be_in_any_script(self, tmp_path, tag):
        put(tmp_path / tag / "ภาพ 写真.png", 0)
        put(tmp_path / "other" / "1.png", 1)
        result = read_pictures(tmp_path)
        assert len(result.tags) == 2
        assert "ภาพ 写真.png" in [Path(picture.source).name for picture in result.pictures]
        assert not result.problems

    def test_a_tag_is_composed_unicode_on_one_line(self, tmp_path):
        put(tmp_path / "Cafe\u0301" / "0.png", 0)
        put(tmp_path / "two\nlines " / "1.png", 1)
        assert read_pictures(tmp_path).tags == ("Caf\u00e9", "two lines")

    def test_a_name_that_is_not_utf_8_can_be_shown(self, tmp_path):
        folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
        put(folder / "0.png", 0)
        put(tmp_path / "other" / "1.png", 1)
        result = read_pictures(tmp_path)
        for text in (*result.tags, *(picture.source for picture in result.pictures)):
            text.encode()
        assert all(picture.read() for picture in result.pictures)

    @pytest.mark.parametrize("name", ["notes.txt", "0.xml", "Thumbs.db", ".DS_Store", "._0.png"])
    def test_sidecar_files_are_counted_and_passed_over(self, root, name):
        (root / "cat" / name).write_bytes(b"\0\1something")
        result = read_pictures(root)
        assert (result.sidecars, result.problems) == (1, ())

    @pytest.mark.parametrize("name", [".git", "__MACOSX", "@eaDir"])
    def test_folders_of_programs_are_passed_over(self, root, name):
        put(root / name / "x.png", 70)
        put(root / "cat" / name / "x.png", 71)
        result = read_pictures(root)
        assert len(result.pictures) == 4
        assert result.tags == ("cat", "dog")

    def test_a_picture_needs_no_suffix(self, root):
        (root / "cat" / "IMG0001").write_bytes(encoded(33))
        assert "cat/IMG0001" in used(read_pictures(root))

    def test_a_folder_without_pictures_is_not_a_tag(self, root):
        (root / "notes").mkdir()
        (root / "notes" / "a.txt").write_text("x")
        left_out(root, "notes", "not a tag")

    def test_a_blank_name_is_not_a_tag(self, root):
        put(root / " \n" / "x.png", 50)
        left_out(root, " \n", "blank")

    def test_links_are_followed_and_loops_end(self, tmp_path, root):
        put(tmp_path / "elsewhere" / "deep" / "x.png", 60)
        (root / "cat" / "linked").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "elsewhere" / "deep" / "up").symlink_to(tmp_path / "elsewhere")
        (root / "cat" / "root").symlink_to(root)
        (root / "cat" / "self.png").symlink_to(root / "cat" / "self.png")
        result = read_pictures(root)
        assert "cat/linked/deep/x.png" in used(result)
        assert len(result.pictures) == 5
        assert set(problems(result)) == {
            "cat/linked/deep/up", "cat/root", "cat/self.png",
        }  # fmt: skip
        assert "read already" in problems(result)["cat/root"]

    def test_folders_may_be_nested_deeply(self, root):
        deep = root / "cat"
        try:
            for _ in range(1100):
                deep /= "d"
                deep.mkdir()
            put(deep / "x.png", 61)
            assert len(read_pictures(root).pictures) == 5
        finally:  # shutil.rmtree would not come back from so deep
            subprocess.run(["rm", "-rf", root / "cat" / "d"], check=True)


class TestBadFiles:
    def test_zero_bytes(self, root):
        (root / "cat" / "x.jpg").touch()
        left_out(root, "cat/x.jpg", "zero bytes")

    def test_not_a_picture(self, root):
        (root / "cat" / "x.jpg").write_text("<html>404</html>")
        left_out(root, "cat/x.jpg", "not a picture .* give a JPEG")

    def test_a_damaged_header(self, root):
        (root / "cat" / "x.png").write_bytes(encoded(5)[:20])
        left_out(root, "cat/x.png", "cut off or damaged")

    @pytest.mark.parametrize("size", [(15, 400), (400, 15), (1, 1)])
    def test_tiny(self, root, size):
        put(root / "cat" / "x.png", 5, height=size[0], width=size[1])
        left_out(root, "cat/x.png", "too few to learn from; .* at least 16")

    def test_sixteen_pixels_are_enough(self, root):
        put(root / "cat" / "x.png", 5, height=16, width=16)
        assert "cat/x.png" in used(read_pictures(root))

    def test_over_the_pixel_limit(self, root):
        Image.new("1", (10001, 10000)).save(root / "cat" / "x.png")
        left_out(root, "cat/x.png", "100,010,000 pixels, more than the 100,000,000")

    @pytest.mark.parametrize("brands", [b"heicmif1", b"mif1....mif1heic", b"hevc....msf1"])
    def test_heic_says_what_helps(self, root, brands):
        (root / "cat" / "x.HEIC").write_bytes(b"\0\0\0\x18ftyp" + brands + bytes(100))
        left_out(root, "cat/x.HEIC", "HEIC .* heif-convert .* libheif-examples")

    @pytest.mark.parametrize("name", ["x.NEF", "x.dng"])
    def test_camera_raw(self, root, name):
        (root / "cat" / name).write_bytes(b"II*\0" + bytes(100))
        left_out(root, f"cat/{name}", "camera raw")

    def test_other_pictures_that_are_not_read(self, root):
        (root / "cat" / "x.svg").write_text("<svg/>")
        left_out(root, "cat/x.svg", "not a picture in a format that is read here")

    def test_a_folder_with_a_picture_s_name(self, root):
        put(root / "cat" / "x.jpg" / "y.png", 40)
        left_out(root, "cat/x.jpg", "folder with the name of a picture")

    def test_a_tag_with_a_picture_s_name(self, root):
        put(root / "x.jpg" / "y.png", 40)
        left_out(root, "x.jpg", "folder with the name of a picture")

    def test_a_link_that_leads_nowhere(self, root):
        (root / "cat" / "x.jpg").symlink_to(root / "gone.jpg")
        left_out(root, "cat/x.jpg", "leads nowhere")

    def test_a_pipe_is_not_waited_for(self, root):
        os.mkfifo(root / "cat" / "x.jpg")
        left_out(root, "cat/x.jpg", "not a file")

    def test_an_unreadable_file(self, root, monkeypatch):
        put(root / "cat" / "x.jpg", 40).chmod(0)
        if os.geteuid() == 0:  # whom no permission stops
            whole = Path.open

            def stopped(path, *args, **options):
                if path.name == "x.jpg":
                    raise PermissionError(13, "Permission denied", str(path))
                return whole(path, *args, **options)

            monkeypatch.setattr(Path, "open", stopped)
        left_out(root, "cat/x.jpg", r"cannot be read \(Permission denied\); check its permissions")

    def test_an_unreadable_folder(self, root, monkeypatch):
        put(root / "cat" / "in" / "x.jpg", 40)
        (root / "cat" / "in").chmod(0)
        if os.geteuid() == 0:
            whole = Path.iterdir

            def stopped(path):
                if path.name == "in":
                    raise PermissionError(13, "Permission denied", str(path))
                return whole(path)

            monkeypatch.setattr(Path, "iterdir", stopped)
        try:
            left_out(root, "cat/in", r"cannot be read \(Permission denied\)")
        finally:
            (root / "cat" / "in").chmod(0o755)

    @settings(deadline=None, max_examples=60)
    @given(data=st.data())
    def test_damage_never_ends_the_run(self, tmp_path_factory, data):
        whole = encoded(
            1, data.draw(st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"]))
        )
        start = data.draw(st.integers(0, len(whole)))
        noise = data.draw(st.binary(max_size=40))
        root = folder_of(tmp_path_factory.mktemp("fuzz"), cat=1, dog=1)
        (root / "cat" / "x.jpg").write_bytes(whole[:start] + noise + whole[start + len(noise) :])
        result = read_pictures(root)
        assert len(result.pictures) + len(result.problems) == 3


class TestCopies:
    def test_twice_under_one_tag_is_used_once(self, root):
        shutil.copy(root / "cat" / "0.png", root / "cat" / "again.png")
        left_out(root, "cat/again.png", "same picture as cat/0.png, which is used once")

    def test_under_two_tags_is_a_contradiction(self, root):
        put(root / "cat" / "x.png", 30)
        shutil.copy(root / "cat" / "x.png", root / "dog" / "y.png")
        result = read_pictures(root)
        assert len(result.pictures) == 4
        assert set(problems(result)) == {"cat/x.png", "dog/y.png"}
        assert "dog/y.png, tagged dog; neither is used" in problems(result)["cat/x.png"]
        assert "cat/x.png, tagged cat" in problems(result)["dog/y.png"]

    def test_under_two_tags_has_both_for_multilabel(self, root):
        put(root / "cat" / "x.png", 30)
        shutil.copy(root / "cat" / "x.png", root / "dog" / "x.png")
        result = read_pictures(root, task="multilabel")
        assert used(result)["cat/x.png"] == {"cat", "dog"}
        assert len(result.pictures) == 5
        assert not result.problems

    def test_an_untagged_copy_is_not_asked_about(self, root):
        shutil.copy(root / "cat" / "0.png", root / "a.png")
        result = left_out(root, "a.png", "same picture as cat/0.png")
        assert not result.untagged

    def test_untagged_copies_are_one(self, root):
        put(root / "a.png", 80)
        shutil.copy(root / "a.png", root / "b.png")
        result = left_out(root, "b.png", "same picture as a.png")
        assert [picture.source for picture in result.untagged] == ["a.png"]


class TestNegative:
    @pytest.mark.parametrize("name", ["Negative", "negative", "NEGATIVE"])
    def test_it_is_a_class_of_its_own_for_multiclass(self, root, name):
        put(root / name / "x.png", 20)
        result = read_pictures(root)
        assert result.tags == ("Negative", "cat", "dog")
        assert used(result)[f"{name}/x.png"] == {"Negative"}

    def test_it_is_no_tag_at_all_for_multilabel(self, root):
        put(root / "negative" / "x.png", 20)
        result = read_pictures(root, task="multilabel")
        assert result.tags == ("cat", "dog")
        assert used(result)["negative/x.png"] == set()

    def test_it_cannot_stand_beside_another(self, root):
        put(root / "negative" / "x.png", 20)
        shutil.copy(root / "negative" / "x.png", root / "dog" / "x.png")
        result = read_pictures(root, task="multilabel")
        assert len(result.pictures) == 4
        assert "Negative, for none of the tags, and also dog" in result.problems[0].what


class TestTooFew:
    @pytest.mark.parametrize(
        ("counts", "task", "match"),
        [
            ({}, None, "no pictures with tags; give a folder with one folder"),
            ({"cat": 3}, None, "'cat' is the only tag.*Negative"),
            ({"cat": 3}, "multilabel", "every picture has the same tags"),
            ({"negative": 3}, "multilabel", "no pictures with tags"),
        ],
    )
    def test_what_no_model_can_be_trained_on_is_refused(self, tmp_path, counts, task, match):
        result = read_pictures(folder_of(tmp_path, **counts), task=task)
        with pytest.raises(TrainingError, match=match) as caught:
            result.check_trainable()
        assert caught.value.source == str(tmp_path)

    def test_untagged_pictures_alone(self, tmp_path):
        put(tmp_path / "a.png", 1)
        with pytest.raises(TrainingError, match="none of its 1 pictures has a tag; put them"):
            read_pictures(tmp_path).check_trainable()

    def test_nothing_but_faults(self, tmp_path):
        (tmp_path / "cat").mkdir()
        (tmp_path / "cat" / "a.png").touch()
        with pytest.raises(TrainingError, match=r"first fault: cat/a\.png: it is empty"):
            read_pictures(tmp_path).check_trainable()

    def test_a_class_whose_pictures_are_all_bad(self, root):
        (root / "fox").mkdir()
        (root / "fox" / "a.png").touch()
        result = read_pictures(root)
        with pytest.raises(TrainingError, match="no picture of 'fox' can be used"):
            result.check_trainable()
        labels = read_pictures(root, task="multilabel")
        labels.check_trainable()
        assert labels.tags == ("cat", "dog")
        assert any("No picture of 'fox'" in text for text in labels.warnings())

    def test_one_tag_will_do_for_multilabel(self, tmp_path):
        result = read_pictures(folder_of(tmp_path, cat=5, negative=5), task="multilabel")
        result.check_trainable()
        (warning,) = result.warnings()
        assert "'cat' is the only tag" in warning

    def test_few_pictures_are_warned_of(self, tmp_path):
        result = read_pictures(folder_of(tmp_path, cat=4, dog=5, fox=1))
        result.check_trainable()
        (warning,) = result.warnings()
        assert warning.startswith("Fewer than 5 pictures (cat 4, fox 1): expect")

    def test_enough_pictures_are_not(self, tmp_path):
        assert read_pictures(folder_of(tmp_path, cat=5, dog=5)).warnings() == ()

    def test_tags_that_differ_in_capitals_are_warned_of(self, tmp_path):
        result = read_pictures(folder_of(tmp_path, Cat=5, cat=5))
        (warning,) = result.warnings()
        assert "'Cat' and 'cat' differ only in capitals" in warning

    def test_a_tag_that_all_have_is_warned_of(self):
        result = gather_pictures(
            [encoded(seed) for seed in range(10)], [["pet", "cat"]] * 5 + [["pet"]] * 5
        )
        result.check_trainable()
        (warning,) = result.warnings()
        assert "Every picture has 'pet'" in warning

    def test_pictures_that_go_on_the_way_are_missed(self, root):
        result = read_pictures(root)
        lost = Problem("cat/0.png", "it is damaged")
        fewer = result.keeping([p for p in result.pictures if "cat" not in p.tags], [lost])
        assert fewer.problems == (lost,)
        assert fewer.tags == ("cat", "dog")
        with pytest.raises(TrainingError, match="no picture of 'cat'"):
            fewer.check_trainable()


class TestSources:
    def test_nothing_there(self, tmp_path):
        with pytest.raises(TrainingError, match="there is no such folder or file"):
            read_pictures(tmp_path / "gone")

    def test_something_else(self, tmp_path):
        (tmp_path / "pictures.zip").write_bytes(b"PK\3\4")
        with pytest.raises(TrainingError, match=r"one folder per tag.*CSV.*COCO.*unpacked"):
            read_pictures(tmp_path / "pictures.zip")

    @pytest.mark.parametrize("name", ["a" * 300, "nul\0"])
    def test_an_impossible_path(self, name):
        with pytest.raises(TrainingError):
            read_pictures(name)

    def test_paths_bytes_and_arrays_from_a_program(self, tmp_path):
        path = put(tmp_path / "a.png", 1)
        array = pixels(3)
        result = gather_pictures(
            [
                path,
                encoded(2),
                array,
                Image.fromarray(pixels(4)),
                np.zeros((3, 3)),
                b"",
                "gone.jpg",
            ],
            ["cat", ["dog"], ["cat"], ["dog"], "cat", "cat", "dog"],
        )
        assert used(result) == {
            str(path): {"cat"}, "picture 1": {"dog"}, "picture 2": {"cat"}, "picture 3": {"dog"},
        }  # fmt: skip
        assert set(problems(result)) == {"picture 4", "picture 5", "gone.jpg"}
        np.testing.assert_array_equal(read_picture(result.pictures[2].read()), array)

    def test_no_tags_are_an_answer_from_a_program(self):
        data = [encoded(seed) for seed in range(3)]
        several = gather_pictures(data, [["cat", "dog"], ["dog"], []])
        assert several.task == "multilabel"
        assert several.pictures[2].tags == frozenset()
        assert len(gather_pictures(data, [["cat"], ["dog"], []]).untagged) == 1

    def test_as_many_tags_as_pictures(self):
        with pytest.raises(TrainingError, match="1 pictures and 2 tags"):
            gather_pictures([b""], ["a", "b"])

    def test_two_tags_are_too_many_for_multiclass(self):
        result = gather_pictures([encoded(1)], [["cat", "dog"]], task="multiclass")
        assert "tagged cat and dog; keep one" in result.problems[0].what
        assert not result.pictures

    def test_copies_with_other_tags_are_told_of(self):
        data = encoded(1)
        result = gather_pictures([data, data], [["cat"], ["dog"]], task="multilabel")
        assert result.pictures[0].tags == {"cat", "dog"}
        assert "whose tags are added" in result.problems[0].what


class TestDigests:
    def test_known_files_are_not_opened_again(self, root, tmp_path, monkeypatch):
        later = time.time() + 60
        monkeypatch.setattr(time, "time", lambda: later)
        with FeatureStore(tmp_path / "cache") as store:
            before = read_pictures(root, store=store)
        put(root / "cat" / "0.png", 77)  # changed
        put(root / "dog" / "new.png", 78)
        opened = []
        whole = Path.open

        def noted(path, *args, **options):
            opened.append(path.name)
            return whole(path, *args, **options)

        monkeypatch.setattr(Path, "open", noted)
        with FeatureStore(tmp_path / "cache") as store:
            after = read_pictures(root, store=store)
            seen = sorted(name for name in opened if name.endswith(".png"))
            assert seen == ["0.png", "new.png"]
        digests = {picture.source: picture.digest for picture in after.pictures}
        assert digests["cat/0.png"] == hashlib.sha256((root / "cat/0.png").read_bytes()).hexdigest()
        assert {p.digest for p in before.pictures} & set(digests.values()) != set()

    def test_files_that_just_changed_are_read_again(self, root, tmp_path):
        with FeatureStore(tmp_path / "cache") as store:
            read_pictures(root, store=store)
            put(root / "cat" / "0.png", 77)
            (found, *_) = read_pictures(root, store=store).pictures
        assert found.digest == hashlib.sha256((root / "cat/0.png").read_bytes()).hexdigest()

    def test_a_file_that_changes_on_the_way_is_noticed(self, root):
        first, second, *_ = read_pictures(root).pictures
        put(root / "cat" / "0.png", 77)
        (root / "cat" / "1.png").unlink()
        with pytest.raises(PictureError, match="changed while"):
            first.read()
        with pytest.raises(PictureError, match="cannot be read any more"):
            second.read()


def test_a_problem_is_a_sentence():
    assert str(Problem("a.jpg", "it is empty")) == "a.jpg: it is empty"
    assert Problem.of(PictureError("bytes", "it is cut off"), "a.jpg").what == "it is cut off"

# SPDX-License-Identifier: Apache-2.0
"""Features: those a running model sees, once per picture, whatever the folder holds."""

from __future__ import annotations

import io
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from trainingsamples import CONTRACT, encoded, folder_of, pixels, put, trunk
from trunkline.contracts import InputContract, Preset
from trunkline.engine.compiled import CompiledGraph
from trunkline.exports.reading import read_one
from trunkline.images import read_picture, to_tensor
from trunkline.training import features
from trunkline.training.features import extract
from trunkline.training.featurestore import FeatureStore
from trunkline.training.pictures import gather_pictures, read_pictures
from trunkline.training.views import ALL_VIEWS, MIRRORED, PLAIN
from trunkline.trunks.trunk import Trunk


def plainly(network, data):
    """What a running model makes of a picture."""
    tensor = to_tensor(read_picture(data), network.contract)
    return CompiledGraph(network.graph, 1)(tensor)[0].ravel()


@pytest.fixture
def pictures(tmp_path):
    return read_pictures(folder_of(tmp_path / "pictures", cat=3, dog=4)).pictures


@pytest.mark.parametrize(
    "contract",
    [
        CONTRACT,
        InputContract(24, 40, Preset.SAMPLE_STRETCH, "RGB", "NCHW", maximum=1.0),
        InputContract(32, 32, Preset.CONTAINER_2018, mean=(104.0, 117.0, 123.0)),
    ],
)
def test_they_are_those_of_a_running_model(pictures, contract):
    network = trunk(contract)
    result = extract(network, pictures)
    assert result.values.dtype == np.float32
    assert result.values.shape == (7, 1, 8)
    assert result.pictures == tuple(pictures)
    assert not result.problems
    for row, picture in zip(result.values, pictures, strict=True):
        np.testing.assert_array_equal(row[0], plainly(network, picture.read()))


def test_a_real_model_s(shared):
    model = read_one(shared / "models" / "food-onnx-opset1", "food")
    network = Trunk("food", model.graph, model.contract, 3, "food")
    pictures = read_pictures(shared / "pictures" / "food").pictures[::10]
    result = extract(network, pictures, cores=2)
    for row, picture in zip(result.values, pictures, strict=True):
        np.testing.assert_allclose(row[0], plainly(network, picture.read()), atol=1e-6)


def test_every_view_has_its_row(pictures):
    network = trunk()
    result = extract(network, pictures, views=ALL_VIEWS)
    assert result.values.shape == (7, len(ALL_VIEWS), 8)
    assert result.views == ALL_VIEWS
    np.testing.assert_array_equal(result.values[:, :1], extract(network, pictures).values)
    for one in range(len(ALL_VIEWS)):
        for other in range(one):
            assert not np.array_equal(result.values[:, one], result.values[:, other])


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_the_number_of_cores_changes_nothing(pictures, cores):
    expected = extract(trunk(), pictures, views=ALL_VIEWS, cores=1).values
    values = extract(trunk(), pictures, views=ALL_VIEWS, cores=cores).values
    assert values.tobytes() == expected.tobytes()


def test_a_new_picture_is_decoded_while_the_trunk_is_compiled(pictures, monkeypatch):
    decoded = threading.Event()

    def compile_late(*arguments):
        assert decoded.wait(60)
        return CompiledGraph(*arguments)

    def opened(data):
        decoded.set()
        return read_picture(data)

    monkeypatch.setattr(features, "CompiledGraph", compile_late)
    monkeypatch.setattr(features, "open_picture", opened)
    result = extract(trunk(), pictures[:1], cores=1)
    np.testing.assert_array_equal(result.values[0, 0], plainly(trunk(), pictures[0].read()))


def test_many_pictures_wait_for_the_trunk(pictures, monkeypatch):
    compiled = threading.Event()

    def compile_slowly(*arguments):
        time.sleep(0.05)
        compiled.set()
        return CompiledGraph(*arguments)

    def opened(data):
        assert compiled.is_set()
        return read_picture(data)

    monkeypatch.setattr(features, "CompiledGraph", compile_slowly)
    monkeypatch.setattr(features, "open_picture", opened)
    assert len(extract(trunk(), pictures, cores=2).pictures) == 7


@pytest.mark.parametrize("count", [1, 7])
def test_a_trunk_that_cannot_be_compiled_says_so(pictures, monkeypatch, count):
    def refuse(*_):
        raise RuntimeError("no such operation")

    monkeypatch.setattr(features, "CompiledGraph", refuse)
    before = threading.active_count()
    with pytest.raises(RuntimeError, match="no such operation"):
        extract(trunk(), pictures[:count], cores=2)
    assert threading.active_count() == before


def test_no_pictures_at_all():
    result = extract(trunk(), [])
    assert result.values.shape == (0, 1, 8)


def test_a_picture_given_twice_is_run_once(pictures, monkeypatch):
    reads = []
    monkeypatch.setattr(
        features, "open_picture", lambda data: reads.append(1) or read_picture(data)
    )
    result = extract(trunk(), [*pictures, pictures[0]])
    assert len(reads) == 7
    np.testing.assert_array_equal(result.values[-1], result.values[0])


def animated():
    file = io.BytesIO()
    frames = [Image.fromarray(pixels(seed)) for seed in range(3)]
    frames[0].save(file, format="GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def turned():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return encoded(1, "JPEG", exif=exif)


def deep():
    file = io.BytesIO()
    gray = np.linspace(0, 65535, 40 * 48).reshape(40, 48).astype(np.uint16)
    Image.fromarray(gray).save(file, format="PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        animated(), turned(), deep(), encoded(1, "JPEG", mode="CMYK"), encoded(2, mode="P"),
        encoded(3, mode="LA"), encoded(4, mode="1"), encoded(5, "TIFF", mode="LAB"),
        encoded(6, "JPEG", mode="L"), encoded(7, "WEBP"), encoded(8, mode="RGBA"),
    ],
    ids=["gif", "exif", "16-bit", "cmyk", "p", "la", "1", "lab", "l", "webp", "rgba"],
)  # fmt: skip
def test_unusual_pictures_are_used(data):
    network = trunk()
    found = gather_pictures([data, encoded(40)], ["a", "b"])
    assert not found.problems
    result = extract(network, found.pictures)
    np.testing.assert_array_equal(result.values[0, 0], plainly(network, data))


def test_of_an_animation_the_first_frame_is_used():
    frame = io.BytesIO()
    Image.fromarray(pixels(0)).save(frame, format="GIF")
    found = gather_pictures([animated(), frame.getvalue()], ["a", "b"])
    values = extract(trunk(), found.pictures).values
    np.testing.assert_array_equal(values[0], values[1])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_that_is_cut_off_is_left_out(tmp_path, kind):
    root = folder_of(tmp_path / "pictures", cat=2, dog=2)
    whole = encoded(9, kind, height=200, width=200)
    (root / "cat" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    found = read_pictures(root)
    result = extract(trunk(), found.pictures)
    lost = [*found.problems, *result.problems]  # WebP says in its header that it is cut off
    assert [problem.source for problem in lost] == ["cat/cut.jpg"]
    assert "cut off or damaged" in lost[0].what
    assert result.values.shape == (4, 1, 8)
    assert [picture.source for picture in result.pictures] == [
        "cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png",
    ]  # fmt: skip


@settings(deadline=None, max_examples=6)
@given(seed=st.integers(0, 2**32))
def test_damage_anywhere_is_a_problem_or_a_picture(seed):
    rng = np.random.default_rng(seed)
    damaged = []
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "AVIF"):
        for _ in range(5):
            data = bytearray(encoded(1, kind))
            for place in rng.integers(0, len(data), rng.integers(1, 9)):
                data[place] = rng.integers(256)
            damaged.append(bytes(data[: rng.integers(20, 2 * len(data))]))
    found = gather_pictures(damaged, [["tag"]] * len(damaged))
    result = extract(trunk(), found.pictures)
    assert len(result.pictures) + len(result.problems) == len(found.pictures)
    assert len(found.pictures) + len(found.problems) == len(damaged)
    assert np.isfinite(result.values).all()


def test_a_picture_that_goes_meanwhile_is_left_out(pictures):
    pictures[2].path.unlink()
    put(pictures[4].path, 99)
    result = extract(trunk(), pictures)
    assert len(result.pictures) == 5
    assert [problem.source for problem in result.problems] == ["cat/2.png", "dog/1.png"]


class TestStore:
    @pytest.fixture
    def store(self, tmp_path):
        with FeatureStore(tmp_path / "cache") as store:
            yield store

    def test_what_is_kept_is_what_was_computed(self, pictures, store, monkeypatch):
        network = trunk()
        fresh = extract(network, pictures, views=ALL_VIEWS, store=store)
        monkeypatch.setattr(features, "CompiledGraph", None)  # nothing is run again
        kept = extract(network, pictures, views=ALL_VIEWS, store=store)
        assert kept.values.tobytes() == fresh.values.tobytes()
        assert store.fault is None

    def test_only_what_is_new_is_run(self, tmp_path, pictures, store, monkeypatch):
        network = trunk()
        extract(network, pictures[1:], store=store)
        sources = []
        whole = features.tensors

        def noted(picture, views, contract):
            sources.append([view.key for view in views])
            return whole(picture, views, contract)

        monkeypatch.setattr(features, "tensors", noted)
        result = extract(network, pictures, views=[MIRRORED, PLAIN], store=store)
        assert sorted(map(len, sources)) == [1] * 6 + [2]
        plain = extract(network, pictures, views=[MIRRORED, PLAIN])
        assert plain.values.tobytes() == result.values.tobytes()

    def test_another_trunk_or_contract_is_run(self, pictures, store):
        extract(trunk(), pictures, store=store)
        for other in (
            trunk(seed=1),
            trunk(InputContract(32, 32, Preset.SAMPLE_STRETCH)),
            trunk(features=4),
        ):
            expected = extract(other, pictures).values
            assert extract(other, pictures, store=store).values.tobytes() == expected.tobytes()

    def test_a_damaged_picture_is_not_kept(self, tmp_path, store):
        cut = encoded(9, "JPEG", height=200, width=200)[:-3000]
        found = gather_pictures([cut, encoded(1)], ["a", "b"])
        for _ in range(2):
            assert len(extract(trunk(), found.pictures, store=store).problems) == 1


class TestProgress:
    def test_it_ends_at_the_number_of_pictures(self, tmp_path, pictures):
        seen = []
        with FeatureStore(tmp_path / "cache") as store:
            extract(trunk(), pictures[:2], store=store)
            extract(trunk(), pictures, store=store, progress=lambda *step: seen.append(step))
        assert seen == [(done, 7) for done in range(2, 8)]

    def test_stopping_stops_and_keeps_what_is_done(self, tmp_path, pictures):
        network = trunk()

        def stop(done, total):
            if done == 3:
                raise KeyboardInterrupt

        before = threading.active_count()
        with FeatureStore(tmp_path / "cache") as store:
            with pytest.raises(KeyboardInterrupt) as caught:
                extract(network, pictures, store=store, progress=stop)
            assert caught.traceback  # which keeps every frame alive
            assert threading.active_count() == before
            known = store.features(network, [p.digest for p in pictures], ["plain"])
        assert len(known) == 3

    def test_not_all_pictures_are_held_at_once(self, monkeypatch):
        found = gather_pictures([encoded(seed) for seed in range(40)], ["a", "b"] * 20)
        begun = []
        monkeypatch.setattr(
            features, "open_picture", lambda data: begun.append(1) or read_picture(data)
        )
        ahead = []

        def slow(done, total):
            time.sleep(0.005)
            ahead.append(len(begun) - done)

        extract(trunk(), found.pictures, cores=2, progress=slow)
        assert len(begun) == 40
        assert max(ahead) <= 8

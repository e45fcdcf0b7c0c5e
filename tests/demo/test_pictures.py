# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.demo.pictures import (
    ASPECTS,
    HEIGHT,
    WIDTH,
    Scene,
    draw,
    moving_scenes,
    random_scenes,
    to_jpeg,
)
from trunkline.images import read_picture

SEEDS = st.integers(0, 2**32)


def scene(**changes: object) -> Scene:
    plain = {
        "colour": "red",
        "shape": "circle",
        "ground": "clouds",
        "x": 0.5,
        "y": 0.5,
        "radius": 80.0,
        "turn": 0.0,
        "shade": (0, 0, 0),
        "corner": (0, 0),
    }
    return Scene(**{**plain, **changes})  # type: ignore[arg-type]


def painted(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Return which pixels have exactly this colour."""
    return (picture == np.array(colour)).all(axis=2)


@given(SEEDS)
@settings(deadline=None, max_examples=20)
def test_the_shape_is_where_and_what_the_truth_says(seed: int) -> None:
    (one,) = random_scenes(1, seed)
    picture = draw(one)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert picture.dtype == np.uint8
    middle = picture[int(one.y * HEIGHT), int(one.x * WIDTH)].astype(int)
    shape = painted(picture, tuple(middle))
    rows, columns = np.nonzero(shape)
    strongest = {"red": {0}, "green": {1}, "blue": {2}, "yellow": {0, 1}}[one.truth["colour"]]
    assert int(middle.argmax()) in strongest
    # How much of the square around it each shape fills, at any small turn.
    filled = shape.sum() / (np.ptp(rows) + 1) / (np.ptp(columns) + 1)
    low, high = {"circle": (0.76, 0.8), "square": (0.6, 1.0), "triangle": (0.35, 0.55)}[one.shape]
    assert low <= filled <= high


def test_grounds_differ() -> None:
    """Stripes are one wave, and tiles are cut by joints: dark lines over the whole height."""
    wave, joints = {}, {}
    for ground in ASPECTS["ground"]:
        grey = draw(scene(ground=ground, x=2.0)).mean(axis=2)
        spectrum = np.abs(np.fft.rfft2(grey - grey.mean()))
        wave[ground] = spectrum.max() / spectrum.sum()
        joints[ground] = np.ptp(grey.mean(axis=0))
    assert max(wave, key=wave.__getitem__) == "stripes"
    assert max(joints, key=joints.__getitem__) == "tiles"


@given(SEEDS)
@settings(deadline=None, max_examples=10)
def test_a_seed_always_draws_the_same(seed: int) -> None:
    assert random_scenes(3, seed) == random_scenes(3, seed)
    assert random_scenes(3, seed) != random_scenes(3, seed + 1)
    assert np.array_equal(draw(random_scenes(1, seed)[0]), draw(random_scenes(1, seed)[0]))


def test_drawing_leaves_the_ground_alone() -> None:
    before = draw(scene(x=0.2))
    draw(scene(x=0.8, colour="blue"))
    assert np.array_equal(draw(scene(x=0.2)), before)


def test_many_scenes_hold_every_answer() -> None:
    truths = [one.truth for one in random_scenes(200, 5)]
    for aspect, labels in ASPECTS.items():
        counts = [sum(truth[aspect] == label for truth in truths) for label in labels]
        assert min(counts) > 25


def test_a_film_moves_in_small_steps_and_closes() -> None:
    film = moving_scenes(240, 3)
    assert len(film) == 240
    for before, after in itertools.pairwise([*film, film[0]]):
        assert abs(before.x - after.x) * WIDTH < 25
        assert abs(before.y - after.y) * HEIGHT < 25
        assert abs(before.corner[0] - after.corner[0]) < 12
    assert {one.truth["ground"] for one in film} == set(ASPECTS["ground"])
    assert len({(one.colour, one.shape) for one in film}) > 3
    for one in film[::17]:
        assert draw(one).shape == (HEIGHT, WIDTH, 3)


def test_the_jpeg_shows_the_drawing() -> None:
    (one,) = random_scenes(1, 8)
    decoded = read_picture(to_jpeg(one)).astype(int)
    assert np.abs(decoded - draw(one)).mean() < 12

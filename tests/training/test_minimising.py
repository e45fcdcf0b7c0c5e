# SPDX-License-Identifier: Apache-2.0
"""Finding the least of a smooth function, beside SciPy's ways to do so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar

from trunkline.training.minimising import least, least_between

EXACT = {"most_steps": 500, "close_enough": 1e-14, "flat_enough": 1e-7}


def softmax_regression(seed, count=30, size=12, tags=4, strength=3.0):
    """The loss that heads are found by, written apart from them."""
    generator = np.random.default_rng(seed)
    values, chosen = generator.normal(size=(count, size)), generator.integers(0, tags, count)

    def loss(flat):
        weights = flat.reshape(tags, size)
        powers = np.exp(values @ weights.T)
        shares = powers / powers.sum(axis=1, keepdims=True)
        value = -np.log(shares[np.arange(count), chosen]).sum() + (flat**2).sum() / (2 * strength)
        return value, (((shares - np.eye(tags)[chosen]).T @ values) + weights / strength).ravel()

    return loss, np.zeros(tags * size)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), strength=st.floats(0.01, 100))
def test_it_finds_what_scipy_finds(seed, strength):
    loss, start = softmax_regression(seed, strength=strength)
    tight = {"ftol": 1e-14, "gtol": 1e-9, "maxiter": 1000}
    theirs = minimize(loss, start, jac=True, method="L-BFGS-B", options=tight)
    ours = least(loss, start, **EXACT)
    assert loss(ours)[0] == pytest.approx(theirs.fun, rel=1e-9)
    np.testing.assert_allclose(ours, theirs.x, atol=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_it_needs_no_more_steps_than_scipy(seed):
    loss, start = softmax_regression(seed, count=80, size=60, strength=30)
    calls = [0, 0]

    def counted(which):
        def count(flat):
            calls[which] += 1
            return loss(flat)

        return count

    loose = {"ftol": 1e-7, "gtol": 1e-4, "maxcor": 20}
    theirs = minimize(counted(0), start, jac=True, method="L-BFGS-B", options=loose)
    ours = least(counted(1), start, most_steps=200, close_enough=1e-7, flat_enough=1e-4)
    assert calls[1] <= 1.5 * calls[0]
    assert loss(ours)[0] <= theirs.fun * (1 + 1e-6)


def test_scales_may_differ_much():
    scales = 10.0 ** np.arange(-3, 4)
    found = least(lambda x: (scales @ (x - 1) ** 2 / 2, scales * (x - 1)), np.zeros(7), **EXACT)
    np.testing.assert_allclose(found, 1, atol=1e-3)


def test_a_step_that_would_go_too_far_is_made_shorter():
    far = []

    def loss(x):  # nearly straight where it begins, so that the bend says little
        far.append(abs(x[0]))
        root = np.sqrt(1 + x[0] ** 2)
        return float(root), x / root

    found = least(loss, np.array([-100.0]), **EXACT)
    np.testing.assert_allclose(found, [0], atol=1e-6)
    assert max(far) > 1000


def test_a_straight_slope_is_gone_down_until_it_has_had_enough():
    found = least(lambda x: (float(x.sum()), np.ones(4)), np.zeros(4), **EXACT | {"most_steps": 10})
    np.testing.assert_allclose(found, -5)


def test_where_it_is_flat_it_stays():
    calls = []

    def loss(x):
        calls.append(1)
        return 1.0, np.zeros(2)

    assert least(loss, np.ones(2), **EXACT).tolist() == [1, 1]
    assert len(calls) == 1


def test_it_ends_where_no_step_gains_anything():
    # The slope promises what the value never keeps.
    found = least(lambda x: (float(x @ x), -np.ones(2)), np.zeros(2), **EXACT)
    assert found.tolist() == [0, 0]


def test_it_ends_after_so_many_steps():
    loss, start = softmax_regression(0)
    one = least(loss, start, most_steps=1, close_enough=0, flat_enough=0)
    assert loss(least(loss, start, **EXACT))[0] < loss(one)[0] < loss(start)[0]


@settings(deadline=None, max_examples=30)
@given(valley=st.floats(-7, 7), bend=st.floats(0.1, 10))
def test_a_valley_is_found_where_scipy_finds_it(valley, bend):
    def cost(x):
        return np.cosh(bend * (x - valley))

    ours = least_between(cost, -7, 7, 1e-6)
    theirs = minimize_scalar(cost, bounds=(-7, 7), method="bounded", options={"xatol": 1e-8}).x
    assert ours == pytest.approx(theirs, abs=1e-4)
    assert ours == pytest.approx(valley, abs=1e-4)

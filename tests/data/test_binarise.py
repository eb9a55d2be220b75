"""Binarisation and splits: fixed by the seed, right in the mean, right in number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rdplane.data.binarise import bernoulli, generator, part_sizes, permutation, split, threshold


def test_bits_are_the_same_on_every_machine():
    # The first numbers of PCG64(0) are 0.6370, 0.2698, 0.0410, 0.0165, 0.8133, 0.9128, 0.6066, 0.7295.
    grey = np.full((1, 2, 4), 0.6)
    assert bernoulli(generator(0), grey).tolist() == [[[0, 1, 1, 1], [0, 0, 0, 0]]]


def test_another_seed_gives_other_bits():
    grey = np.full((10, 8, 8), 0.5)
    assert (bernoulli(generator(0), grey) != bernoulli(generator(1), grey)).any()


def test_blocks_do_not_show():
    grey = np.linspace(0, 1, 2500 * 16).reshape(2500, 4, 4)
    whole = generator(3).random(grey.shape) < grey
    np.testing.assert_array_equal(bernoulli(generator(3), grey), whole)


def test_black_and_white_are_certain():
    grey = np.array([[[0, 255]] * 500], np.uint8)
    np.testing.assert_array_equal(bernoulli(generator(0), grey, scale=255), grey // 255)


def test_mean_is_the_grey_level():
    grey = np.full((1000, 10, 10), 51, np.uint8)
    # 100,000 draws at 0.2: five standard errors are 0.0063.
    assert bernoulli(generator(0), grey, scale=255).mean() == pytest.approx(0.2, abs=0.0063)


def test_threshold_includes_its_level():
    grey = np.array([[[0, 127, 128, 255]]], np.uint8)
    assert threshold(grey, 128 / 255, scale=255).tolist() == [[[0, 0, 1, 1]]]


@given(st.integers(0, 300), st.integers(0, 2**32))
def test_permutation_has_everything_once(count, seed):
    assert sorted(permutation(generator(seed), count)) == list(range(count))


@given(st.integers(0, 300), st.floats(0.01, 0.49), st.floats(0.01, 0.49))
def test_part_sizes_sum_to_the_whole(count, valid, test):
    assert sum(part_sizes(count, (1 - valid - test, valid, test))) == count


@given(st.lists(st.integers(0, 4), max_size=200), st.integers(0, 100))
def test_split_has_every_image_once(labels, seed):
    parts = split(generator(seed), np.array(labels, int), (0.8, 0.1, 0.1))
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))


def test_split_is_stratified():
    labels = np.repeat(np.arange(3), [100, 200, 50])
    parts = split(generator(0), labels, (0.6, 0.2, 0.2))
    counts = [np.bincount(labels[part]).tolist() for part in parts]
    assert counts == [[60, 120, 30], [20, 40, 10], [20, 40, 10]]


def test_parts_are_mixed():
    labels = np.repeat(np.arange(10), 500)
    for part in split(generator(0), labels, (0.8, 0.1, 0.1)):
        half = np.bincount(labels[part[: len(part) // 2]], minlength=10) / (len(part) / 2)
        assert np.abs(half - 0.1).max() < 0.06

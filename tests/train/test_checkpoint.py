"""Checkpoints: whole or absent, whatever happens to the file."""

import pytest
import torch

from rdplane.errors import UserError
from rdplane.train.checkpoint import load_checkpoint, save_checkpoint


def save(folder, number):
    save_checkpoint(folder, {"weights": torch.full((3,), float(number))}, {"epoch": number})


def test_nothing_saved(tmp_path):
    assert load_checkpoint(tmp_path) is None


def test_newest_is_loaded(tmp_path):
    save(tmp_path, 1)
    save(tmp_path, 2)
    tensors, note, damaged = load_checkpoint(tmp_path)
    assert (tensors["weights"].tolist(), note, damaged) == ([2.0] * 3, {"epoch": 2}, [])


def test_cut_at_any_byte_falls_back_to_the_one_before(tmp_path):
    save(tmp_path, 1)
    save(tmp_path, 2)
    whole = (tmp_path / "checkpoint").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "checkpoint").write_bytes(whole[:length])
        _, note, damaged = load_checkpoint(tmp_path)
        assert note == {"epoch": 1}
        assert len(damaged) == 1 and "cut short or damaged" in damaged[0]


def test_any_changed_byte_is_noticed(tmp_path):
    save(tmp_path, 1)
    whole = bytearray((tmp_path / "checkpoint").read_bytes())
    for position in range(len(whole)):
        whole[position] ^= 1
        (tmp_path / "checkpoint").write_bytes(bytes(whole))
        assert load_checkpoint(tmp_path)[1] == {}
        whole[position] ^= 1


def test_killed_between_the_two_renames(tmp_path):
    save(tmp_path, 1)
    save(tmp_path, 2)
    (tmp_path / "checkpoint").rename(tmp_path / "next")
    assert load_checkpoint(tmp_path)[1] == {"epoch": 2}


def test_full_disk_leaves_the_older_checkpoint(tmp_path, monkeypatch):
    save(tmp_path, 1)

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        save(tmp_path, 2)
    assert load_checkpoint(tmp_path)[1] == {"epoch": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]

"""Nothing that is read runs code, no name leaves the results folder, and no download is believed unseen."""

import ast
import hashlib
import io
import json
import os
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import rdplane
from rdplane import data, load
from rdplane.declare import declared
from rdplane.errors import UserError
from rdplane.experiment.config import load_config, resolve_config
from rdplane.experiment.layout import Layout
from rdplane.train.checkpoint import load_checkpoint

SOURCE = Path(rdplane.__file__).parent
DATASETS = declared().datasets


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def mark(tmp_path):
    """Appears as soon as any code is run."""
    mark = tmp_path / "code was run"
    pickle.loads(pickle.dumps(Bomb(mark)))
    mark.rmdir()  # the bomb works
    yield mark
    assert not mark.exists()


def archive_of(bomb, **arrays):
    buffer = io.BytesIO()
    np.savez(buffer, meta=np.array([bomb], dtype=object), **arrays)
    return buffer.getvalue()


def test_weights_run_no_code(tmp_path, mark):
    config = resolve_config({"grid": {"architectures": "---"}})
    (cell,) = Layout(config).cells.values()
    (tmp_path / "train.json").write_text(json.dumps({"cell": cell, "shape": [28, 28]}))
    for save in (torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))):
        save({"weights": Bomb(mark)}, tmp_path / "model.safetensors")
        with pytest.raises(UserError, match=r"model\.safetensors cannot be loaded"):
            load(tmp_path)


def test_checkpoints_run_no_code(tmp_path, mark):
    content = pickle.dumps(Bomb(mark))
    (tmp_path / "checkpoint").write_bytes(content + hashlib.sha256(content).digest())  # even with a right checksum
    tensors, note, damaged = load_checkpoint(tmp_path)
    assert (tensors, note) == ({}, {}) and "damaged" in damaged[0]


def test_prepared_data_run_no_code(tmp_path, mark):
    path = tmp_path / "images.npz"
    content = io.BytesIO(archive_of(Bomb(mark)))
    with zipfile.ZipFile(content, "a") as archive:
        archive.comment = b"0" * 64
    sealed = content.getvalue()[:-64]
    path.write_bytes(sealed + hashlib.sha256(sealed).hexdigest().encode())  # even with a right checksum
    with pytest.raises(UserError, match=r"images\.npz is no prepared dataset \(Object arrays cannot be loaded"):
        data.load(path)


@pytest.mark.parametrize("name", ["own.npy", "own.npz", "own.pt", "old.pt"])
def test_own_images_run_no_code(tmp_path, mark, name):
    path = tmp_path / name
    if name.endswith(".pt"):
        torch.save({"images": Bomb(mark)}, path, _use_new_zipfile_serialization=name == "own.pt")
    else:
        np.save(path, np.array([Bomb(mark)])) if name == "own.npy" else path.write_bytes(archive_of(Bomb(mark)))
    spec = {"dataset": "own", "file": str(path), "binarise": "none", "seed": 0, "split": [0.8, 0.1, 0.1]}
    with pytest.raises(UserError, match="cannot be read"):
        data.prepare(spec, tmp_path / "images.npz")


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.mkdir ['{mark}']",
        "experiment: !!python/object/apply:os.mkdir ['{mark}']",
        "experiment: !!python/object/new:os.mkdir ['{mark}']",
        "__use_yte__: true\nexperiment: ?__import__('os').mkdir('{mark}')",
        "__use_yte__: true\n__definitions__:\n- import os; os.mkdir('{mark}')",
    ],
)
def test_configuration_runs_no_code(tmp_path, mark, text):
    path = tmp_path / "config.yaml"
    path.write_text(text.format(mark=mark))
    with pytest.raises(UserError) as caught:
        load_config(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("experiment: a\ndataset: b\n'experiment': c\n", "'experiment' stands twice in one mapping, in lines 1 and 3"),
        ("grid:\n  beta: 1\n  seed: 0\n  beta: 2\n", "'beta' stands twice in one mapping, in lines 2 and 4"),
        ('{"toy": {"bins": 3, "bins": 4}}', "'bins' stands twice in one mapping, in lines 1 and 1"),
    ],
)
def test_no_key_of_a_configuration_is_overruled_in_silence(tmp_path, text, lines):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UserError, match=re.escape(lines)):
        load_config(tmp_path / "config.yaml")


def test_a_key_may_overrule_one_that_is_merged_in(tmp_path):
    text = "model: &sizes {latent: 3, width: 2}\noverrides:\n  '---': {model: {<<: *sizes, latent: 4}}\n"
    (tmp_path / "config.yaml").write_text(text)
    assert load_config(tmp_path / "config.yaml")["overrides"]["---"]["model"] == {"latent": 4, "width": 2.0}


# Ways to run what a file says. Processes are started from lists, never through a shell.
FORBIDDEN = re.compile(
    r"(builtins\.)?(eval|exec|__import__)|(pickle|marshal|shelve|dill|joblib)\..*|torch\.(load|jit\.load|hub\..*)"
    r"|yaml\.(load|full_load|unsafe_load|load_all|Loader|FullLoader|UnsafeLoader)|os\.(system|popen)"
    r"|(pandas|pd)\.(read_pickle|eval)|numpy\.fromregex|runpy\..*|importlib\.import_module"
)
# The one place where a configuration's word is imported: the extensions that it names, which is what they are for.
IMPORTS = ("objects.py", "importlib.import_module")


def reads_only_tensors(node):
    """A call of torch.load that says so in plain sight."""
    said = [keyword for keyword in node.keywords if keyword.arg == "weights_only"]
    return ast.unparse(node.func) == "torch.load" and [ast.unparse(keyword.value) for keyword in said] == ["True"]


def test_source_never_runs_what_it_reads():
    for module in SOURCE.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(module.read_text())))
        harmless = [node.func for node in nodes if isinstance(node, ast.Call) and reads_only_tensors(node)]
        for node in nodes:
            if isinstance(node, ast.Name | ast.Attribute) and (module.name, ast.unparse(node)) != IMPORTS:
                if node in harmless:
                    continue
                assert not FORBIDDEN.fullmatch(ast.unparse(node)), f"{module}:{node.lineno}: {ast.unparse(node)}"
            if isinstance(node, ast.keyword) and node.arg in ("allow_pickle", "shell"):
                assert ast.unparse(node.value) == "False", f"{module}:{node.value.lineno}: {node.arg}"


ESCAPES = [
    "..", ".", "../x", "a/../../x", "/etc", "a/b", "a\\b", "~", "~root", "a\0b", "a\nb", "", " ", "-x", "$HOME", "a;b",
    "\ud800", "x" * 81,
]  # fmt: skip


@pytest.mark.parametrize("escape", ESCAPES)
def test_no_name_leaves_the_results_folder(escape):
    for raw in (
        {"experiment": escape},
        {"dataset": escape},
        {"figures": {"sample_grids": {escape: {"beta": 1}}}},
    ):
        with pytest.raises(UserError, match=r"expected a name|sample_grids is"):
            resolve_config(raw)


@pytest.mark.parametrize("name", ["data", "downloads"])
def test_no_experiment_writes_over_the_datasets(name):
    with pytest.raises(UserError, match="hold the datasets"):
        resolve_config({"experiment": name})


def test_every_file_of_an_experiment_lies_in_its_folder(tmp_path):
    config = resolve_config({
        "experiment": "a..b", "grid": {"beta": [1e-300, 1e300, 0], "rate_target": [1e300], "seed": [2**31 - 1]},
        "figures": {"sample_grids": {"x..y": {"seed": 2**31 - 1}}},
    })  # fmt: skip
    layout = Layout(config, tmp_path / "results")
    files = [layout.table, layout.missing, layout.page, layout.images, *map(layout.cell, layout.cells)]
    files += [layout.toy / "cells" / f"{name}.npz" for name in layout.toy_cells]
    files += [layout.figures / f"{name}.png" for name in layout.grids]
    for file in files:
        assert Path(os.path.normpath(file)) == file and layout.results in file.parents


DIGESTS = {"SHA-256": "[0-9a-f]{64}", "git blob id": "[0-9a-f]{40}", "MD5": "[0-9a-f]{32}"}
HOSTS = ("www.cs.toronto.edu", "github.com", "fashion-mnist.s3-website.eu-central-1.amazonaws.com")


def test_every_download_has_an_address_and_a_checksum():
    files = [file for dataset in DATASETS.values() for file in dataset.files]
    assert len(files) >= 5
    for file in files:
        assert Path(file.name).name == file.name
        assert re.fullmatch(DIGESTS[file.kind], file.digest)
        assert not file.url or re.match(rf"https?://({'|'.join(map(re.escape, HOSTS))})/", file.url)


@pytest.mark.parametrize("name", [name for name, dataset in DATASETS.items() if dataset.files])
def test_no_built_in_dataset_is_made_of_a_wrong_file(tmp_path, name):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    for file in DATASETS[name].files:
        (mirror / file.name).write_bytes(b"0 1\n" * 100)
    output, cache = tmp_path / "images.npz", tmp_path / "cache"
    with pytest.raises(UserError, match=r"wrong checksum: expected .* nothing was kept"):
        data.prepare({"dataset": name, "seed": 0}, output, mirror=str(mirror), cache=cache)
    assert not output.exists() and not cache.exists()


@pytest.mark.parametrize("mirror", ["http://[", "http://host:port/", "http://host\r\nX: 1/", "http://ä ö/"])
def test_address_that_is_none_is_one_line(tmp_path, mirror):
    with pytest.raises(UserError, match="cannot be fetched"):
        data.prepare({"dataset": "omniglot_subset", "seed": 0}, tmp_path / "images.npz", mirror=mirror, retries=0)

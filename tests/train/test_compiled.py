"""Compiled training where it works, plain training where it does not."""

import json
import shutil

import pytest
import torch

from rdplane.jobs.progress import Progress
from rdplane.models.build import build
from rdplane.train import train
from rdplane.train.compiled import LONG, RateDistortion, chosen_mode


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_model_gives_the_same_rate_and_distortion(tiny, tmp_path):
    torch.manual_seed(0)
    model = build("++v", (8, 8), tiny.cell("++v")["model"])
    x, noise = (torch.rand(4, 8, 8) < 0.5).float(), torch.randn(4, 2)
    compiled = RateDistortion(model, "default", Progress("cell", tmp_path / "log"))
    got, expected = compiled(x, noise), model.rate_distortion(x, noise)
    assert compiled.compiled is not None, (tmp_path / "log").read_text()
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
    torch.stack(got).sum().backward()


def test_a_compiler_that_fails_is_done_without(tiny, tmp_path, monkeypatch):
    def broken(model, mode):
        def fail(*arguments):
            raise RuntimeError("no compiler here\nand much more")

        return fail

    monkeypatch.setattr(torch, "compile", broken)
    train(tiny.cell(epochs=1), tiny.images, tmp_path, {"device": "cpu", "compile": "default"}, tmp_path / "log")
    lines = [line for line in (tmp_path / "log").read_text().splitlines() if "torch.compile" in line]
    assert len(lines) == 1 and "does not work here (no compiler here); going on without" in lines[0]
    assert (tmp_path / "model.safetensors").exists()


def test_a_compiler_that_fails_in_the_backward_pass_is_done_without(tiny, tmp_path, monkeypatch):
    class Broken(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            return x.clone()

        @staticmethod
        def backward(context, gradient):
            raise RuntimeError("no backward kernel")

    def compiled(model, mode):
        return lambda *arguments: tuple(map(Broken.apply, model.rate_distortion(*arguments)))

    compute = {"device": "cpu", "compile": "default"}
    train(tiny.cell(epochs=1), tiny.images, tmp_path / "plain", {"device": "cpu"})
    monkeypatch.setattr(torch, "compile", compiled)
    train(tiny.cell(epochs=1), tiny.images, tmp_path / "broken", compute, tmp_path / "log")
    assert "does not work here (no backward kernel)" in (tmp_path / "log").read_text()
    same = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("plain", "broken")]
    assert same[0] == same[1]


@pytest.mark.parametrize(
    ("device", "precision", "passes", "compiler", "expected"),
    [
        ("cpu", "float32", LONG, "g++", "default"),
        ("cpu", "float32", LONG - 1, "g++", "off"),
        ("cpu", "bfloat16", LONG, "g++", "off"),
        ("cpu", "float32", LONG, None, "off"),
        ("mps", "float32", LONG, "g++", "off"),
    ],
)
def test_auto_compiles_where_it_pays(monkeypatch, device, precision, passes, compiler, expected):
    monkeypatch.setattr(shutil, "which", lambda name: compiler)
    assert chosen_mode("auto", torch.device(device), precision, passes) == expected


@pytest.mark.parametrize("mode", ["off", "default", "reduce-overhead"])
def test_a_mode_that_is_named_is_taken(mode):
    assert chosen_mode(mode, torch.device("cpu"), "bfloat16", 1) == mode


def test_the_compiler_is_the_one_that_torch_would_call(monkeypatch):
    asked = []
    monkeypatch.setattr(shutil, "which", asked.append)
    monkeypatch.setenv("CXX", "/opt/c++")
    chosen_mode("auto", torch.device("cpu"), "float32", LONG)
    assert asked == ["/opt/c++"]


def test_the_record_says_whether_it_was_compiled(tiny, tmp_path, monkeypatch):
    """One that fails and is done without was not."""

    def broken(x, noise):
        raise RuntimeError("no kernel")

    monkeypatch.setattr("rdplane.train.compiled.LONG", 1)
    monkeypatch.setattr(shutil, "which", lambda name: "g++")
    found = []
    for folder, works in (("good", True), ("bad", False)):
        monkeypatch.setattr(torch, "compile", lambda model, mode, works=works: model.forward if works else broken)
        cell = tiny.cell("---", epochs=1, precision="float32")
        train(cell, tiny.images, tmp_path / folder, {"device": "cpu"}, tmp_path / "log")
        found.append(json.loads((tmp_path / folder / "train.json").read_text())["compiled"])
    assert found == [True, False]

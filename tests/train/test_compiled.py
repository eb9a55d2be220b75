"""Compiled training where it works, plain training where it does not."""

import shutil

import pytest
import torch

from rdplane.jobs.progress import Progress
from rdplane.train import train
from rdplane.train.compiled import RateDistortion
from rdplane.train.loop import build_model


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_compiled_model_gives_the_same_rate_and_distortion(tiny, tmp_path):
    torch.manual_seed(0)
    model = build_model(tiny.cell("++v"), (8, 8))
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


def test_off_on_a_cpu_unless_asked_for(tiny, tmp_path):
    model = build_model(tiny.cell(), (8, 8))
    assert RateDistortion(model, "auto", Progress("cell", tmp_path / "log")).compiled is None

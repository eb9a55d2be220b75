"""One batch in pieces: the same objective, and a way on when memory runs out."""

import pytest
import torch

from rdplane.errors import UserError
from rdplane.experiment.architectures import ARCHITECTURES
from rdplane.jobs.progress import Progress
from rdplane.models.build import build
from rdplane.train import gradient as module
from rdplane.train import train
from rdplane.train.gradient import BatchGradient, backward
from rdplane.train.objectives.beta import Beta
from rdplane.train.objectives.rate_penalty import RatePenalty
from rdplane.train.objectives.rate_target import RateTarget

OBJECTIVES = {
    "beta": lambda: Beta(0.5, anneal=4),
    "penalty": lambda: RatePenalty(1.0),
    "lagrangian": lambda: RateTarget(1.0, 0.2, 0.05),
}


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand(10, 8, 8, generator=generator) < 0.5).double()
    return x, torch.randn(10, 2, generator=generator, dtype=torch.float64)


def model_of(tiny, architecture):
    torch.manual_seed(0)
    return build(architecture, (8, 8), tiny.cell(architecture)["model"]).double()


def gradients(model):
    return [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in model.parameters()]


@pytest.mark.parametrize("most", [1, 3, 5])
@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("architecture", ["---", "++v"])
def test_pieces_give_the_gradient_of_the_whole(tiny, batch, architecture, name, most):
    whole, pieces = model_of(tiny, architecture), model_of(tiny, architecture)
    one, many = OBJECTIVES[name]().double(), OBJECTIVES[name]().double()
    expected = backward(whole.rate_distortion, one, *batch, time=1.5)
    got = backward(pieces.rate_distortion, many, *batch, time=1.5, most=most)
    for a, b in zip((*expected, *gradients(whole)), (*got, *gradients(pieces)), strict=True):
        torch.testing.assert_close(b, a, rtol=1e-9, atol=1e-11)
    assert one.state_dict() == many.state_dict() or all(
        torch.allclose(one.state_dict()[key], many.state_dict()[key]) for key in one.state_dict()
    )


def test_the_backward_pass_takes_each_operations_own_precision(tiny, batch, tmp_path):
    """Autocast around it would compute the densities' gradients in bfloat16 too, though their values are not."""
    model, within = model_of(tiny, "+-+").float(), []
    for parameter in model.parameters():
        parameter.register_hook(lambda gradient: within.append(torch.is_autocast_enabled("cpu")))
    BatchGradient(model, Beta(0.5), "bfloat16", None, "off", Progress("cell", tmp_path / "log"))(batch[0].float(), 1.0)
    assert within and not any(within)


def test_a_precision_that_is_not_settled_is_refused(tiny, batch, tmp_path):
    model = model_of(tiny, "---").float()
    gradient = BatchGradient(model, Beta(0.5), "auto", None, "off", Progress("cell", tmp_path / "log"))
    with pytest.raises(ValueError, match="expected float32 or bfloat16"):
        gradient(batch[0].float(), 1.0)


@pytest.fixture
def limit(monkeypatch):
    """A device that holds `limit(n)` images, and the numbers of images that were tried."""
    tried = []

    def set_limit(images):
        plain = module.backward

        def limited(rate_distortion, objective, x, noise, time, most=None):
            tried.append(min(most or len(x), len(x)))
            if tried[-1] > images:
                backward(
                    rate_distortion, objective, x[:1], noise[:1], time
                )  # leaves gradients and a moved multiplier behind
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return plain(rate_distortion, objective, x, noise, time, most)

        monkeypatch.setattr(module, "backward", limited)
        return tried

    return set_limit


def test_out_of_memory_names_cell_batch_and_setting(tiny, tmp_path, limit):
    limit(5)
    with pytest.raises(UserError, match=r"vae-\+v_\S+: out of memory at training.batch_size 20, 20 images at once; set "
                       r"compute.micro_batch: 10 or auto") as caught:  # fmt: skip
        train(tiny.cell(), tiny.images, tmp_path, {"device": "cpu"})
    assert "\n" not in str(caught.value)
    assert (tmp_path / "state/failure").read_text().strip() == str(caught.value)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_auto_halves_until_it_fits_and_forgets_the_failed_tries(tiny, batch, limit, tmp_path, name):
    tried = limit(3)
    model, reference = model_of(tiny, "-+v").float(), model_of(tiny, "-+v").float()
    one, other = OBJECTIVES[name](), OBJECTIVES[name]()
    log = tmp_path / "log"
    x = batch[0].float()
    torch.manual_seed(7)
    BatchGradient(model, one, "float32", "auto", "off", Progress("cell", log))(x, 1.5)
    torch.manual_seed(7)
    BatchGradient(reference, other, "float32", 2, "off", Progress("cell", log))(x, 1.5)
    assert tried == [10, 5, 3, 2]
    assert "out of memory with 10 images at once; going on with 5 of the same batch of 10" in log.read_text()
    for a, b in zip(gradients(model), gradients(reference), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    for key, value in other.state_dict().items():
        torch.testing.assert_close(one.state_dict()[key], value)


def test_a_single_image_too_many_ends_in_one_line(tiny, tmp_path, limit):
    limit(0)
    with pytest.raises(UserError, match="out of memory with a single image at once; choose smaller sizes"):
        train(tiny.cell(), tiny.images, tmp_path, {"device": "cpu", "micro_batch": "auto"})


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_trains_in_pieces(tiny, tmp_path, architecture):
    cell = tiny.cell(architecture, epochs=1)
    train(cell, tiny.images, tmp_path, {"device": "cpu", "micro_batch": 7})
    assert (tmp_path / "model.safetensors").exists()


def test_another_error_is_not_taken_for_memory(tiny, tmp_path, monkeypatch):
    def broken(*arguments):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(module, "backward", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        train(tiny.cell(), tiny.images, tmp_path, {"device": "cpu", "micro_batch": "auto"})

"""Weights as a function of a condition: the fold is an ordinary model, and every layer is what FiLM says."""

import math

import pytest
import torch
from torch import nn

from rdplane.models.conditioned import Conditioned
from rdplane.models.pixelcnn import PixelCNN

LOW, HIGH = 0.05, 1.25


def scattered(model, spread=0.5):
    """A conditioned model whose weights really depend on the condition."""
    conditioned = Conditioned(model, LOW, HIGH).to(next(model.parameters()).dtype)
    for parameter in [*conditioned.gains, *conditioned.shifts, *conditioned.tilts]:
        nn.init.normal_(parameter, 0, spread / math.sqrt(parameter.shape[0]))
    return conditioned


def noise(model, images):
    return torch.randn(len(images), model.latent, dtype=torch.float64)


def test_at_first_it_is_the_model_at_every_condition(architecture, tiny, images):
    model, x = tiny(architecture), images(4)
    conditioned, u = Conditioned(model, LOW, HIGH).double(), noise(model, x)
    for condition in (LOW, 0.3, HIGH):
        conditioned.set(condition)
        torch.testing.assert_close(conditioned(x, u), model(x, u))


@pytest.mark.parametrize("condition", [LOW, 0.3, HIGH])
def test_folded_equals_conditioned(architecture, tiny, images, condition):
    conditioned, x = scattered(tiny(architecture)), images(4)
    u = noise(conditioned, x)
    conditioned.set(condition)
    torch.testing.assert_close(conditioned.at(condition)(x, u), conditioned(x, u), rtol=1e-12, atol=1e-10)


def test_models_at_two_conditions_differ(architecture, tiny, images):
    conditioned, x = scattered(tiny(architecture)), images(4)
    u = noise(conditioned, x)
    first, second = (torch.stack(conditioned.at(condition)(x, u)) for condition in (LOW, HIGH))
    assert (first - second).abs().min() > 1e-6


def test_every_tensor_gets_a_gradient(architecture, tiny, images):
    conditioned, x = scattered(tiny(architecture, made_units=32)), images(16)
    conditioned.set(0.3)  # the logarithm's mean, 0, would multiply the first weights of all
    sum(conditioned(x)).mean().backward()
    without = [name for name, p in conditioned.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []


def test_a_folded_model_has_weights_of_its_own(tiny, images):
    conditioned, x = scattered(tiny("-+v")), images(4)
    u = noise(conditioned, x)
    model = conditioned.at(0.3)
    before = torch.stack(model(x, u))
    with torch.no_grad():
        for parameter in conditioned.parameters():
            parameter.add_(1.0)
    assert torch.stack(model(x, u)).equal(before)


def layer_of(make, shape):
    """A single layer, conditioned, beside what it gives by itself; and the gains and shifts that it should have."""

    class Alone(nn.Module):
        latent = 1

        def __init__(self):
            super().__init__()
            self.layer = make()

        def forward(self, x, noise=None):
            return self.layer(x)

    conditioned = scattered(Alone().double(), spread=1.0)
    conditioned.set(0.3)
    x = torch.randn(shape, dtype=torch.float64)
    c = torch.tensor([(math.log(0.3) - math.log(LOW * HIGH) / 2) * math.sqrt(12) / math.log(HIGH / LOW)]).double()
    features = torch.cat([c, conditioned.trunk(c)])
    gain = 2 * torch.sigmoid(features @ conditioned.gains[0])
    shift = features @ conditioned.shifts[0] if len(conditioned.shifts) else torch.zeros_like(gain)
    dims = [-1 if d == 1 else 1 for d in range(conditioned(x).dim())]
    return conditioned(x), conditioned.model.layer(x), gain.view(dims), shift.view(dims)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: nn.Linear(3, 5), (4, 3)),
        (lambda: nn.Linear(3, 5, bias=False), (4, 3)),
        (lambda: nn.Conv2d(3, 5, 3, stride=2), (4, 3, 8, 8)),
        (lambda: nn.ConvTranspose2d(3, 5, 3, stride=2), (4, 3, 4, 4)),
        (lambda: nn.ConvTranspose2d(3, 5, 3, bias=False), (4, 3, 4, 4)),
    ],
)
def test_a_layer_is_scaled_and_shifted_channel_by_channel(make, shape):
    found, plain, gain, shift = layer_of(make, shape)
    torch.testing.assert_close(found, gain * plain + shift)


def test_a_vector_of_no_layer_is_linear_in_the_condition(tiny):
    conditioned = scattered(tiny("--v"))
    logs = [math.exp(math.log(LOW) + share * math.log(HIGH / LOW)) for share in (0.0, 0.5, 1.0)]
    low, middle, high = (conditioned.at(condition).marginal.logits for condition in logs)
    torch.testing.assert_close(middle, (low + high) / 2)
    assert not low.equal(high)


def test_pseudo_inputs_are_the_same_at_all_conditions(tiny):
    conditioned = scattered(tiny("--v"))
    assert conditioned.at(LOW).marginal.pixels.equal(conditioned.at(HIGH).marginal.pixels)


def test_the_condition_has_mean_0_and_variance_1_over_the_logarithm_of_the_range():
    shares = (torch.arange(10_000).double() + 0.5) / 10_000
    conditions = LOW * (HIGH / LOW) ** shares

    class Seen(nn.Module):
        latent = 1

        def __init__(self):
            super().__init__()
            self.vector = nn.Parameter(torch.zeros(1, dtype=torch.float64))

    conditioned = Conditioned(Seen(), LOW, HIGH).double()
    nn.init.ones_(conditioned.tilts[0])
    seen = torch.cat([conditioned.folded(condition)["vector"] for condition in conditions]).detach()
    assert seen.mean().item() == pytest.approx(0, abs=1e-6) and seen.var().item() == pytest.approx(1, abs=1e-3)


def test_a_folded_pixelcnn_is_causal():
    class Alone(nn.Module):
        latent = 2

        def __init__(self):
            super().__init__()
            self.decoder = PixelCNN((4, 4), 2, 3, 1)

    decoder = scattered(Alone().double()).at(0.2).decoder
    x, z = torch.rand(1, 4, 4, dtype=torch.float64), torch.randn(1, 2, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda x: decoder.logits(x, z).flatten(), x).reshape(16, 16)
    assert jacobian.triu().abs().max() == 0 and jacobian.tril(-1).abs().max() > 0


def test_a_folded_flow_preserves_volume(tiny):
    encoder = scattered(tiny("+--")).at(0.2).encoder
    u = torch.randn(3, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda u: encoder.transform(u[None])[0], u)
    assert torch.linalg.det(jacobian).item() == pytest.approx(1.0, abs=1e-12)


def test_a_folded_flow_is_inverted(tiny):
    encoder = scattered(tiny("+--")).at(0.2).encoder
    u = torch.randn(5, 3, dtype=torch.float64)
    torch.testing.assert_close(encoder.base(encoder.transform(u)), u)


@pytest.mark.parametrize("condition", [0.01, 2.0])
def test_a_condition_outside_of_the_range_is_refused(tiny, condition):
    with pytest.raises(ValueError, match=r"expected a number from 0.05 to 1.25"):
        Conditioned(tiny("---"), LOW, HIGH).set(condition)


def test_the_ends_of_the_range_are_within_it(tiny):
    conditioned = Conditioned(tiny("---"), LOW, HIGH)
    for condition in (LOW, HIGH):
        conditioned.set(condition)
        assert conditioned.condition.item() == pytest.approx(condition)

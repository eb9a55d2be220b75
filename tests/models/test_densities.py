import pytest
import torch
from torch.distributions import Bernoulli, Categorical, Independent, MixtureSameFamily, Normal

from rdplane.models.densities import (
    bernoulli_log_prob,
    gaussian_log_prob,
    gaussian_mixture_log_prob,
    standard_normal_log_prob,
)


def gaussian(rows, columns=6):
    return torch.randn(rows, columns).double(), torch.rand(rows, columns).double() + 0.1


def mixture(log_weights, mean, scale):
    return MixtureSameFamily(Categorical(logits=log_weights), Independent(Normal(mean, scale), 1))


def test_standard_normal_agrees_with_torch():
    z, _ = gaussian(4)
    torch.testing.assert_close(standard_normal_log_prob(z), Normal(0, 1).log_prob(z).sum(1))


def test_gaussian_agrees_with_torch():
    z, _ = gaussian(4)
    mean, scale = gaussian(4)
    torch.testing.assert_close(gaussian_log_prob(z, mean, scale), Normal(mean, scale).log_prob(z).sum(1))


def test_bernoulli_agrees_with_torch():
    logits = 5 * torch.randn(3, 4, 8).double()
    x = torch.bernoulli(torch.full_like(logits, 0.5))
    torch.testing.assert_close(bernoulli_log_prob(x, logits), Bernoulli(logits=logits).log_prob(x).sum((1, 2)))


def test_bernoulli_is_finite_for_saturated_logits():
    x = torch.zeros(1, 4, 4)
    assert bernoulli_log_prob(x, torch.full_like(x, 1000.0)).item() == -16000


def test_mixture_agrees_with_torch():
    z, _ = gaussian(10)
    mean, scale = gaussian(7)
    log_weights = torch.randn(7).double().log_softmax(0)
    expected = mixture(log_weights, mean, scale).log_prob(z)
    torch.testing.assert_close(gaussian_mixture_log_prob(z, log_weights, mean, scale), expected)


@pytest.mark.parametrize("narrow", [1e-2, 1e-4])
def test_mixture_of_narrow_components_is_accurate_in_float32(narrow):
    mean, scale = 3 * torch.randn(50, 64), torch.full((50, 64), narrow)
    z = mean[:20] + scale[:20] * torch.randn(20, 64)
    log_weights = torch.zeros(50).log_softmax(0)
    expected = mixture(log_weights.double(), mean.double(), scale.double()).log_prob(z.double())
    result = gaussian_mixture_log_prob(z, log_weights, mean, scale)
    torch.testing.assert_close(result, expected.float(), rtol=1e-6, atol=0)

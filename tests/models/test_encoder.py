import pytest
import torch
from torch.distributions import Normal, kl_divergence

from rdplane.declare import declared
from rdplane.models.conv_encoder import ConvEncoder
from rdplane.models.densities import standard_normal_log_prob
from rdplane.models.flow_encoder import FlowEncoder
from rdplane.models.gated import scaled

ENCODERS = tuple(symbol for symbol, part in declared().parts["encoder"].items() if not part.fits)


@pytest.fixture(params=ENCODERS)
def encoder(request, tiny):
    return tiny(f"{request.param}--").encoder


def test_code_log_prob_is_the_posterior_at_its_own_z(encoder, images):
    x = images(6)
    code = encoder.encode(x)
    torch.testing.assert_close(encoder.log_prob(x, code.z), code.log_prob)


def test_code_base_is_the_inverse_of_z(encoder, images):
    code = encoder.encode(images(6))
    torch.testing.assert_close(encoder.base(code.z), code.base)


@pytest.mark.parametrize("symbol", ENCODERS)
def test_posterior_integrates_to_one(symbol, tiny, images):
    encoder = tiny(f"{symbol}--", (4, 4), latent=2).encoder
    axis = torch.linspace(-10, 10, 121).double()
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        density = encoder.log_prob(images(1, (4, 4)).expand(len(grid), -1, -1), grid).exp()
    assert abs(density.sum().item() * (axis[1] - axis[0]).item() ** 2 - 1) < 1e-4


def test_scales_start_around_one(images):
    _, scale = ConvEncoder((28, 28), 64, 1.0).double()(images(4, (28, 28)))
    assert scale.min() > 0.1 and scale.max() < 4 and 0.8 < scale.median() < 1.25


def test_sampled_kl_agrees_with_the_closed_form(tiny, images):
    encoder = tiny("---").encoder
    with torch.no_grad():
        mean, scale = encoder(images(1))
        scale = scale * 0.5
        code = encoder.draw(mean.expand(100_000, -1), scale.expand(100_000, -1))
        kl = code.log_prob - standard_normal_log_prob(code.z)
    exact = kl_divergence(Normal(mean, scale), Normal(0.0, 1.0)).sum()
    assert abs(kl.mean() - exact) < 4 * kl.std() / len(kl) ** 0.5


def test_parameters_of_the_paper_are_2_0_million():
    gated = [(1, 32, 25), (32, 32, 25), (32, 64, 25), (64, 64, 25), (64, 256, 49)]
    expected = sum(2 * (c * d * k + d) for c, d, k in gated) + 2 * (256 * 64 + 64)
    assert expected == 1_999_424
    assert sum(p.numel() for p in ConvEncoder((28, 28), 64, 1.0).parameters()) == expected


def test_flow_adds_four_mades_of_the_paper():
    count = sum(p.numel() for p in FlowEncoder((28, 28), 64, 1.0, 4, 3, 640).parameters())
    assert count == 1_999_424 + 4 * 903_104


@pytest.mark.parametrize(
    ("channels", "width", "expected"), [(32, 1.0, 32), (32, 0.25, 8), (32, 0.33, 11), (32, 0.001, 1)]
)
def test_width_scales_channels(channels, width, expected):
    assert scaled(channels, width) == expected

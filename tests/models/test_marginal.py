import pytest
import torch

from rdplane.declare import declared
from rdplane.models.densities import gaussian_log_prob
from rdplane.models.latent import Latent
from rdplane.models.vamp_prior import VampPrior

ENCODERS, MARGINALS = (
    tuple(symbol for symbol, part in declared().parts[kind].items() if not part.fits)
    for kind in ("encoder", "marginal")
)


def spread(model):
    """Move the pseudo-inputs and weights of a VampPrior apart."""
    with torch.no_grad():
        model.marginal.pixels.normal_(0, 5)
        model.marginal.logits.normal_()
        model.encoder.head.weight.mul_(10)
    return model


@pytest.fixture(params=ENCODERS)
def vamp(request, tiny):
    return spread(tiny(f"{request.param}-v"))


@pytest.mark.parametrize("symbol", MARGINALS)
def test_density_integrates_to_one(symbol, tiny):
    model = tiny(f"+-{symbol}", latent=2)
    axis = torch.linspace(-10, 10, 121).double()
    with torch.no_grad():
        density = model.log_prior(torch.cartesian_prod(axis, axis)).exp()
    assert abs(density.sum().item() * (axis[1] - axis[0]).item() ** 2 - 1) < 1e-4


@pytest.mark.parametrize("symbol", MARGINALS)
def test_samples_have_the_second_moments_of_the_density(symbol, tiny):
    model = tiny(f"+-{symbol}", latent=2)
    axis = torch.linspace(-10, 10, 121).double()
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        density = model.log_prior(grid).exp()
    exact = (density[:, None] * grid.square()).sum(0) / density.sum()
    square = model.marginal.sample(20_000).square()
    assert ((square.mean(0) - exact).abs() < 5 * square.std(0) / len(square) ** 0.5).all()


def test_vamp_is_the_mixture_of_posteriors(vamp):
    z = 3 * torch.randn(7, 3).double()
    weights = vamp.marginal.logits.softmax(0)
    posteriors = [vamp.log_posterior(phi.expand(7, -1, -1), z) for phi in vamp.marginal.pseudo_inputs()]
    brute = sum(weight * posterior.exp() for weight, posterior in zip(weights, posteriors, strict=True)).log()
    torch.testing.assert_close(vamp.log_prior(z), brute)


def test_vamp_components_differ(vamp):
    z = torch.randn(1, 3).double()
    density = gaussian_log_prob(vamp.encoder.base(z), *vamp.encoder(vamp.marginal.pseudo_inputs()))
    assert density.std() > 0.1


def test_vamp_at_a_drawn_code_equals_vamp_at_the_same_foreign_z(vamp, images):
    code = vamp.encode(images(6))
    torch.testing.assert_close(vamp.marginal.log_prob(code), vamp.marginal.log_prob(Latent(code.z)))


def test_vamp_at_a_drawn_code_inverts_no_flow(tiny, images, monkeypatch):
    model = tiny("+-v")
    code = model.encode(images(6))
    monkeypatch.setattr(model.encoder, "base", lambda z: pytest.fail("the flow was inverted"))
    model.marginal.log_prob(code)


def test_vamp_follows_its_encoder(vamp):
    z = torch.randn(4, 3).double()
    before = vamp.log_prior(z)
    with torch.no_grad():
        vamp.encoder.head.bias.add_(1)
    assert not torch.allclose(before, vamp.log_prior(z))


def test_vamp_owns_pseudo_inputs_and_weights_only(vamp):
    assert {name for name, _ in vamp.marginal.named_parameters()} == {"pixels", "logits"}


def test_pseudo_inputs_start_near_the_mean():
    mean = torch.rand(8, 12) * 0.9 + 0.05
    prior = VampPrior(None, (8, 12), 2000, mean)
    torch.testing.assert_close(prior.pseudo_inputs().mean(0), mean, atol=0.05, rtol=0)


def test_black_pixels_of_pseudo_inputs_still_learn(tiny, images):
    model = tiny("--v", mean=torch.zeros(8, 12))
    model.rate_distortion(images(4))[0].sum().backward()
    assert (model.marginal.pixels.grad != 0).all()


def test_gaussian_marginal_has_no_parameters(tiny):
    assert not list(tiny("---").marginal.parameters())

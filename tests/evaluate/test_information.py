import math

import linear_gaussian as lg
import pytest
import torch

from rdplane.errors import UserError
from rdplane.evaluate.information import mutual_information, sandwich
from rdplane.evaluate.rate_distortion import rate_distortion
from rdplane.models.build import build

SETTINGS = [(1, 1.0, 1.0), (2, 1.0, 0.5), (3, 2.0, 3.0), (2, 0.3, 1.0)]  # L, a, s


def replicates(count, images, latent, a, s, **options):
    model = lg.model(latent, a, s)
    return [mutual_information(model, lg.images(images), **options) for _ in range(count)]


def mean_and_error(values):
    values = torch.tensor(values)
    return values.mean(), values.std() / len(values) ** 0.5


@pytest.mark.parametrize(("latent", "a", "s"), SETTINGS)
def test_lower_bound_is_below_the_exact_information_in_expectation(latent, a, s):
    mean, error = mean_and_error([i.lower.value for i in replicates(120, 20, latent, a, s)])
    assert mean < lg.information(latent, a, s) + 2 * error


@pytest.mark.parametrize("widths", [(0.0,), (0.3,), (0.0, 0.2, 0.5, 1.0)])
@pytest.mark.parametrize(("latent", "a", "s"), SETTINGS)
def test_upper_bound_is_above_the_exact_information_in_expectation(latent, a, s, widths):
    mean, error = mean_and_error([i.upper.value for i in replicates(120, 20, latent, a, s, widths=widths)])
    assert mean > lg.information(latent, a, s) - 2 * error


@pytest.mark.parametrize("bound", ["lower", "upper"])
@pytest.mark.parametrize(("latent", "a", "s"), SETTINGS)
def test_bounds_of_many_images_reach_the_exact_information(latent, a, s, bound):
    estimate = getattr(mutual_information(lg.model(latent, a, s), lg.images(3000)), bound)
    assert abs(estimate.value - lg.information(latent, a, s)) < 0.03 + 3 * estimate.se


def test_lower_bound_is_that_of_the_definition():
    model, x = lg.model(2, 1.0, 0.5), lg.images(7)
    torch.manual_seed(5)
    z = model.encode(x).z
    density = torch.stack([model.log_posterior(x_j.expand_as(x), z) for x_j in x], 1).exp()  # e(z_i|x_j)
    expected = (density.diagonal() / density.mean(1)).log().mean().item()
    torch.manual_seed(5)
    assert mutual_information(model, x).lower.value == pytest.approx(expected, rel=1e-9)


def test_upper_bound_without_widening_leaves_one_image_out():
    model, x = lg.model(2, 1.0, 0.5), lg.images(7)
    torch.manual_seed(5)
    z = model.encode(x).z
    density = torch.stack([model.log_posterior(x_j.expand_as(x), z) for x_j in x], 1).exp()
    others = (density.sum(1) - density.diagonal()) / 6
    torch.manual_seed(5)
    upper = mutual_information(model, x, widths=(0.0,)).upper.value
    assert upper == pytest.approx((density.diagonal() / others).log().mean().item(), rel=1e-9)


def test_a_flow_leaves_the_information_as_it_is():
    sizes = {"latent": 3, "width": 0.1, "flow_steps": 2, "made_layers": 2, "made_units": 8}
    model, x = build("+--", (8, 8), sizes).double(), torch.bernoulli(torch.full((6, 8, 8), 0.4)).double()
    torch.manual_seed(5)
    with torch.no_grad():
        z = model.encode(x).z
        density = torch.stack([model.log_posterior(x_j.expand_as(x), z) for x_j in x], 1).exp()
    torch.manual_seed(5)
    lower = mutual_information(model, x).lower.value
    assert lower == pytest.approx((density.diagonal() / density.mean(1)).log().mean().item(), abs=1e-9)


def test_lower_bound_of_a_nearly_deterministic_encoder_is_the_cap():
    information = mutual_information(lg.model(2, 1.0, 1e-6), lg.images(50))
    assert information.lower.value == pytest.approx(math.log(50), abs=1e-12)


@pytest.mark.parametrize(("s", "capped"), [(1e-6, True), (1.0, False)])
def test_the_cap_is_said_to_bind_where_it_does(s, capped):
    assert mutual_information(lg.model(2, 1.0, s), lg.images(50)).capped is capped


def test_widening_tightens_the_upper_bound_of_a_narrow_encoder():
    model, x = lg.model(4, 1.0, 0.01), lg.images(200)
    plain, widened = (mutual_information(model, x, widths=widths).upper for widths in ((0.0,), (0.0, 0.3, 0.6)))
    assert abs(widened.value - lg.information(4, 1.0, 0.01)) < 2 < plain.value - widened.value


def test_an_encoder_that_ignores_the_image_has_no_information():
    information = mutual_information(lg.model(2, 0.0, 1.0), lg.images(50))
    assert information.lower == pytest.approx((0, 0), abs=1e-12)


@pytest.mark.parametrize("bound", ["lower", "upper"])
@pytest.mark.parametrize(("latent", "s"), [(2, 0.5), (8, 0.5), (2, 0.05)])  # the lower is 2.6, 0.22, 0.15 below its cap
def test_standard_errors_are_the_spread_of_repeated_estimates(latent, s, bound):
    estimates = torch.tensor([getattr(i, bound) for i in replicates(300, 60, latent, 1.0, s, widths=(0.0,))])
    claimed = estimates[:, 1].square().mean().sqrt().item()
    assert claimed == pytest.approx(estimates[:, 0].std().item(), rel=0.12)


@pytest.mark.parametrize(("latent", "a", "s"), SETTINGS)
def test_rate_is_information_and_divergence_of_the_marginal(latent, a, s):
    rate = rate_distortion(lg.model(latent, a, s).float(), lg.images(4000), z_samples=20)[0]
    exact = lg.information(latent, a, s) + lg.divergence(latent, a, s)
    assert abs(rate.mean().item() - exact) < 4 * rate.std().item() / len(rate) ** 0.5


def test_rows_in_parts_give_the_same_bounds(monkeypatch):
    u, mean = torch.randn(2, 30, 3, dtype=torch.float64)
    whole = sandwich(u, mean, torch.ones_like(mean))
    monkeypatch.setattr("rdplane.evaluate.information._ROWS", 7)
    parts = sandwich(u, mean, torch.ones_like(mean))
    assert (*whole.lower, *whole.upper) == pytest.approx((*parts.lower, *parts.upper), rel=1e-12)


def test_three_images_are_too_few():
    with pytest.raises(UserError, match="at least 4 images to compare, found 3"):
        mutual_information(lg.model(), lg.images(3))

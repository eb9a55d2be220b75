import linear_gaussian as lg
import pytest
import torch

from rdplane.evaluate.importance import nll_iw, with_control
from rdplane.evaluate.rate_distortion import rate_distortion

B, T = 0.5, 0.8  # x = b z + t noise


@pytest.mark.parametrize("samples", [1, 5, 50])
def test_the_bound_is_above_the_exact_value_in_expectation(samples):
    x = lg.images(400)
    gap = nll_iw(lg.model(2, b=B, t=T), x, samples) - lg.nll(x, 2, B, T)
    assert gap.mean() > -3 * gap.std() / len(gap) ** 0.5


def test_the_bound_tightens_with_samples():
    x = lg.images(1000)
    loose, tight = (nll_iw(lg.model(2, b=B, t=T), x, samples).mean() for samples in (1, 10))
    assert tight < loose - 0.1


def test_the_bound_of_many_samples_reaches_the_exact_value():
    x = lg.images(20)
    torch.testing.assert_close(nll_iw(lg.model(2, b=B, t=T), x, 20_000), lg.nll(x, 2, B, T), atol=0.05, rtol=0)


def test_the_bound_is_exact_where_the_encoder_is_the_posterior():
    # p_d(z|x) = N(b x / (b^2 + t^2), t^2 / (b^2 + t^2))
    total = B**2 + T**2
    x = lg.images(20)
    bound = nll_iw(lg.model(2, a=B / total, s=T / total**0.5, b=B, t=T), x, 1)
    torch.testing.assert_close(bound, lg.nll(x, 2, B, T))


def test_one_draw_is_the_negative_elbo():
    model, x = lg.model().float(), lg.images(5)
    torch.manual_seed(3)
    bound = nll_iw(model, x, 1)
    torch.manual_seed(3)
    torch.testing.assert_close(bound, sum(rate_distortion(model, x, 1)))


def subset(seed, count=300, chosen=30):
    """A bound on some images and -ELBO on all, both around the image's own value."""
    generator = torch.Generator().manual_seed(seed)
    own, noise = torch.randn(2, count, generator=generator, dtype=torch.float64)
    neg_elbo = 100 + 20 * own + noise
    rows = torch.randperm(count, generator=generator)[:chosen]
    return (neg_elbo - 3 + torch.randn(count, generator=generator))[rows], rows, neg_elbo


def test_control_by_the_elbo_leaves_the_mean_unbiased():
    estimates = torch.tensor([with_control(*subset(seed)).value for seed in range(500)])
    assert abs(estimates.mean() - 97) < 3 * estimates.std() / 500**0.5


def test_control_by_the_elbo_claims_the_spread_of_repeated_estimates():
    estimates = torch.tensor([with_control(*subset(seed)) for seed in range(500)])
    assert estimates[:, 1].mean().item() == pytest.approx(estimates[:, 0].std().item(), rel=0.1)


def test_control_by_the_elbo_lowers_the_error():
    values, rows, neg_elbo = subset(0)
    assert with_control(values, rows, neg_elbo).se < 0.5 * with_control(values, rows).se


def test_control_changes_nothing_where_all_images_are_known():
    values, rows, neg_elbo = subset(0, count=50, chosen=50)
    assert with_control(values, rows, neg_elbo) == pytest.approx(with_control(values, rows), rel=1e-9)

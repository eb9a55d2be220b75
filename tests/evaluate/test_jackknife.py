import itertools
import math

import pytest
import torch

from rdplane.evaluate.jackknife import Jackknife


def error(component, own):
    """The standard error of the mean of own_i - log sum_j exp(component_ij)."""
    jackknife, total = Jackknife(len(own)), component.logsumexp(1)
    jackknife.add(torch.arange(len(own)), component, total)
    return jackknife.error(own - total)


def by_hand(component, own):
    """The same from its definition, each image and each pair of images left out in turn."""
    count = len(own)

    def rest(*without):
        kept = torch.tensor([i for i in range(count) if i not in without])
        return (own[kept] - component[kept][:, kept].logsumexp(1)).sum()

    single = torch.stack([rest(j) for j in range(count)])
    pair = torch.stack(
        [rest() - single[j] - single[k] + rest(j, k) for j, k in itertools.combinations(range(count), 2)]
    )
    squares = (single - single.mean()).square().sum() - (pair - pair.mean()).square().sum()
    return math.sqrt(squares / (count * (count - 1)))


def codes(count, latent, scale):
    """log e(z_i|x_j) of Gaussian codes, (count, count), and its diagonal."""
    mean = torch.randn(count, latent, dtype=torch.float64)
    code = mean + scale * torch.randn_like(mean)
    component = -0.5 * ((code[:, None] - mean) / scale).square().sum(2)
    return component, component.diagonal().clone()


@pytest.mark.parametrize(("latent", "scale"), [(1, 1.0), (1, 0.1), (2, 0.3), (2, 0.1), (4, 0.5)])
def test_error_is_that_of_images_and_pairs_left_out(latent, scale):
    component, own = codes(30, latent, scale)
    assert error(component, own) == pytest.approx(by_hand(component, own), rel=0.05)


def test_error_of_terms_without_the_own_component():
    component, own = codes(30, 2, 0.3)
    component.fill_diagonal_(-torch.inf)
    assert error(component, own) == pytest.approx(by_hand(component, own), rel=0.05)


@pytest.mark.parametrize("pairs", [1, 5, 12])
def test_images_confused_in_pairs_are_counted_by_the_pair(pairs):
    # Each pair moves the sum by 2 log 2. The variance of their number is the number itself, but for its own mean.
    count = 1000
    component = torch.full((count, count), -800.0, dtype=torch.float64).fill_diagonal_(0)
    first = torch.arange(0, 2 * pairs, 2)
    component[first, first + 1] = component[first + 1, first] = 0
    own = torch.zeros(count, dtype=torch.float64)
    assert error(component, own) == pytest.approx(2 * math.log(2) * pairs**0.5 / count, rel=0.02)


def test_terms_that_share_nothing_have_the_error_of_a_plain_mean():
    own = torch.randn(50, dtype=torch.float64)
    component = torch.full((50, 50), -800.0, dtype=torch.float64).fill_diagonal_(0)
    assert error(component, own) == pytest.approx(own.std().item() / 50**0.5, rel=1e-12)


def test_equal_components_have_no_error():
    assert error(torch.zeros(20, 20).double(), torch.zeros(20).double()) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("nats", [20.0, 40.0, 700.0])
def test_a_component_that_is_nearly_all_of_a_sum_loses_no_digit(nats):
    # 1 - its share has no digit from 37 nats on. Without image 1, term 0 gains all these nats but for log 2.
    component = torch.full((4, 4), -800.0, dtype=torch.float64).fill_diagonal_(0)
    component[0, 1] = nats
    jackknife = Jackknife(4)
    jackknife.add(torch.arange(4), component, component.logsumexp(1))
    assert jackknife._gain[1].item() == pytest.approx(math.log1p(math.exp(nats)), rel=1e-14)


def test_rows_may_come_in_parts_and_in_any_order():
    component, own = codes(30, 2, 0.2)
    jackknife, total, order = Jackknife(30), component.logsumexp(1), torch.randperm(30)
    for rows in order.split(7):
        jackknife.add(rows, component[rows], total[rows])
    assert jackknife.error(own - total) == pytest.approx(error(component, own), rel=1e-12)


def test_no_random_number_is_taken_from_others():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    Jackknife(10)
    assert torch.rand(1) == expected

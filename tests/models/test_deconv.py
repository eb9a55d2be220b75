from itertools import product

import pytest
import torch

from rdplane.models.deconv_decoder import DeconvDecoder


@pytest.mark.parametrize("shape", [(4, 4), (3, 5)])
def test_probabilities_of_all_tiny_images_sum_to_one(shape):
    decoder = DeconvDecoder(shape, 2, 0.05).double()
    pixels = torch.tensor(list(product((0.0, 1.0), repeat=shape[0] * shape[1])), dtype=torch.float64).view(-1, *shape)
    z = torch.randn(1, 2).double()
    with torch.no_grad():
        total = sum(decoder.log_prob(x, z.expand(len(x), -1)).exp().sum() for x in pixels.split(8192))
    torch.testing.assert_close(total, torch.tensor(1.0).double())


def test_sample_frequencies_agree_with_probabilities():
    decoder = DeconvDecoder((4, 4), 2, 0.05).double()
    z = torch.randn(1, 2).double()
    with torch.no_grad():
        probability = torch.sigmoid(decoder.logits(z))[0]
    frequency = decoder.sample(z.expand(20_000, -1)).mean(0)
    error = (probability * (1 - probability) / 20_000).sqrt()
    assert ((frequency - probability).abs() < 5 * error).all()


def test_parameters_of_the_paper_are_1_0_million():
    gated = [(64, 64, 49), (64, 64, 25), (64, 64, 25), (64, 32, 25), (32, 32, 25), (32, 32, 16)]
    expected = sum(2 * (c * d * k + d) for c, d, k in gated) + 32 * 25 + 1
    assert expected == 998_753
    assert sum(p.numel() for p in DeconvDecoder((28, 28), 64, 1.0).parameters()) == expected

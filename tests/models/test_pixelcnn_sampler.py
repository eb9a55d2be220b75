"""The cached sampler computes what the full network computes, pixel by pixel."""

import pytest
import torch
from scipy import stats

from rdplane.models.bernoulli import Bernoulli
from rdplane.models.logistic_mixture import LogisticMixture
from rdplane.models.pixelcnn import PixelCNN
from rdplane.models.pixelcnn_sampler import sample, traverse

LATENT = 3


def decoder(shape, latent, depth=4, resnets=1, std=0.4, likelihood=None):
    torch.manual_seed(1)
    model = PixelCNN(shape, latent, depth, resnets, likelihood).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=std)
    return model


def code(latent, batch, dtype=torch.float64):
    return torch.randn(batch, latent, dtype=dtype) if latent else None


def sample_naively(model, z, uniforms):
    """A full pass of the network for every pixel."""
    colours = (3,) if model.likelihood.inputs == 3 else ()
    x = uniforms.new_zeros(len(uniforms), *model.shape, *colours)
    with torch.no_grad():
        for i in range(model.shape[0]):
            for j in range(model.shape[1]):
                x[:, i, j] = model.likelihood.draw(model.outputs(x, z)[:, :, i, j], uniforms[:, i, j])
    return x


def teacher_forced(model, x, z):
    """The outputs that the sampler finds on its way through `x`."""
    seen = x.new_zeros(len(x), model.likelihood.outputs, *model.shape)

    def choose(i, j, outputs):
        seen[:, :, i, j] = outputs
        return x[:, i, j]

    traverse(model, z, len(x), choose)
    return seen


@pytest.mark.parametrize("latent", [0, LATENT])
@pytest.mark.parametrize("resnets", [1, 2])
@pytest.mark.parametrize("shape", [(4, 4), (8, 8), (12, 8), (8, 16), (5, 7), (10, 3)])
def test_incremental_logits_equal_the_full_pass(shape, resnets, latent):
    model = decoder(shape, latent, resnets=resnets)
    x, z = (torch.rand(3, *shape, dtype=torch.float64) < 0.5).double(), code(latent, 3)
    full = model.outputs(x, z).detach()
    assert full.std() > 1e-2  # the logits vary, so that equality says something
    torch.testing.assert_close(teacher_forced(model, x, z), full, rtol=0, atol=1e-10 * float(full.abs().max()))


def test_incremental_logits_equal_the_full_pass_in_single_precision():
    torch.manual_seed(2)
    model = PixelCNN((28, 28), LATENT, pixelcnn_depth=16, pixelcnn_resnets=2)
    x, z = (torch.rand(2, 28, 28) < 0.5).float(), code(LATENT, 2, torch.float32)
    torch.testing.assert_close(teacher_forced(model, x, z), model.outputs(x, z).detach(), rtol=0, atol=1e-4)


LIKELIHOODS = {
    "binary": Bernoulli(),
    "grey": LogisticMixture("grey", 2),
    "colour": LogisticMixture("colour", 2),
}


@pytest.mark.parametrize("pixels", LIKELIHOODS)
@pytest.mark.parametrize("shape", [(8, 12), (5, 7)])
@pytest.mark.parametrize("latent", [0, LATENT])
def test_cached_and_naive_sampling_draw_the_same_images(latent, shape, pixels):
    likelihood = LIKELIHOODS[pixels]
    model = decoder(shape, latent, likelihood=likelihood)
    z, uniforms = code(latent, 5), torch.rand(5, *shape, likelihood.uniforms, dtype=torch.float64)
    drawn = sample(model, z, uniforms)
    assert 0 < drawn.mean() < 1
    assert torch.equal(drawn, sample_naively(model, z, uniforms))


def test_sampling_follows_the_probabilities():
    # The pattern of a 4x4 image's corners, against its exact probability.
    model, draws = decoder((4, 4), 0, depth=2, std=0.3), 20_000
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 16).reshape(-1, 4, 4)
    cells = torch.tensor([[8.0, 0, 0, 4], [0, 0, 0, 0], [0, 0, 0, 0], [2, 0, 0, 1]], dtype=torch.float64)
    with torch.no_grad():
        probabilities = torch.cat([model.log_prob(x, None).exp() for x in every.split(1 << 14)])
    expected = torch.zeros(16, dtype=torch.float64).index_add_(0, (every * cells).sum((1, 2)).long(), probabilities)
    assert expected.min() * draws > 5  # what the chi-square test asks for
    torch.manual_seed(3)
    counts = torch.bincount((model.sample(None, draws) * cells).sum((1, 2)).long(), minlength=16)
    assert stats.chisquare(counts.numpy(), (expected * draws).numpy()).pvalue > 1e-3


def test_samples_repeat_with_the_seed_of_the_global_generator():
    model, z = decoder((8, 8), LATENT), code(LATENT, 4)
    torch.manual_seed(4)
    first = model.sample(z)
    torch.manual_seed(4)
    assert torch.equal(model.sample(z), first)


def test_samples_are_zeros_and_ones_of_the_image_shape():
    drawn = decoder((8, 12), LATENT).sample(code(LATENT, 4))
    assert drawn.shape == (4, 8, 12)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}


def test_a_sample_can_be_scored_with_gradients():
    model, z = decoder((8, 8), LATENT), code(LATENT, 2)
    model.log_prob(model.sample(z), z).sum().backward()
    assert model.logit.weight.grad.abs().sum() > 0

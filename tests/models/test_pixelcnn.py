"""The autoregressive decoder: causal, uses z everywhere, a normalised density."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from rdplane.models.causal import Expand, plan
from rdplane.models.gated import gate
from rdplane.models.logistic_mixture import LogisticMixture
from rdplane.models.pixelcnn import PixelCNN

LATENT = 3
SHAPES = [(8, 8), (12, 8), (5, 7)]


def decoder(shape, latent, depth=4, resnets=1, seed=0, likelihood=None):
    """A float64 network with large random weights and biases, so that nothing hides behind a zero."""
    torch.manual_seed(seed)
    model = PixelCNN(shape, latent, depth, resnets, likelihood).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)  # larger ones saturate the gates
    return model


def code(latent, batch=1):
    return torch.randn(batch, latent, dtype=torch.float64) if latent else None


def images(shape, batch=1):
    return (torch.rand(batch, *shape, dtype=torch.float64) < 0.5).double()


def pixel_jacobian(model):
    """d logit / d pixel, (H * W, H * W), rows and columns in raster order."""
    x, z = images(model.shape), code(model.latent)
    jacobian = torch.autograd.functional.jacobian(lambda x: model.logits(x, z), x, vectorize=True)
    pixels = x.numel()
    return jacobian.reshape(pixels, pixels)


@pytest.mark.parametrize("latent", [0, LATENT])
@pytest.mark.parametrize("shape", SHAPES)
def test_logits_depend_on_earlier_pixels_only(shape, latent):
    jacobian = pixel_jacobian(decoder(shape, latent))
    assert torch.equal(jacobian.triu(), torch.zeros_like(jacobian))


@pytest.mark.parametrize("latent", [0, LATENT])
@pytest.mark.parametrize("offset", [(0, -1), (-1, -1), (-1, 0), (-1, 1)])
def test_logits_depend_on_every_earlier_neighbour(offset, latent):
    height, width = 8, 8
    jacobian = pixel_jacobian(decoder((height, width), latent)).reshape(height, width, height, width)
    for i, j in itertools.product(range(height), range(width)):
        row, column = i + offset[0], j + offset[1]
        if row >= 0 and 0 <= column < width:
            assert jacobian[i, j, row, column] != 0, f"logit ({i}, {j}) does not see pixel ({row}, {column})"


def test_last_logit_depends_on_every_earlier_pixel():
    jacobian = pixel_jacobian(decoder((8, 8), 0, resnets=2))
    assert (jacobian[-1, :-1] != 0).all()


def test_every_logit_depends_on_every_dimension_of_z():
    model = decoder((8, 8), LATENT)
    x, z = images(model.shape), code(LATENT)
    jacobian = torch.autograd.functional.jacobian(lambda z: model.logits(x, z), z, vectorize=True)
    assert (jacobian.reshape(64, LATENT) != 0).all()


@pytest.fixture
def seen(monkeypatch):
    """Whether the logit of a row and column depends on a row and column of the map of z, (8, 8, 8, 8)."""
    model = decoder((8, 8), LATENT)
    z_map = torch.randn(1, 1, 8, 8, dtype=torch.float64)

    def logits(z_map):
        monkeypatch.setattr(model, "z_map", lambda z: z_map)
        return model.logits(torch.zeros(1, 8, 8, dtype=torch.float64), None)

    return torch.autograd.functional.jacobian(logits, z_map, vectorize=True).reshape(8, 8, 8, 8) != 0


def test_every_logit_sees_its_own_place_in_the_map_of_z_and_both_sides_of_it(seen):
    for row, column in itertools.product(range(8), range(8)):
        assert seen[row, column, row, max(0, column - 1) : column + 2].all()


def test_no_logit_sees_a_row_below_in_the_map_of_z(seen):
    for row in range(8):
        assert not seen[row, :, row + 1 :].any()


@pytest.mark.parametrize("shape", [(4, 4), (3, 5)])
@pytest.mark.parametrize("latent", [0, LATENT])
def test_probabilities_of_all_images_sum_to_one(latent, shape):
    model = decoder(shape, latent, depth=2)
    both = torch.tensor([0.0, 1.0], dtype=torch.float64)
    every = torch.cartesian_prod(*[both] * (shape[0] * shape[1])).reshape(-1, *shape)
    z = code(latent)
    with torch.no_grad():
        total = sum(
            model.log_prob(x, None if z is None else z.expand(len(x), -1)).exp().sum() for x in every.split(1 << 14)
        )
    assert torch.isclose(total, torch.ones_like(total), rtol=0, atol=1e-12)


@pytest.mark.parametrize("latent", [0, LATENT])
def test_log_prob_is_the_sum_of_bernoulli_log_densities(latent):
    model = decoder((8, 4), latent)
    x, z = images((8, 4), batch=5), code(latent, batch=5)
    expected = torch.distributions.Bernoulli(logits=model.logits(x, z)).log_prob(x).sum((1, 2))
    torch.testing.assert_close(model.log_prob(x, z), expected)


@pytest.mark.parametrize("latent", [0, LATENT])
def test_without_a_gradient_the_pieces_of_a_batch_give_the_same(latent):
    model, x, z = decoder((8, 8), latent), images((8, 8), 150), code(latent, 150)
    with torch.no_grad():
        pieces = model.log_prob(x, z)
    torch.testing.assert_close(pieces, model.log_prob(x, z).detach(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("latent", [0, LATENT])
def test_every_parameter_gets_a_gradient(latent):
    torch.manual_seed(0)
    model = PixelCNN((8, 8), latent, pixelcnn_depth=4, pixelcnn_resnets=2).double()
    model.log_prob(images((8, 8), 4), code(latent, 4)).sum().backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not (p.grad != 0).any()]
    assert without == []


def test_images_of_a_batch_do_not_influence_each_other():
    model = decoder((8, 8), LATENT)
    x, z = images((8, 8), 3), code(LATENT, 3)
    alone = torch.cat([model.logits(x[k : k + 1], z[k : k + 1]) for k in range(3)])
    torch.testing.assert_close(model.logits(x, z), alone)


@pytest.mark.parametrize(("latent", "expected"), [(64, 2_436_769), (0, 2_334_145)])
def test_parameter_count_at_paper_size(latent, expected):
    depth, gated, pair = 64, 2 * 64, 2 * 64 * 64
    residual = {"vertical": 2 * (6 * pair + gated), "horizontal": 2 * (4 * pair + gated)}
    sides = 6 * pair + 6 * pair + 12 * pair  # 1x1: vertical upward, horizontal downward, horizontal upward
    scaling = 4 * (6 * depth**2 + depth) + 4 * (4 * depth**2 + depth)
    inputs = 2 if latent else 1
    first = (6 + 3 + 2) * inputs * depth + 3 * depth
    z_map = 2 * 784 * (latent + 1) if latent else 0
    count = 12 * sum(residual.values()) + sides + scaling + first + z_map + depth + 1
    assert count == expected
    assert (
        sum(p.numel() for p in PixelCNN((28, 28), latent, pixelcnn_depth=64, pixelcnn_resnets=2).parameters()) == count
    )


@pytest.mark.parametrize("resnets", [1, 2, 3])
def test_six_blocks_of_residual_layers(resnets):
    scales = [node.scale for node in plan(resnets) if node.kind == "residual"]
    assert scales == [scale for scale in (1, 2, 4, 4, 2, 1) for _ in range(resnets)]


@pytest.mark.parametrize("resnets", [1, 2, 3])
def test_shortcuts_join_maps_of_equal_size_and_none_twice(resnets):
    nodes = plan(resnets)
    scales = [1, *(node.scale for node in nodes)]
    shortcuts = [(node.shortcut, node.scale) for node in nodes if node.shortcut is not None]
    assert all(scales[source] == scale for source, scale in shortcuts)
    assert len({source for source, _ in shortcuts}) == 3 * resnets


@pytest.mark.parametrize("dim", [0, 1])
def test_gate_is_the_gated_linear_unit(dim):
    x = torch.randn(4, 6, dtype=torch.float64)
    torch.testing.assert_close(gate(x, dim), F.glu(x, dim))


@pytest.mark.parametrize("right", [0, 1])
def test_expand_reads_the_coarse_row_above_or_at_its_own(right):
    layer = Expand(1, right).double()
    x = torch.randn(1, 1, 3, 2, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(layer, x).reshape(6, 4, 3, 2)
    reads = (jacobian != 0).any(-1).any(1)
    assert torch.equal(reads, torch.arange(6)[:, None] // 2 == torch.arange(3))


@pytest.mark.parametrize("pixels", ["grey", "colour"])
def test_outputs_of_a_pixel_depend_on_all_numbers_of_earlier_pixels_only(pixels):
    likelihood = LogisticMixture(pixels, 1)
    model = decoder((5, 6), 0, likelihood=likelihood)
    x = torch.rand(1, 5, 6, *([3] if likelihood.inputs == 3 else []), dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda x: model.outputs(x, None), x, vectorize=True)
    depends = (jacobian.reshape(likelihood.outputs, 30, 30, -1) != 0).any(0)  # output place, pixel, its numbers
    for number in depends.unbind(-1):
        assert not number.triu().any()
        assert number[-1, :-1].all()


@pytest.mark.parametrize("shape", [(5, 7), (6, 8), (3, 9)])
def test_what_is_filled_up_to_a_multiple_of_four_is_outside(shape):
    # The same network on the whole map, whose values beyond the image are those of "outside".
    model, whole = decoder(shape, LATENT), decoder([side + -side % 4 for side in shape], LATENT)
    whole.load_state_dict(model.state_dict())
    x, z = images(shape, 2), code(LATENT, 2)
    filled = torch.full((2, *whole.shape), 0.5, dtype=torch.float64)
    filled[:, : shape[0], : shape[1]] = x
    expected = whole.logits(filled, z)[:, : shape[0], : shape[1]]
    torch.testing.assert_close(model.logits(x, z), expected)
    expected = -F.binary_cross_entropy_with_logits(expected, x, reduction="none").sum((1, 2))
    torch.testing.assert_close(model.log_prob(x, z), expected)  # real pixels alone

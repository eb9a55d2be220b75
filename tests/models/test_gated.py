import pytest
import torch
import torch.nn.functional as F

from rdplane.models.gated import GatedConv2d, GatedConvTranspose2d


def test_gated_convolution_equals_its_formula():
    layer = GatedConv2d(2, 3, 5, stride=2).double()
    x = torch.randn(4, 2, 8, 12).double()
    linear, gate = (
        F.conv2d(x, layer.conv.weight[part], layer.conv.bias[part], stride=2, padding=2)
        for part in (slice(0, 3), slice(3, 6))
    )
    torch.testing.assert_close(layer(x), linear * torch.sigmoid(gate))


def test_gated_transposed_convolution_equals_its_formula():
    layer = GatedConvTranspose2d(2, 3, 5).double()
    x = torch.randn(4, 2, 8, 12).double()
    linear, gate = (
        F.conv_transpose2d(x, layer.conv.weight[:, part], layer.conv.bias[part], padding=2)
        for part in (slice(0, 3), slice(3, 6))
    )
    torch.testing.assert_close(layer(x), linear * torch.sigmoid(gate))


@pytest.mark.parametrize(("stride", "size"), [(1, (8, 12)), (2, (4, 6))])
def test_same_convolution_has_ceiling_of_size_over_stride(stride, size):
    assert GatedConv2d(1, 1, 5, stride)(torch.zeros(1, 1, 8, 12)).shape[2:] == size


@pytest.mark.parametrize(("kernel", "stride", "size"), [(5, 1, (4, 6)), (5, 2, (8, 12)), (4, 1, (4, 6))])
def test_same_transposed_convolution_multiplies_size_by_stride(kernel, stride, size):
    assert GatedConvTranspose2d(1, 1, kernel, stride)(torch.zeros(1, 1, 4, 6)).shape[2:] == size


def test_even_transposed_kernel_is_the_adjoint_of_a_convolution_that_pads_less_before_than_after():
    layer = GatedConvTranspose2d(2, 3, 4).double()
    with torch.no_grad():
        layer.conv.weight[:, 3:] = 0
        layer.conv.bias[3:] = 100  # gates wide open
    x, y = torch.randn(1, 2, 6, 6).double(), torch.randn(1, 3, 6, 6).double()
    convolved = F.conv2d(F.pad(y, (1, 2, 1, 2)), layer.conv.weight[:, :3])
    torch.testing.assert_close((layer(x) * y).sum(), (convolved * x).sum())


@pytest.mark.parametrize("layer", [GatedConv2d(64, 64, 5), GatedConvTranspose2d(64, 64, 5, stride=2)])
def test_initial_layer_about_keeps_the_variance(layer):
    inside = layer(torch.randn(8, 64, 16, 16))[..., 4:-4, 4:-4]
    assert 0.7 < inside.var().item() < 1.8

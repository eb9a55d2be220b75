import pytest
import torch

from rdplane.experiment.architectures import ARCHITECTURES
from rdplane.models import build

TINY = {
    "latent": 3,
    "width": 0.1,
    "flow_steps": 2,
    "made_layers": 2,
    "made_units": 8,
    "pixelcnn_depth": 4,
    "pixelcnn_resnets": 1,
    "pseudo_inputs": 5,
    "code_levels": 3,
    "code_channels": 1,
    "code_depth": 4,
    "code_resnets": 1,
}


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def tiny():
    """Builds a tiny model in float64: ``tiny(name, shape=(8, 12), mean=None, pixels="binary", **sizes)``."""

    def make(name, shape=(8, 12), mean=None, pixels="binary", **sizes):
        return build(name, shape, TINY | sizes, mean, pixels).double()

    return make


@pytest.fixture
def images():
    """Random binary images in float64: ``images(n, shape=(8, 12))``."""
    return lambda n, shape=(8, 12): torch.bernoulli(torch.full((n, *shape), 0.4, dtype=torch.float64))


@pytest.fixture(params=ARCHITECTURES)
def architecture(request):
    return request.param

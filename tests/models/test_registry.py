import pytest
import torch

from rdplane import architectures
from rdplane.errors import UserError
from rdplane.models import registry
from rdplane.models.deconv import DeconvDecoder
from rdplane.models.encoder import ConvEncoder, FlowEncoder
from rdplane.models.marginal import FlowMarginal, GaussianMarginal, VampPrior
from rdplane.models.pixelcnn import PixelCNN


@pytest.mark.parametrize("part", ["ENCODERS", "DECODERS", "MARGINALS"])
def test_every_symbol_has_a_factory(part):
    assert tuple(getattr(registry, part)) == getattr(architectures, part)


def test_there_are_twelve_architectures():
    assert len(set(architectures.ARCHITECTURES)) == 12


def test_name_is_encoder_decoder_marginal():
    assert architectures.parse("-+v") == architectures.Architecture(encoder="-", decoder="+", marginal="v")


def test_name_and_parts_are_inverse(architecture):
    assert str(architectures.parse(architecture)) == architecture


@pytest.mark.parametrize("name", ["", "-", "--x", "v--", "----", "−−−"])
def test_unknown_architecture_is_refused_with_the_list(name):
    with pytest.raises(UserError, match=r"'.*'.*---, --\+, --v"):
        architectures.parse(name)


@pytest.mark.parametrize("shape", [(27, 28), (28, 30), (0, 4), (2, 4)])
def test_sides_that_are_not_divisible_by_four_are_refused(tiny, shape):
    with pytest.raises(UserError, match=f"{shape[0]} x {shape[1]}.*divisible by 4"):
        tiny("---", shape)


@pytest.mark.parametrize("symbol", registry.ENCODERS)
def test_encoder_is_that_of_its_symbol(tiny, symbol):
    assert type(tiny(f"{symbol}--").encoder) is {"-": ConvEncoder, "+": FlowEncoder}[symbol]


@pytest.mark.parametrize("symbol", registry.DECODERS)
def test_decoder_is_that_of_its_symbol(tiny, symbol):
    assert type(tiny(f"-{symbol}-").decoder) is {"-": DeconvDecoder, "+": PixelCNN}[symbol]


@pytest.mark.parametrize("symbol", registry.MARGINALS)
def test_marginal_is_that_of_its_symbol(tiny, symbol):
    assert type(tiny(f"--{symbol}").marginal) is {"-": GaussianMarginal, "+": FlowMarginal, "v": VampPrior}[symbol]


def test_own_encoder_needs_a_symbol_and_a_factory(tiny, images, monkeypatch):
    class Shifted(ConvEncoder):
        def transform(self, u):
            return u + 1

        def base(self, z):
            return z - 1

    monkeypatch.setattr(architectures, "ARCHITECTURES", ("s-v",))
    monkeypatch.setitem(registry.ENCODERS, "s", lambda shape, sizes: Shifted(shape, sizes["latent"], sizes["width"]))
    model, x = tiny("s-v"), images(3)
    code = model.encode(x)
    torch.testing.assert_close(model.log_posterior(x, code.z), code.log_prob)

import sys

import pytest
import torch

from rdplane.declare import PIXELS, declared
from rdplane.declare.objects import imported
from rdplane.errors import UserError
from rdplane.experiment.architectures import ARCHITECTURES, simplest
from rdplane.models.likelihood import LEVELS
from rdplane.models.properties import CHECKS, SHAPE

PARTS = [part for parts in declared().parts.values() for part in parts.values() if part.codes]


IMAGES = {"binary": (6, 7), "grey": (6, 7), "colour": (6, 7, 3)}


@pytest.mark.parametrize("architecture", [*ARCHITECTURES, "q-q", "q+q", "0+-"])
@pytest.mark.parametrize("pixels", PIXELS)
def test_every_architecture_is_built_for_every_kind_of_pixels(tiny, architecture, pixels):
    model = tiny(architecture, IMAGES[pixels], pixels=pixels)
    stored = torch.randint(LEVELS[pixels], (2, *IMAGES[pixels]), dtype=torch.uint8)
    rate, distortion = model.rate_distortion(model.images(stored))
    assert rate.shape == distortion.shape == (2,)
    assert torch.isfinite(rate + distortion).all() and bool((distortion > 0).all())
    drawn = model.generate(2)
    assert drawn.shape == (2, *IMAGES[pixels])
    again = model.images((drawn * (LEVELS[pixels] - 1)).round().to(torch.uint8))
    torch.testing.assert_close(again, drawn, rtol=0, atol=1e-6)  # whole levels


@pytest.mark.parametrize("pixels", ["grey", "colour"])
def test_a_decoder_for_binary_images_is_refused_for_others(tiny, monkeypatch, pixels):
    class Binary:
        def __init__(self, shape, latent): ...

    monkeypatch.setattr(sys.modules["rdplane.models.build"], "imported", lambda part: Binary)
    with pytest.raises(UserError, match=f"models binary images, but these are {pixels}; expected .*likelihood"):
        tiny("---", IMAGES[pixels], pixels=pixels)


def architecture_with(part):
    return simplest(part.kind, part.symbol)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_part_is_of_the_class_that_its_declaration_names(tiny, part):
    assert type(getattr(tiny(architecture_with(part)), part.kind)) is imported(part)


@pytest.mark.parametrize("latent", [1, 3])
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_part_has_the_properties_that_are_checked_for_a_users_own(tiny, part, latent):
    CHECKS[part.kind](tiny(architecture_with(part), SHAPE, latent=latent), part.name)

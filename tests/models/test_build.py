import pytest

from rdplane.declare import declared
from rdplane.declare.objects import imported
from rdplane.errors import UserError
from rdplane.experiment.architectures import simplest
from rdplane.models.properties import CHECKS, SHAPE

PARTS = [part for parts in declared().parts.values() for part in parts.values() if part.codes]


@pytest.mark.parametrize("shape", [(27, 28), (28, 30), (0, 4), (2, 4)])
def test_sides_that_are_not_divisible_by_four_are_refused(tiny, shape):
    with pytest.raises(UserError, match=f"{shape[0]} x {shape[1]}.*divisible by 4"):
        tiny("---", shape)


def architecture_with(part):
    return simplest(part.kind, part.symbol)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_part_is_of_the_class_that_its_declaration_names(tiny, part):
    assert type(getattr(tiny(architecture_with(part)), part.kind)) is imported(part)


@pytest.mark.parametrize("latent", [1, 3])
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_part_has_the_properties_that_are_checked_for_a_users_own(tiny, part, latent):
    CHECKS[part.kind](tiny(architecture_with(part), SHAPE, latent=latent), part.name)

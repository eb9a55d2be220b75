import pytest
import torch
from torch.autograd.functional import jacobian

from rdplane.models.densities import standard_normal_log_prob
from rdplane.models.flow import AutoregressiveFlow


def flow(dimension, steps):
    """A flow far from the identity."""
    result = AutoregressiveFlow(dimension, steps, 2, 16).double()
    with torch.no_grad():
        for parameter in result.parameters():
            parameter.mul_(2)
    return result


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_log_determinant_is_zero(steps):
    bijection = flow(6, steps)
    derivative = jacobian(lambda x: bijection(x).sum(0), torch.randn(1, 6).double())[:, 0]
    assert abs(torch.linalg.slogdet(derivative).logabsdet.item()) < 1e-10


def test_jacobian_of_one_step_is_triangular_with_ones_on_the_diagonal():
    bijection = flow(6, 1)
    derivative = jacobian(lambda x: bijection(x).sum(0), torch.randn(1, 6).double())[:, 0]
    torch.testing.assert_close(derivative.triu(), torch.eye(6).double())


def test_last_step_is_not_permuted():
    bijection = flow(6, 3)
    last_input = []
    bijection.steps[-1].register_forward_pre_hook(lambda _, inputs: last_input.append(inputs[0]))
    y = bijection(torch.randn(4, 6).double())
    torch.testing.assert_close(y[:, 0], last_input[0][:, 0] + bijection.steps[-1].output.bias[0])


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_inverse_undoes_forward(steps):
    bijection = flow(6, steps)
    x = torch.randn(10, 6).double()
    torch.testing.assert_close(bijection.inverse(bijection(x)), x)


def test_forward_undoes_inverse():
    bijection = flow(6, 4)
    y = torch.randn(10, 6).double()
    torch.testing.assert_close(bijection(bijection.inverse(y)), y)


@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_density_integrates_to_one(direction):
    bijection = flow(2, 3)
    axis = torch.linspace(-14, 14, 561).double()
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        density = standard_normal_log_prob(getattr(bijection, direction)(grid)).exp()
    assert abs(density.sum().item() * (axis[1] - axis[0]).item() ** 2 - 1) < 1e-4


def test_flow_is_far_enough_from_the_identity_for_these_tests():
    x = torch.randn(100, 2).double()
    assert (flow(2, 3)(x) - x).std() > 0.5


def test_permutations_do_not_depend_on_the_global_seed():
    torch.manual_seed(1)
    first = AutoregressiveFlow(6, 4, 1, 8).permutations
    torch.manual_seed(2)
    assert first.equal(AutoregressiveFlow(6, 4, 1, 8).permutations)


def test_permutations_differ_between_steps():
    assert AutoregressiveFlow(64, 4, 1, 8).permutations.unique(dim=0).shape[0] == 3


def test_permutations_are_stored_with_the_weights():
    assert AutoregressiveFlow(6, 4, 1, 8).state_dict()["permutations"].shape == (3, 6)

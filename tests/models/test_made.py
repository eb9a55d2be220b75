import pytest
import torch
from torch.autograd.functional import jacobian

from rdplane.models.made import MADE

SIZES = [(1, 1, 4), (2, 1, 3), (5, 2, 64), (8, 3, 5)]


@pytest.mark.parametrize(("dimension", "layers", "units"), SIZES)
def test_output_depends_on_earlier_inputs_only(dimension, layers, units):
    made = MADE(dimension, layers, units).double()
    derivative = jacobian(lambda x: made(x).sum(0), torch.randn(20, dimension).double())
    assert derivative.abs().amax(1).triu().max() == 0


def test_output_depends_on_every_earlier_input():
    made = MADE(5, 2, 64).double()
    derivative = jacobian(lambda x: made(x).sum(0), torch.randn(20, 5).double())
    assert (derivative.abs().amax(1) > 0).equal(torch.ones(5, 5).tril(-1).bool())


@pytest.mark.parametrize(("dimension", "layers", "units"), SIZES)
def test_solve_inverts_the_autoregressive_step(dimension, layers, units):
    made = MADE(dimension, layers, units).double()
    x = torch.randn(10, dimension).double()
    torch.testing.assert_close(made.solve(x + made(x)), x)


def test_solve_has_the_inverse_jacobian():
    made = MADE(4, 2, 16).double()
    x = torch.randn(1, 4).double()
    y = x + made(x)
    forward = jacobian(lambda x: (x + made(x)).sum(0), x)[:, 0]
    backward = jacobian(lambda y: made.solve(y).sum(0), y)[:, 0]
    torch.testing.assert_close(forward @ backward, torch.eye(4).double())


def test_parameters_of_the_paper_are_0_9_million():
    expected = (64 * 640 + 640) + 2 * (640 * 640 + 640) + (640 * 64 + 64)
    assert expected == 903_104
    assert sum(p.numel() for p in MADE(64, 3, 640).parameters()) == expected

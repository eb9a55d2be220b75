"""Adam with normalised gradients."""

import subprocess
import sys

import pytest
import torch

from rdplane.train.optimiser import NormalisedAdam


def quadratic(scale, normalise):
    torch.manual_seed(0)
    parameter = torch.nn.Parameter(torch.randn(5, dtype=torch.float64))
    optimiser = NormalisedAdam([parameter], normalise)
    for _ in range(7):
        (scale * (parameter - 1).square().sum()).backward()
        optimiser.step(0.1)
    return parameter.detach()


def test_plain_is_torch_adam():
    torch.manual_seed(0)
    parameter = torch.nn.Parameter(torch.randn(5, dtype=torch.float64))
    adam = torch.optim.Adam([parameter], lr=0.1)
    for _ in range(7):
        adam.zero_grad()
        (3 * (parameter - 1).square().sum()).backward()
        adam.step()
    torch.testing.assert_close(quadratic(3, False), parameter.detach())


def test_betas_are_adams():
    parameters = [torch.nn.Parameter(torch.ones(3, dtype=torch.float64)) for _ in range(2)]
    optimiser = NormalisedAdam(parameters[:1], False, betas=(0.8, 0.95))
    adam = torch.optim.Adam(parameters[1:], lr=0.1, betas=(0.8, 0.95))
    for step in range(5):
        for parameter in parameters:
            parameter.grad = torch.full_like(parameter, step - 1.5)
        optimiser.step(0.1)
        adam.step()
    torch.testing.assert_close(*parameters)


def test_normalised_is_adam_on_unit_gradients():
    torch.manual_seed(0)
    parameter = torch.nn.Parameter(torch.randn(5, dtype=torch.float64))
    adam = torch.optim.Adam([parameter], lr=0.1)
    for _ in range(7):
        adam.zero_grad()
        (3 * (parameter - 1).square().sum()).backward()
        parameter.grad /= parameter.grad.norm() + 1e-7
        adam.step()
    torch.testing.assert_close(quadratic(3, True), parameter.detach())


def test_normalised_does_not_see_the_scale_of_the_loss():
    torch.testing.assert_close(quadratic(1, True), quadratic(1000, True), rtol=1e-5, atol=1e-6)


def test_returned_norm_is_not_finite_when_a_gradient_is_not():
    parameters = [torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(2))]
    optimiser = NormalisedAdam(parameters)
    parameters[0].grad, parameters[1].grad = torch.ones(2), torch.tensor([1.0, float("nan")])
    assert not torch.isfinite(optimiser.step(0.1))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_state_round_trip_continues_alike(layout):
    def run(restart):
        torch.manual_seed(1)
        parameter = torch.nn.Parameter(torch.randn(2, 3, 4, 5).contiguous(memory_format=layout))
        optimiser = NormalisedAdam([parameter])
        for step in range(6):
            if restart and step == 3:
                state = {key: value.clone().contiguous() for key, value in optimiser.state().items()}
                optimiser = NormalisedAdam([parameter])
                optimiser.load_state(state)
            (parameter**4).sum().backward()
            optimiser.step(0.05)
        return parameter.detach()

    assert torch.equal(run(True), run(False))


def test_loads_no_compiler():
    """torch's own class would, in every process."""
    program = (
        "import sys, torch\n"
        "from rdplane.train.optimiser import NormalisedAdam\n"
        "p = torch.nn.Parameter(torch.ones(2)); o = NormalisedAdam([p]); p.sum().backward(); o.step(0.1)\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0

"""One set of weights for a whole range of models: every weight a function of a number, folded in before a model runs.

The networks know nothing of it. A layer's weights W and biases b become g W and g b + s, with a gain g and a shift s
for each of its output channels (FiLM, Perez et al. 2018, arXiv:1709.07871, on what the layer gives before any gate). At
one value of the number this is an ordinary model of the same architecture: masks stay masks, causal layers causal, and
it costs what it costs without. So a rate-distortion curve is trained at once (Dosovitskiy and Djolonga 2020, "You Only
Train Once"; Bae et al. 2023, arXiv:2212.03905, do so for deconvolutional decoders and a Gaussian marginal).
"""

import copy
import math

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.conv import _ConvNd

from rdplane.models.vae import VAE

__all__ = ["HIDDEN", "Conditioned"]

HIDDEN = 32  # units of each hidden layer of the network that makes gains and shifts


class Conditioned(nn.Module):
    """A `VAE` whose weights depend on a positive number, the condition: the weight of the rate, in this project.

    With c the logarithm of the condition, shifted and scaled to mean 0 and variance 1 over the range, a small network
    h(c) of two hidden layers gives features (c, h(c)), and a matrix each layer's gains g = 2 sigmoid(.) and shifts. The
    matrices start at 0: at first the model is the one given, at every condition. Vectors that belong to no layer, such
    as the weights a of a VampPrior's components, become a + c a'; other tensors, such as its pseudo-inputs, are the
    same at all conditions.

    Args:
        model: freshly built; owned from then on.
        low, high: the range of the condition, 0 < low < high.

    Attributes:
        condition: of the next call, a scalar within the range; set it with `set`.
    """

    condition: Tensor

    def __init__(self, model: VAE, low: float, high: float):
        super().__init__()
        self.model = model
        self.low, self.high = low, high
        self.register_buffer("condition", torch.tensor(math.sqrt(low * high)), persistent=False)
        self.trunk = nn.Sequential(nn.Linear(1, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN), nn.SiLU())
        self.layers = _layers(model)
        channels = {name: model.get_parameter(f"{name}.weight").shape[dim] for name, dim in self.layers.items()}
        self.gains = nn.ParameterList(torch.zeros(1 + HIDDEN, count) for count in channels.values())
        biases = [f"{name}.bias" for name in self.layers]
        parameters = dict(model.named_parameters())
        self.shifted = [name for name in biases if name in parameters]
        self.shifts = nn.ParameterList(torch.zeros(1 + HIDDEN, len(parameters[name])) for name in self.shifted)
        own = {f"{name}.{ending}" for name in self.layers for ending in ("weight", "bias")}
        self.tilted = [name for name, p in parameters.items() if name not in own and p.dim() <= 1]
        self.tilts = nn.ParameterList(torch.zeros_like(parameters[name]) for name in self.tilted)

    @property
    def latent(self) -> int:
        """L, the dimensions of z."""
        return self.model.latent

    @property
    def pixels(self) -> str:
        """What the pixels of the images are: 'binary', 'grey' or 'colour'."""
        return self.model.pixels

    def images(self, stored: Tensor) -> Tensor:
        """As `VAE.images`."""
        return self.model.images(stored)

    def set(self, condition: float) -> None:
        """Choose the condition of the calls that follow.

        Raises:
            ValueError: it is outside of the range.
        """
        if not self.low <= condition <= self.high:
            raise ValueError(f"the condition is {condition:g}, expected a number from {self.low:g} to {self.high:g}")
        self.condition.fill_(condition)

    def rate_distortion(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As `VAE.rate_distortion`, of the model at the condition."""
        # A part that is registered under two names is swapped once: tied, it would keep what was folded.
        return functional_call(self.model, self.folded(self.condition), (x, noise), tie_weights=False)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Same as `rate_distortion`, for wrappers that call the module."""
        return self.rate_distortion(x, noise)

    def folded(self, condition: Tensor) -> dict[str, Tensor]:
        """The weights of the model at a condition, a scalar: those that depend on it, by name."""
        with torch.autocast(condition.device.type, enabled=False):  # small, and every weight hangs on it
            centre, spread = math.log(self.low * self.high) / 2, math.log(self.high / self.low) / math.sqrt(12)
            c = ((condition.log() - centre) / spread).reshape(1)
            features = torch.cat([c, self.trunk(c)])
            parameters = dict(self.model.named_parameters())
            tilts = zip(self.tilted, self.tilts, strict=True)
            found = {name: parameters[name] + c.squeeze() * tilt for name, tilt in tilts}
            for (name, dim), matrix in zip(self.layers.items(), self.gains, strict=True):
                weight, gain = parameters[f"{name}.weight"], 2 * torch.sigmoid(features @ matrix)
                found[f"{name}.weight"] = weight * gain.view([-1 if d == dim else 1 for d in range(weight.dim())])
                if f"{name}.bias" in parameters:
                    found[f"{name}.bias"] = parameters[f"{name}.bias"] * gain
            for name, matrix in zip(self.shifted, self.shifts, strict=True):
                found[name] = found[name] + features @ matrix
        return found

    @torch.no_grad()
    def at(self, condition: float) -> VAE:
        """The model at a condition, an ordinary one with weights of its own.

        Raises:
            ValueError: the condition is outside of the range.
        """
        self.set(condition)
        model = copy.deepcopy(self.model)
        model.load_state_dict(self.folded(self.condition), strict=False)  # the others are there already
        return model


def _layers(model: nn.Module) -> dict[str, int]:
    """Linear and convolutional layers by name -> the dimension of their weights that counts output channels."""
    return {
        name: int(getattr(module, "transposed", False))
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | _ConvNd)
        and isinstance(getattr(module, "weight", None), nn.Parameter)
        and getattr(module, "groups", 1) == 1
    }

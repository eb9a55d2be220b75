"""What every encoder, decoder and marginal must be, tested on tiny images in float64; for parts of one's own, too.

Each check raises `UserError` in one line that says what was found and what was expected.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn

from rdplane.errors import UserError
from rdplane.models.discrete_encoder import DiscreteEncoder
from rdplane.models.encoder import Encoder
from rdplane.models.latent import Latent
from rdplane.models.levels import index_of, value_of
from rdplane.models.vae import VAE

__all__ = ["CHECKS", "SHAPE", "check_decoder", "check_encoder", "check_marginal"]

SHAPE = (4, 4)  # 65,536 images in all: sums over them are exact
TOLERANCE = 1e-6
IMAGES = 5
CODES = 2**16  # codes in all, up to which a marginal is summed over them


def check_encoder(model: VAE, name: str) -> None:
    """Shapes, a positive scale, log e(z|x) that agrees with the draw, T that preserves volume, gradients.

    Of a discrete encoder: a scale of 0, codes of its levels alone, e(z|x) that is 1 there and 0 elsewhere, gradients.

    Args:
        model: in float64, for images of `SHAPE`, with the encoder in question.
        name: what a message calls it, its file included.
    """
    encoder, x = model.encoder, _images()
    _methods(encoder, name, ("forward", "encode", "draw", "log_prob"), "see rdplane.models.Encoder")
    if not isinstance(encoder, Encoder):
        raise UserError(f"{name} is no rdplane.models.Encoder; expected a subclass of it")
    found = encoder(x)
    expected = (IMAGES, model.latent)
    if not isinstance(found, tuple) or len(found) != 2:
        raise UserError(f"{name}: forward returned {_shown(found)}, expected mean and standard deviation, a pair")
    for what, value in zip(("mean", "standard deviation"), found, strict=True):
        _shape(value, expected, f"{name}: the {what} of forward(x)", "(images, latent)")
    if encoder.discrete:
        _discrete(encoder, x, name)
        return
    if not bool((found[1] > 0).all()):
        raise UserError(f"{name}: the standard deviation of forward(x) is not positive everywhere; expected it above 0")
    code = encoder.encode(x)
    _shape(code.z, expected, f"{name}: z", "(images, latent)")
    _shape(code.log_prob, (IMAGES,), f"{name}: log e(z|x)", "(images,)")
    _close(encoder.log_prob(x, code.z), code.log_prob, f"{name}: log_prob(x, z) at a z that encode(x) drew",
           "what encode said: `base` must undo `transform`")  # fmt: skip
    u = code.base[0].detach()
    jacobian = torch.autograd.functional.jacobian(lambda v: encoder.transform(v[None])[0], u)
    log_det = torch.linalg.slogdet(cast(Tensor, jacobian)).logabsdet
    _close(log_det, torch.zeros_like(log_det), f"{name}: log |det| of transform", "0: a map that preserves volume")
    _gradients(encoder, (code.z.square().sum() + code.log_prob.sum()), name)


def _discrete(encoder: Encoder, x: Tensor, name: str) -> None:
    if not isinstance(encoder, DiscreteEncoder):
        raise UserError(f"{name} says discrete = True; expected a subclass of rdplane.models.DiscreteEncoder")
    mean, scale = encoder(x)
    code = encoder.encode(x)
    levels = encoder.levels
    if not bool((scale == 0).all()):
        raise UserError(f"{name}: the standard deviation of a discrete code is not 0 everywhere; expected it to be")
    if not code.z.equal(mean) or not code.z.equal(value_of(index_of(code.z, levels).to(code.z), levels)):
        raise UserError(f"{name}: z has other values than its {levels} levels; expected those of levels.value_of")
    nothing = torch.zeros_like(code.log_prob)
    _shape(code.log_prob, (IMAGES,), f"{name}: log e(z|x)", "(images,)")
    _close(code.log_prob, nothing, f"{name}: log e(z|x) of a discrete code", "a probability of 1")
    _close(encoder.log_prob(x, code.z), nothing, f"{name}: log_prob(x, z) at the z of encode(x)", "a probability of 1")
    other = value_of((index_of(code.z, levels) + 1).remainder(levels).to(code.z), levels)
    if not bool((encoder.log_prob(x, other) == -torch.inf).all()):
        raise UserError(f"{name}: log_prob(x, z) is not -inf at a z that is not the code of x; expected it to be")
    _gradients(encoder, code.z.square().sum(), name)


def check_decoder(model: VAE, name: str) -> None:
    """Shapes, probabilities that add up to one over all images, samples that follow them, causality, gradients."""
    decoder = cast(Any, model.decoder)
    _methods(decoder, name, ("log_prob", "sample"), "see rdplane.models.Decoder")
    x, z = _images(), torch.randn(IMAGES, model.latent, dtype=torch.float64)
    found = decoder.log_prob(x, z)
    _shape(found, (IMAGES,), f"{name}: log_prob(x, z)", "(images,), summed over pixels")
    _gradients(decoder, found.sum(), name)
    space = torch.tensor(list(itertools.product((0.0, 1.0), repeat=SHAPE[0] * SHAPE[1])), dtype=torch.float64)
    space = space.view(-1, *SHAPE)
    with torch.no_grad():
        parts = [decoder.log_prob(part, z[:1].expand(len(part), -1)) for part in space.split(8192)]
    probability = torch.cat(parts).exp()
    _close(probability.sum(), torch.ones((), dtype=torch.float64), f"{name}: the sum of d(x|z) over all images", "1")
    draws = 2000
    with torch.no_grad():
        samples = decoder.sample(z[:1].expand(draws, -1))
    _shape(samples, (draws, *SHAPE), f"{name}: sample(z)", "(images, H, W)")
    if not bool(((samples == 0) | (samples == 1)).all()):
        raise UserError(f"{name}: sample(z) holds other values than 0 and 1; expected one binary draw of each image")
    mean = (probability[:, None, None] * space).sum(0)
    error = (samples.double().mean(0) - mean).abs() / ((mean * (1 - mean) / draws).sqrt() + 1e-3)
    if float(error.max()) > 6:
        raise UserError(
            f"{name}: samples have a pixel that is 1 in another share of draws than log_prob says (off by "
            f"{float(error.max()):.1f} standard errors); expected sample and log_prob to be of one distribution"
        )
    if hasattr(decoder, "logits") and _autoregressive(decoder):
        _causal(decoder, x[:1], z[:1], name)


def _autoregressive(decoder: Any) -> bool:
    return decoder.logits.__code__.co_argcount == 3  # self, x, z: its logits see the image


def _causal(decoder: Any, x: Tensor, z: Tensor, name: str) -> None:
    jacobian = torch.autograd.functional.jacobian(lambda image: decoder.logits(image, z), x)
    pixels = SHAPE[0] * SHAPE[1]
    seen = cast(Tensor, jacobian).reshape(pixels, pixels).triu() != 0  # of a pixel itself and later ones
    if bool(seen.any()):
        i, j = seen.nonzero()[0].tolist()
        raise UserError(f"{name}: the logit of pixel {i} depends on pixel {j}; expected only earlier ones, row by row")


def check_marginal(model: VAE, name: str) -> None:
    """Shapes, a density that integrates to one (of one latent dimension), samples that follow it, gradients.

    Of a discrete code: probabilities that add up to one over all codes, if these are few.
    """
    marginal = cast(Any, model.marginal)
    _methods(marginal, name, ("log_prob", "sample"), "see rdplane.models.Marginal")
    code = model.encode(_images())
    found = marginal.log_prob(code)
    _shape(found, (IMAGES,), f"{name}: log_prob(code)", "(codes,)")
    _close(marginal.log_prob(Latent(code.z)), found, f"{name}: log_prob of the same z without its encoder's base",
           "the same density")  # fmt: skip
    parameters = list(marginal.parameters()) if isinstance(marginal, nn.Module) else []
    if parameters:
        _gradients(marginal, found.sum(), name)
    draws = 4000
    with torch.no_grad():
        z = marginal.sample(draws)
    _shape(z, (draws, model.latent), f"{name}: sample(n)", "(n, latent)")
    if isinstance(model.encoder, DiscreteEncoder):
        _probabilities(marginal, model.encoder.levels, z, name)
    elif model.latent == 1:
        grid = torch.linspace(-40, 40, 80_001, dtype=torch.float64)[:, None]
        with torch.no_grad():
            density = torch.cat([marginal.log_prob(Latent(part)) for part in grid.split(4000)]).exp()
        total = torch.trapezoid(density, grid[:, 0])
        if abs(float(total) - 1) > 1e-3:
            raise UserError(f"{name}: the density integrates to {float(total):.4f}; expected 1")
        for share in (0.1, 0.5, 0.9):
            place = float(z.quantile(share))
            below = float(torch.trapezoid(density * (grid[:, 0] < place), grid[:, 0]))
            if abs(below - share) > 6 * math.sqrt(share * (1 - share) / draws):
                raise UserError(
                    f"{name}: {share:.0%} of the samples lie below {place:.3f}, where log_prob has {below:.1%} of its "
                    "mass; expected sample and log_prob to be of one distribution"
                )


def _probabilities(marginal: Any, levels: int, samples: Tensor, name: str) -> None:
    """m(z) adds up to one over all codes, and every level of every dimension is as frequent as it says."""
    latent = samples.shape[1]
    if levels**latent > CODES:
        return
    index = torch.tensor(list(itertools.product(range(levels), repeat=latent)))
    space = value_of(index.to(samples), levels)
    with torch.no_grad():
        probability = torch.cat([marginal.log_prob(Latent(part)) for part in space.split(8192)]).exp()
    _close(probability.sum(), torch.ones((), dtype=torch.float64), f"{name}: the sum of m(z) over all codes", "1")
    if not samples.equal(value_of(index_of(samples, levels).to(samples), levels)):
        raise UserError(f"{name}: sample(n) has other values than the {levels} levels; expected those alone")
    for level in range(levels):
        share = (probability[:, None] * (index == level)).sum(0)
        found = (index_of(samples, levels) == level).double().mean(0)
        error = (found - share).abs() / ((share * (1 - share) / len(samples)).sqrt() + 1e-3)
        if float(error.max()) > 6:
            raise UserError(
                f"{name}: samples have level {level} in another share of draws than log_prob says (off by "
                f"{float(error.max()):.1f} standard errors); expected sample and log_prob to be of one distribution"
            )


CHECKS = {"encoder": check_encoder, "decoder": check_decoder, "marginal": check_marginal}


def _images() -> Tensor:
    return torch.bernoulli(torch.full((IMAGES, *SHAPE), 0.4, dtype=torch.float64))


def _methods(part: Any, name: str, methods: tuple[str, ...], where: str) -> None:
    for method in methods:
        if not callable(getattr(part, method, None)):
            raise UserError(f"{name} has no method {method}; expected {', '.join(methods)} ({where})")


def _shape(value: Any, expected: tuple[int, ...], what: str, meaning: str) -> None:
    if not isinstance(value, Tensor) or tuple(value.shape) != expected:
        raise UserError(f"{what} is {_shown(value)}, expected a tensor of shape {expected}: {meaning}")
    if not bool(torch.isfinite(value).all()):
        raise UserError(f"{what} is not finite")


def _shown(value: Any) -> str:
    return f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


def _close(found: Tensor, expected: Tensor, what: str, meaning: str) -> None:
    if not torch.allclose(found.double(), expected.double(), atol=TOLERANCE, rtol=TOLERANCE):
        first = next(_differences(found, expected))
        raise UserError(f"{what} is {first[0]:.6g}, expected {first[1]:.6g}, {meaning}")


def _differences(found: Tensor, expected: Tensor) -> Iterator[tuple[float, float]]:
    for a, b in zip(found.flatten().tolist(), expected.expand_as(found).flatten().tolist(), strict=True):
        if not math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            yield a, b


def _gradients(part: nn.Module, value: Tensor, name: str) -> None:
    """Every parameter gets a finite gradient."""
    named = list(part.named_parameters())
    if not named:
        return
    gradients = torch.autograd.grad(value, [parameter for _, parameter in named], allow_unused=True, retain_graph=True)
    for (key, _), gradient in zip(named, gradients, strict=True):
        if gradient is None or not bool(torch.isfinite(gradient).all()):
            state = "no" if gradient is None else "no finite"
            raise UserError(f"{name}: the parameter {key} gets {state} gradient; expected every parameter to be used")

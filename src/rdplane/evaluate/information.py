"""How much a code tells about its image: a sandwich of I(X; Z) from the tractable e(z|x).

With images x_1 ... x_K and one code z_i ~ e(z|x_i) for each (Poole et al. 2019, https://arxiv.org/abs/1905.06922,
equations 12 to 14):

    lower = mean_i log e(z_i|x_i) - log 1/K sum_j e(z_i|x_j)
    upper = mean_i log e(z_i|x_i) - log q_i(z_i)

Over images drawn from p*(x), E[lower] <= I(X; Z) <= E[upper], where q_i is any normalised density made without image i.

- `lower` also estimates, without bias, how much the code tells about which of these K images was encoded. That is I
  under their empirical distribution, so it is never above log K, however much the code tells about the population.
- `upper` of Poole et al. has the leave-one-out mixture q_i(z) = 1/(K - 1) sum_{j != i} e(z|x_j). It is hundreds of nats
  loose when codes are narrow beside the distances between them (rates beyond about log K). Here the variance of each
  component is widened to scale^2 + (width spread)^2, with the spread of all codes; q_i stays normalised. Each half of
  the images chooses spread and width for the other half (0, Poole's own, is among the widths). So q_i stays independent
  of z_i, and the bound holds.

The rate is an upper bound as well, with m(z) in the place of q (equation 2 of the paper).

Every encoder gives log e(z_i|x_j) = log N(u_i; mean_j, scale_j) at the base u_i of z_i, because z = T(u) preserves
volume and is the same for all images. T is never inverted here. A discrete code has probabilities in place of
densities: see `rdplane.evaluate.confusion`.

Every image is in the denominators of all others, so the terms are not independent: standard errors are those of the
jackknife over images (`rdplane.evaluate.jackknife`). They hold the width fixed. Near log K all that is left to estimate
is how often a code is confused with that of another image, and the error of `lower` rests on the few images to which
this happens: its square is right on average, but where K (log K - lower) is below about 10 nats it is rough, and often
near 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rdplane.declare import Column, Key, Measure, ZeroOr
from rdplane.errors import UserError
from rdplane.evaluate.codes import encode
from rdplane.evaluate.confusion import code_bounds
from rdplane.evaluate.estimate import Estimate
from rdplane.evaluate.given import Given, Numbers
from rdplane.evaluate.jackknife import Jackknife
from rdplane.models.densities import gaussian_log_prob

if TYPE_CHECKING:
    from rdplane.models.vae import VAE

__all__ = ["WIDTHS", "Information", "measure", "mutual_information", "sandwich"]

MEASURE = Measure(
    name="information",
    title="bounds on I(X; Z)",
    computes="measure",
    columns=(
        Column(
            "mi_lower",
            "lower bound on I(X; Z), never above log mi_images: near that, it says no more, and its error rests on the "
            "few images whose codes are still confused",
            error=True,
        ),
        Column(
            "mi_upper",
            "upper bound on I(X; Z); R is another one, and of a discrete code mostly the only one",
            error=True,
        ),
        Column("mi_images", "images K of the two bounds", unit="", type="int64"),
    ),
    keys=(
        # The default is below a test set of 10,000: its K x K matrix would take 13 s on a core.
        Key("mi_images", ZeroOr(4), 2000, "K images for the bounds on I(X; Z), which see at most log K nats; 0: off"),
        "seed",
    ),
    off="mi_images",
    place=1,
)

WIDTHS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0)

_ROWS = 500  # of the K x K matrix at a time
_CHOOSING = 1000  # images of a half that choose the width


@dataclass(frozen=True)
class Information:
    """Bounds on I(X; Z) in nats.

    Attributes:
        lower, upper: the two estimates, nats; there is no upper one of a discrete code if one of the codes is in a
            single image.
        images: K.
        widths: the width of the upper bound's mixture for each half of the images.
    """

    lower: Estimate
    upper: Estimate | None
    images: int
    widths: tuple[float, float]

    @property
    def cap(self) -> float:
        """log K, which the lower bound cannot pass."""
        return math.log(self.images)

    @property
    def capped(self) -> bool:
        """Whether `lower` is within log 2 of the cap: a code is confused with less than one other image, and I may be
        far larger."""
        return self.lower.value > self.cap - math.log(2)


@torch.no_grad()
def mutual_information(model: "VAE", images: Tensor, widths: Sequence[float] = WIDTHS) -> Information:
    """Bounds on I(X; Z) of a trained model from one code per image.

    Args:
        images: (K, H, W[, 3]) as stored, levels of any type, in random order.
        widths: candidates for widening the upper bound's mixture; (0,) is the bound of Poole et al.

    Raises:
        UserError: fewer than 4 images.
    """
    mean, scale = encode(model, images)
    if model.encoder.discrete:
        _enough(len(mean))
        return Information(*code_bounds(mean), len(mean), (0.0, 0.0))
    base = model.encoder.draw(mean, scale).base
    # On the CPU: the matrix needs float64 (see `gaussian_mixture_log_prob`), which not every device has.
    return sandwich(base.cpu().double(), mean.cpu().double(), scale.cpu().double(), widths)


def measure(given: Given) -> Numbers:
    """The two bounds, from `mi_images` images at most."""
    information = mutual_information(given.model, given.images[given.choose(given.settings["mi_images"])])
    return {"mi_lower": information.lower, "mi_upper": information.upper, "mi_images": information.images}


def sandwich(base: Tensor, mean: Tensor, scale: Tensor, widths: Sequence[float] = WIDTHS) -> Information:
    """The bounds from K codes u_i ~ N(mean_i, scale_i).

    Args:
        base, mean, scale: u, its mean and its standard deviation, (K, L) each, float64.
        widths: see `mutual_information`.

    Raises:
        UserError: fewer than 4 codes.
    """
    count = len(base)
    _enough(count)
    if not base.shape[1]:  # no code: exactly nothing is known
        return Information(Estimate(0.0, 0.0), Estimate(0.0, 0.0), count, (widths[0], widths[0]))
    everything = torch.arange(count)
    jackknife = Jackknife(count)
    terms = _terms(everything, base, mean, scale, scale, leave_out=False, jackknife=jackknife)
    lower = Estimate(terms.mean().item(), jackknife.error(terms))
    terms, jackknife, chosen = torch.empty_like(terms), Jackknife(count), []
    for fold in (0, 1):
        other = everything[1 - fold :: 2][:_CHOOSING]
        spread, width = _choose(base[other], mean[other], scale[other], widths)
        rows = everything[fold::2]
        terms[rows] = _terms(rows, base, mean, scale, _widen(scale, width * spread), True, jackknife)
        chosen.append(width)
    upper = Estimate(terms.mean().item(), jackknife.error(terms))
    return Information(lower, upper, count, (chosen[0], chosen[1]))


def _enough(count: int) -> None:
    if count < 4:
        raise UserError(f"mutual information needs at least 4 images to compare, found {count}; set mi_images to 0")


def _choose(base: Tensor, mean: Tensor, scale: Tensor, widths: Sequence[float]) -> tuple[Tensor, float]:
    """The spread (L,) of these codes, and the width that gives their lowest bound."""
    spread, rows = base.std(0), torch.arange(len(base))
    bounds = [_terms(rows, base, mean, scale, _widen(scale, h * spread), leave_out=True).mean() for h in widths]
    return spread, widths[int(torch.stack(bounds).argmin())]


def _widen(scale: Tensor, by: Tensor) -> Tensor:
    return (scale.square() + by.square()).sqrt()


def _terms(
    rows: Tensor,
    base: Tensor,
    mean: Tensor,
    scale: Tensor,
    mixture_scale: Tensor,
    leave_out: bool,
    jackknife: Jackknife | None = None,
) -> Tensor:
    """Terms of a bound: log N(u_i; mean_i, scale_i) - log of the mean over j of N(u_i; mean_j, mixture_scale_j).

    Args:
        rows: (R,) indices of the images i whose terms are wanted.
        leave_out: whether j = i is left out of the mean; if not, `mixture_scale` must be `scale`.
        jackknife: counts these terms.

    Returns:
        The terms (R,), nats.
    """
    precision = mixture_scale**-2
    weighted, constant = mean * precision, (mean.square() * precision).sum(1) + 2 * mixture_scale.log().sum(1)
    terms = []
    for part in rows.split(_ROWS):
        u = base[part]
        # log-density of every component but for -L/2 log 2 pi, the square expanded into matrix products
        component = u @ weighted.T - 0.5 * (u.square() @ precision.T + constant)
        own = gaussian_log_prob(u, mean[part], scale[part]) + u.shape[1] / 2 * math.log(2 * math.pi)
        # The expanded square loses digits when scales are tiny; the image's own component, which then decides, has all.
        component[torch.arange(len(part)), part] = -torch.inf if leave_out else own
        total = component.logsumexp(1)
        terms.append(own - total + math.log(len(base) - leave_out))
        if jackknife is not None:
            jackknife.add(part, component, total)
    return torch.cat(terms)

"""How much a discrete code that is a function of the image tells about it: I(X; Z) = H(Z), from equal codes alone.

The bounds of `rdplane.evaluate.information` with e(z_i|x_j) = 1 where image j has the code of image i, else 0. Of K
images let n_i have the code of image i, itself included:

    lower = mean_i log K / n_i
    upper = mean_i log (K - 1) / (n_i - 1)

The lower one is the entropy of the codes' frequencies. The upper one is infinite once a code occurs in a single image,
as it does in all but the tiniest codes; widening, which helps with densities, has no meaning here. The rate is an upper
bound at any rate.
"""

import torch
from torch import Tensor

from rdplane.evaluate.estimate import Estimate
from rdplane.evaluate.jackknife import Jackknife

__all__ = ["code_bounds"]

_ROWS = 500  # of the K x K matrix at a time


def code_bounds(z: Tensor) -> tuple[Estimate, Estimate | None]:
    """The lower and the upper bound, nats, with the errors of the jackknife over images.

    Args:
        z: (K, L) one code for each of K images, K at least 4; equal codes are equal bits.

    Returns:
        lower, and upper or None where it is infinite.
    """
    _, place, counts = torch.unique(z.cpu(), dim=0, return_inverse=True, return_counts=True)
    lower = _bound(place, leave_out=False)
    return lower, _bound(place, leave_out=True) if int(counts.min()) > 1 else None


def _bound(place: Tensor, leave_out: bool) -> Estimate:
    """One of the two, from the number of each image's code."""
    count, jackknife, terms = len(place), Jackknife(len(place)), []
    for rows in torch.arange(count).split(_ROWS):
        component = (place[rows, None] == place).double().log()
        if leave_out:
            component[torch.arange(len(rows)), rows] = -torch.inf
        total = component.logsumexp(1)
        jackknife.add(rows, component, total)
        terms.append(torch.tensor(float(count - leave_out)).double().log() - total)
    found = torch.cat(terms)
    return Estimate(found.mean().item(), jackknife.error(found))

"""Standard error of a mean whose terms share their images.

Each of K images has a term, own_i - log sum_j e_ij, and is in the sums of all others. The delete-one jackknife leaves
out one image j at a time: its term goes, and every other term gains log sum_k e_ik - log sum_{k != j} e_ik.

What two images do only together is lost with the one and with the other, so that the jackknife counts it twice. Where
a code is confused with that of one other image at most, this is nearly everything, and the variance comes out twice as
large as it is. Efron and Stein (1981, The Jackknife Estimate of Variance, Annals of Statistics 9) subtract it once:

    se^2 = (sum_j (change_j - mean)^2 - sum_{j<k} (pair_jk - mean)^2) / (K (K - 1))

where change_j is what the sum of all terms loses with image j, and pair_jk what it loses with both of two images but
with neither alone.
"""

import math

import torch
from torch import Tensor

__all__ = ["Jackknife"]

_PROBES = 32


class Jackknife:
    """How far each image and each pair of images moves the sum of all terms.

    The K x K matrix of the pairs is never made: the mean of |matrix v|^2 over random signs v is its sum of squares
    (Hutchinson 1990). The signs are the same in every call.

    Args:
        count: K, at least 4.
    """

    def __init__(self, count: int):
        signs = torch.randint(2, (count, _PROBES), generator=torch.Generator().manual_seed(0)) * 2.0 - 1
        self._probes = torch.cat((torch.ones(count, 1), signs), 1).double()  # the ones give the mean of all pairs
        self._gain = torch.zeros(count, dtype=torch.float64)
        self._pairs = torch.zeros_like(self._probes)

    def add(self, rows: Tensor, component: Tensor, total: Tensor) -> None:
        """Count the terms of some images. Every image is counted once.

        Args:
            rows: (R,) indices i of these images.
            component: log e_ij, (R, K), float64; -inf where image j is not in the sum of i.
            total: log sum_j e_ij, (R,).
        """
        share = (component - total[:, None]).exp()
        gain = -torch.log1p(-share)
        # 1 - share has no digits where one component is nearly all of the sum: there the others are summed anew.
        top = component.argmax(1, keepdim=True)
        others = component.scatter(1, top, -torch.inf).logsumexp(1, keepdim=True)
        gain.scatter_(1, top, total[:, None] - others)
        own = torch.arange(len(rows)), rows
        share[own] = gain[own] = 0  # without image i there is no term i
        self._gain += gain.sum(0)
        # Of a pair j, k: what k is to term j and j to term k, which go with j and k anyway, and to third terms that see
        # both, to second order.
        self._pairs[rows] -= gain @ self._probes
        self._pairs -= gain.T @ self._probes[rows]
        self._pairs += share.T @ (share @ self._probes) - share.square().sum(0)[:, None] * self._probes

    def error(self, terms: Tensor) -> float:
        """Standard error of the mean of all terms (K,), in their unit."""
        ordered = len(terms) * (len(terms) - 1)
        change = terms - self._gain
        mean, signs = self._pairs[:, 0].sum() / ordered, self._probes[:, 1:]
        pairs = (self._pairs[:, 1:] - mean * (signs.sum(0) - signs)).square().sum(0).mean() / 2
        single = (change - change.mean()).square().sum()
        return math.sqrt((single - torch.minimum(pairs, single / 2)).item() / ordered)  # pairs are half of it at most

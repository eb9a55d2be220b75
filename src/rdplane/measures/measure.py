"""All measures of a trained cell that are switched on."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rdplane.measures.codes import choose
from rdplane.measures.columns import COLUMNS
from rdplane.measures.estimate import Estimate
from rdplane.measures.generative import Density, generative_bounds
from rdplane.measures.importance import nll_iw, with_control
from rdplane.measures.information import mutual_information
from rdplane.measures.probe import probe_accuracy
from rdplane.measures.units import active_units
from rdplane.models import VAE

__all__ = ["measure"]


def measure(
    model: VAE,
    images: Tensor,
    labels: NDArray[np.int64] | None,
    settings: Mapping[str, Any],
    neg_elbo: Tensor | None = None,
    density: Density | None = None,
) -> dict[str, float | int | None]:
    """Every measure of a trained model on its test images.

    Each measure starts from the seed anew, so that its numbers do not depend on which others are switched on.

    Arguments:
        images: (N, H, W) of any dtype.
        labels: (N,), or None.
        settings: the keys of `rdplane.measures.columns.DEFAULTS`; 0 images or samples switches a measure off.
        neg_elbo: (N,) -ELBO of every image, which makes `nll_iw` more precise (see `importance.with_control`).
        density: q(x) for `gen_upper` (see `generative.generative_bounds`).

    Returns:
        A value for each of `rdplane.measures.columns.COLUMNS`, None where its measure is off, not finite, or needs
        labels that are not there; nats an image but for counts and the accuracy.

    Raises:
        UserError: too few images for a measure.
    """
    seed, count = settings["seed"], len(images)
    results: dict[str, float | int | None] = dict.fromkeys(COLUMNS)

    def start(limit: int) -> Tensor:
        torch.manual_seed(seed)
        return choose(count, limit, seed)

    def put(name: str, estimate: Estimate | None) -> None:
        # A bound that overflows, as E far from the codes, must not cost the cell its other numbers.
        if estimate is not None and all(map(math.isfinite, estimate)):
            results[name], results[f"{name}_se"] = estimate

    if settings["mi_images"]:
        chosen = start(settings["mi_images"])
        information = mutual_information(model, images[chosen])
        put("mi_lower", information.lower)
        put("mi_upper", information.upper)
        results["mi_images"] = information.images
    if settings["iw_images"]:
        chosen = start(settings["iw_images"])
        values = nll_iw(model, images[chosen], settings["iw_samples"])
        put("nll_iw", with_control(values, chosen, neg_elbo))
        results["iw_samples"], results["iw_images"] = settings["iw_samples"], len(chosen)
    if settings["unit_images"]:
        results["active_units"] = active_units(model, images[start(settings["unit_images"])])
    if settings["probe_images"] and labels is not None:
        chosen = start(settings["probe_images"])
        put(
            "probe_accuracy",
            probe_accuracy(model, images[chosen], labels[chosen.numpy()], settings["probe_folds"], seed),
        )
    if settings["gen_samples"]:
        torch.manual_seed(seed)
        bounds = generative_bounds(model, settings["gen_samples"], settings["iw_samples"], density)
        put("gen_lower", bounds.lower)
        put("gen_upper", bounds.upper)
        results["gen_samples"] = settings["gen_samples"]
    return results

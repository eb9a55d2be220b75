"""The learning rate of every step: the paper's, or half a cosine after a warm-up."""

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["cosine", "learning_rate", "paper"]


def learning_rate(settings: Mapping[str, Any], epoch: int, step: int, steps: int) -> float:
    """The learning rate of the next step.

    Args:
        settings: the section `training` of a cell.
        epoch, step: epochs that are done, and steps of the one after them.
        steps: of an epoch.
    """
    peak, epochs = settings["learning_rate"], settings["epochs"]
    if settings["schedule"] == "cosine":
        return cosine(epoch * steps + step, peak, settings["warmup_steps"], epochs * steps)
    return paper(epoch + step / steps, peak, settings["constant_epochs"], epochs)


def paper(time: float, peak: float, constant_epochs: int, epochs: int) -> float:
    """`peak` for `constant_epochs`, then linear to 0 at `epochs` (Appendix F).

    Args:
        time: epochs trained so far, a fraction included.
        peak: the rate at first.
        constant_epochs: epochs at that rate.
        epochs: epochs in all.
    """
    if time <= constant_epochs:
        return peak
    return peak * max(0.0, (epochs - time) / (epochs - constant_epochs))


def cosine(made: int, peak: float, warmup_steps: int, steps: int) -> float:
    """Linear from 0 to `peak` over `warmup_steps`, then half a cosine to 0 (Loshchilov and Hutter 2017).

    Args:
        made: steps made so far.
        peak: the largest rate.
        warmup_steps: fewer than `steps`.
        steps: in all.
    """
    if made < warmup_steps:
        return peak * made / warmup_steps
    return peak * (1 + math.cos(math.pi * (made - warmup_steps) / (steps - warmup_steps))) / 2

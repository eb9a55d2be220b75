"""Learning rate and weight of the rate as functions of the training time, counted in epochs."""

__all__ = ["annealed_beta", "learning_rate"]


def learning_rate(time: float, peak: float, constant_epochs: int, epochs: int) -> float:
    """`peak` for `constant_epochs`, then linear to 0 at `epochs` (Appendix F).

    Args:
        time: epochs trained so far, a fraction within an epoch included.
    """
    if time <= constant_epochs:
        return peak
    return peak * max(0.0, (epochs - time) / (epochs - constant_epochs))


def annealed_beta(time: float, beta: float, anneal: int) -> float:
    """Weight of the rate: linear from 0 to `beta` over `anneal` epochs (Bowman et al. 2016), then `beta`."""
    return beta if time >= anneal else beta * time / anneal

"""The learning rate as a function of the training time, counted in epochs."""

__all__ = ["learning_rate"]


def learning_rate(time: float, peak: float, constant_epochs: int, epochs: int) -> float:
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

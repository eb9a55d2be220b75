"""The lines of reference that no filter moves: the true boundary where the density is known, and the prefix code."""

from typing import Any

from rdplane.figures.references import References, boundary, infeasible, places, prefix_code

__all__ = ["lines"]

_FAR = 100  # times the entropy: beyond any zoom


def lines(known: References) -> dict[str, dict[str, list[float]]]:
    """Name of the layer -> its corners in either view, and in the first: of those that there are.

    Layers are `infeasible`, all that is below the boundary, `boundary` and `prefix`.
    """
    found = {}
    if known.entropy is not None:
        value = known.entropy.value
        found = {"infeasible": infeasible(value, _FAR * value), "boundary": boundary(value, _FAR * value)}
    if known.prefix is not None:
        found["prefix"] = prefix_code(known.prefix)
    return {name: _columns(corners) for name, corners in found.items()}


def _columns(corners: list[tuple[float, float]]) -> dict[str, list[float]]:
    columns: dict[str, Any] = {"x": places(corners, "distortion")[0]}
    for view in ("distortion", "neg_elbo"):
        columns[f"y_{view}"] = places(corners, view)[1]
    return columns | {"y": columns["y_distortion"]}

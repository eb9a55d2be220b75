"""The toy's cells: every objective and seed of a configuration, one identity each. Needs neither torch nor scipy."""

from typing import Any

from rdplane.experiment import versions
from rdplane.files import digest

__all__ = ["expand"]

SOURCE = ("bins", "weights", "means", "sigma_ratio", "information")


def expand(toy: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """All toy cells of the section `toy` of a resolved configuration: file name without ending -> cell.

    A cell holds `source` (the data), `objective` ('optimal', 'beta' or 'rate_penalty'), `value`, `seed` and how it is
    trained; the hand-built optimal model comes first. Without a seed there is none: no toy model is asked for.
    """
    if not toy["seed"]:
        return {}
    shared = {
        "source": {key: toy[key] for key in SOURCE},
        "latents": toy["latents"],
        "version": versions.version("toy"),
    }
    cells = [shared | {"objective": "optimal", "value": None, "seed": None}]
    for objective, key in (("beta", "beta"), ("rate_penalty", "rate_penalty")):
        for value in sorted(set(toy[key])):
            for seed in sorted(set(toy["seed"])):
                trained = {"steps": toy["steps"], "learning_rate": toy["learning_rate"]}
                cells.append(shared | trained | {"objective": objective, "value": value, "seed": seed})
    return {_name(cell): cell for cell in cells}


def _name(cell: dict[str, Any]) -> str:
    if cell["objective"] == "optimal":
        return f"toy_optimal_{digest(cell)}"
    axis = "beta" if cell["objective"] == "beta" else "rate"
    return f"toy_{axis}{cell['value']:.10g}_seed{cell['seed']}_{digest(cell)}"

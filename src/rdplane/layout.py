"""Where every file of an experiment lies. The workflow and the command line both ask here."""

from functools import cached_property
from pathlib import Path
from typing import Any

from rdplane.cell import data_identity, expand, select
from rdplane.errors import UserError
from rdplane.files import digest
from rdplane.toy import cells as toy

__all__ = ["PLOTS", "SAMPLE_PLOTS", "TABLES", "TOY_PLOTS", "Layout"]

# Figures of an experiment: from the table (and histories), and sample grids whose cells the table decides.
PLOTS = ("rd_plane", "rd_plane_by_group", "elbo_rate", "training_curves", "probe_accuracy", "marginal_gap")
TABLES = ("best_elbo", "pareto", "best_by_architecture")
TOY_PLOTS = ("phase_diagram", "toy_models", "toy_curve")
SAMPLE_PLOTS = ("samples_betas", "samples_models", "samples_frontier", "samples_equal_elbo")


class Layout:
    """The files of one experiment below a results folder.

    Args:
        config: a resolved configuration.
        results: the results folder.
    """

    def __init__(self, config: dict[str, Any], results: str | Path = "results"):
        self.config = config
        self.results = Path(results)
        self.folder = self.results / config["experiment"]

    @cached_property
    def cells(self) -> dict[str, dict[str, Any]]:
        """Folder name -> resolved cell."""
        return expand(self.config)

    @cached_property
    def toy_cells(self) -> dict[str, dict[str, Any]]:
        """File name without ending -> toy cell."""
        return toy.expand(self.config["toy"])

    @property
    def toy(self) -> Path:
        return self.folder / "toy"

    @cached_property
    def images(self) -> Path:
        """The prepared images: ``<results>/data/<dataset>/images-<hash>.npz``, shared by all experiments."""
        return self.results / "data" / self.config["dataset"] / f"images-{digest(data_identity(self.config))}.npz"

    @property
    def downloads(self) -> Path:
        """Verified upstream files."""
        return self.results / "data" / "downloads"

    def cell(self, name: str) -> Path:
        return self.folder / "cells" / name

    @property
    def table(self) -> Path:
        return self.folder / "rd.csv"

    @property
    def missing(self) -> Path:
        """The cells of the grid that have no row in the table, and why."""
        return self.folder / "missing.csv"

    @property
    def figures(self) -> Path:
        return self.folder / "figures"

    @property
    def page(self) -> Path:
        """The interactive RD plane."""
        return self.folder / "rd_plane.html"

    @property
    def plots(self) -> list[str]:
        """Those of `PLOTS` that the evaluation measures and the dataset has labels for."""
        evaluation = self.config["evaluation"]
        off = set()
        if not evaluation["mi_images"]:
            off.add("marginal_gap")
        if not evaluation["probe_images"] or self.config["data"]["file"]:
            off.add("probe_accuracy")
        return [name for name in PLOTS if name not in off]

    @cached_property
    def grids(self) -> dict[str, list[str]]:
        """Figure name of each sample grid of the configuration -> names of the cells it shows.

        Raises:
            UserError: a selection matches no cell, or a name is one of `SAMPLE_PLOTS`.
        """
        grids = {}
        for name, selection in self.config["figures"]["sample_grids"].items():
            if f"samples_{name}" in SAMPLE_PLOTS:
                raise UserError(f"figures.sample_grids.{name}: a figure of this name exists already; choose another")
            grids[f"samples_{name}"] = select(self.cells, selection)
            if not grids[f"samples_{name}"]:
                raise UserError(
                    f"figures.sample_grids.{name} is {selection}, which selects no cell of the grid; "
                    "expected values that occur there: change it or remove it"
                )
        return grids

    def figure_settings(self, figure: str) -> dict[str, Any]:
        """What a figure depends on beside the table, samples and histories it draws."""
        shown = self.config["figures"]
        settings = {"note": shown["note"], "published": shown["published"]}
        return settings | ({"cells": self.grids[figure]} if figure in self.grids else {})

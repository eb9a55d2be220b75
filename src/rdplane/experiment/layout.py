"""Where every file of an experiment lies. The workflow and the command line both ask here."""

from functools import cached_property
from pathlib import Path
from typing import Any

from rdplane.declare.kinds import Figure
from rdplane.declare.registry import declared
from rdplane.errors import UserError
from rdplane.experiment import toy_cells, versions
from rdplane.experiment.architectures import parse
from rdplane.experiment.cells import data_identity, expand, is_measured, points_of, select, spelled
from rdplane.experiment.note import note_of
from rdplane.experiment.prefix import prefix_cells
from rdplane.experiment.teacher import TEACHER, teacher_of
from rdplane.files import digest

__all__ = ["CURVE_GAP", "PAPER", "PREFIX", "SELECTED", "TABLES", "Layout", "cell_of", "curve_of", "point_name"]

TABLES = ("best_elbo", "pareto", "best_by_architecture")  # the short tables of every experiment
CURVE_GAP = "curve_gap"  # a further one, of curves beside separate trainings
PAPER = "paper"  # another, of the paper's printed points beside ours
PREFIX = "prefix"  # another, of the code that is the first k pixels, and the file of a cell that has one
PRINTED = ("binarized_mnist", "omniglot")  # the data sets of which the paper prints points
SELECTED = "samples_selected"  # the figure behind every sample grid of a configuration


def point_name(cell: str, beta: float, rate: float | None = None) -> str:
    """What a point of the curve that a cell trained is called: ``vae-+v_curve0.05-1.25_seed0_1f2e3d4c@0.3``.

    Args:
        cell: name of the cell.
        beta: of the point.
        rate: for which the beta was searched, nats, if it was; the name then ends in ``@rate10``.
    """
    return f"{cell}@{beta:.10g}" if rate is None else f"{cell}@rate{rate:.10g}"


def cell_of(row: str) -> str:
    """The cell that trained a row of rd.csv, a model of its own or a point of a curve.

    Args:
        row: its `cell`.
    """
    return row.split("@")[0]


def curve_of(row: str) -> str:
    """A cell's name up to its seed: what all seeds of a curve share.

    Args:
        row: a `cell` of rd.csv.
    """
    return cell_of(row).rsplit("_seed", 1)[0]


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
        return toy_cells.expand(self.config["toy"])

    @property
    def toy(self) -> Path:
        return self.folder / "toy"

    @cached_property
    def images(self) -> Path:
        """The prepared images: ``<results>/data/<dataset>/images-<hash>.npz``, shared by all experiments."""
        return self.results / "data" / self.config["dataset"] / f"images-{digest(data_identity(self.config))}.npz"

    @cached_property
    def teacher(self) -> "Layout | None":
        """Where the teacher is trained, in the folder of the images that it draws; None for other data sets."""
        if self.config["dataset"] != TEACHER:
            return None
        layout = Layout(teacher_of(self.config).config, self.results)
        layout.folder = self.results / "data" / TEACHER
        return layout

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
    def settings(self) -> Path:
        """The resolved configuration of which the table was made."""
        return self.folder / "config.yaml"

    @property
    def figures(self) -> Path:
        return self.folder / "figures"

    @property
    def page(self) -> Path:
        """The interactive RD plane."""
        return self.folder / "rd_plane.html"

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """Names of the short tables.

        One compares curves with separate trainings, where the grid has both at a beta, one the paper's points with
        ours, where figures show them, and one has the prefix code, where a PixelCNN++ alone is trained.
        """
        points, separate = set(), set()
        for cell in self.cells.values():
            objective = cell["objective"]
            setting, asked = (cell["architecture"], cell["seed"]), points_of(self.config, objective)
            if asked is not None:
                points |= {(*setting, spelled(beta)) for beta in asked["betas"]}
            elif objective["name"] == "beta":
                separate.add((*setting, spelled(objective["value"])))
        gap = () if points.isdisjoint(separate) else (CURVE_GAP,)
        shown = self.config["figures"]["published"] and self.config["dataset"] in PRINTED
        prefix = (PREFIX,) if prefix_cells(self.cells) else ()
        return (*TABLES, *gap, *((PAPER,) if shown else ()), *prefix)

    @cached_property
    def plots(self) -> dict[str, Figure]:
        """The figures of this experiment: those declared that have something to draw, and the sample grids it asks for.

        A figure's measure is on, cells have its objective, and if it needs `gaps`, curves have separate trainings.
        """
        registry = declared()
        used = {(cell["architecture"], cell["objective"]["name"]) for cell in self.cells.values()}
        objectives = {objective for _, objective in used}
        plots = {
            name: figure
            for name, figure in registry.plots.items()
            if name != SELECTED
            and (not figure.measure or is_measured(self.config, registry.measures[figure.measure], used))
            and (not figure.objective or figure.objective in objectives)
            and ("gaps" not in figure.needs or CURVE_GAP in self.tables)
        }
        return plots | {name: registry.figures[SELECTED] for name in self.grids}

    @cached_property
    def grids(self) -> dict[str, list[str]]:
        """Figure name of each sample grid of the configuration -> names of the cells it shows.

        Raises:
            UserError: a selection matches no cell, or a figure of this name is declared.
        """
        grids = {}
        for key, selection in self.config["figures"]["sample_grids"].items():
            name = f"samples_{key}"
            if name in declared().figures:
                raise UserError(f"figures.sample_grids.{key}: a figure of this name exists already; choose another")
            grids[name] = select(self.cells, selection)
            if not grids[name]:
                raise UserError(
                    f"figures.sample_grids.{key} is {selection}, which selects no cell of the grid; "
                    "expected values that occur there: change it or remove it"
                )
        return grids

    @cached_property
    def looks(self) -> str:
        """A digest of how runs are named and marked: what drawings take from declarations of parts and objectives."""
        registry, cells = declared(), self.cells.values()
        used = {(kind, symbol) for cell in cells for kind, symbol in parse(cell["architecture"]).symbols.items()}
        parts = [registry.parts[kind][symbol] for kind, symbol in sorted(used)]
        objectives = [registry.objectives[name] for name in sorted({cell["objective"]["name"] for cell in cells})]
        shown = [[part.name, part.title, part.mark] for part in parts]
        return digest([shown, [[each.name, each.title, each.label, each.mark] for each in objectives]])

    @property
    def note(self) -> str | None:
        """The note of the configuration, or one made of its cells, for texts beside the figures."""
        note = self.config["figures"]["note"]
        return note_of(self.cells.values()) if note is None else note

    def figure_settings(self, name: str) -> dict[str, Any]:
        """What a figure depends on beside the table, samples and histories it draws, the source included."""
        shown = self.config["figures"]
        settings = {key: shown[key] for key in ("titles", "note", "published")}
        settings |= {"version": versions.fingerprint(versions.of(self.plots[name])), "title": self.plots[name].title}
        settings["looks"] = self.looks
        return settings | ({"cells": self.grids[name]} if name in self.grids else {})

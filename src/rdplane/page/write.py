"""Writing the page: the plot, the samples, the glue and Bokeh itself in one file that asks for nothing else."""

import hashlib
import json
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from bokeh.embed import json_item
from bokeh.resources import Resources

from rdplane.errors import UserError
from rdplane.experiment.architectures import place
from rdplane.experiment.layout import cell_of
from rdplane.figures import references, runs, style
from rdplane.figures.note import note_for
from rdplane.figures.samples import PointMissing, read_samples
from rdplane.files import write_text
from rdplane.page import columns, known, pictures, whole
from rdplane.page.plot import draw_plot
from rdplane.table.paper import published_points
from rdplane.table.rd import read_table

__all__ = ["write_page"]

# Images of a kind beside the plot, and the pixels of their longer side on the screen.
_IMAGES, _SIDE = 4, 56


def write_page(folder: Path, output: Path, note: str | None = None) -> None:
    """Write an experiment's runs as a web page: the RD plane to filter and zoom, with every run's samples.

    Args:
        folder: ``results/<experiment>``, with `rd.csv` and the cells' folders; cells without `samples.npz`, and points
            of curves that are not in it, are shown without images. Cells named in `missing.csv` are counted.
        output: the page, one HTML file, written whole or not at all.
        note: a line under the title; None for one made of the runs (see `rdplane.figures.note.note_for`).

    Raises:
        UserError: the table or samples are missing or damaged, there is no row, or the page cannot be written.
    """
    table = read_table(folder / "rd.csv")
    if table.empty:
        raise UserError(f"{folder / 'rd.csv'} has no rows, so there is nothing to draw; run the cells first")
    table = runs.in_grid_order(table)
    points = published_points(table["dataset"].iloc[0])
    limits = {"runs": columns.limits(table, points[:0]), "published": columns.limits(table, points)}
    first = limits["runs"]["distortion"]
    reference = references.references(table)
    curves, headings = columns.of_curves(table), columns.headings(table)
    plot = draw_plot(
        columns.of_runs(table), columns.of_settings(table), curves, whole.lines(table), columns.of_published(points),
        first, headings["anneal"], known.lines(reference),
    )  # fmt: skip
    slider = whole.slider(table)
    samples, images = _samples(folder, table)
    architectures = place([*table["architecture"], *points["architecture"]])
    content = {
        "plot": json_item(plot),
        "limits": limits,
        "labels": columns.VIEWS,
        "samples": samples,
        "images": images,
        "swatches": {name: pictures.swatch(name) for name in architectures},
    }
    if slider["stops"]:
        content["stops"] = slider["stops"]
    page = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = page.from_string(_part("page.html")).render(
        experiment=table["experiment"].iloc[0],
        subtitle=runs.describe(table),
        note=note_for(note, folder, table),
        footnotes=runs.footnotes(table, runs.read_missing(folder / "missing.csv")) + _beyond(table, first),
        choices=columns.choices(table),
        headings=headings,
        published=len(points),
        best=reference.entropy is None,
        references=references.texts(reference),
        curves=bool(curves["rate"]),
        generative=bool(table["gen_upper"].notna().any()),
        numbers=runs.symbols(table[~runs.on_curves(table)]),
        slider=slider,
        annealed=runs.annealed(table),
        dotted="dotted" in curves["dash"],
        ringed=not runs.apart_by_annealing(table).empty,
        overlays={
            {"x": "×"}.get(mark, mark): " or ".join(objective.title for objective in objectives)
            for mark, objectives in runs.overlays(table).items()
        },
        key=pictures.key(architectures),
        style=style,
        css=_part("page.css"),
        bokeh="\n".join(Resources(mode="inline", components=["bokeh"]).js_raw),
        glue=_part("page.js"),
        content=_json(content),
    )
    write_text(output, text)


def _part(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _json(content: dict[str, Any]) -> str:
    # Not sorted: Bokeh refers back to what came before. "<" only ever stands in texts, where its number is the same
    # character; so nothing can end the script around it.
    return json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _samples(folder: Path, table: pd.DataFrame) -> tuple[dict[str, Any], dict[str, str]]:
    """Cell -> names of its sheets and their size on the screen, and name -> sheet; equal data are stored once."""
    samples: dict[str, Any] = {}
    images: dict[str, str] = {}
    for cell in table["cell"]:
        if not (folder / "cells" / cell_of(cell) / "samples.npz").exists():
            continue
        try:
            arrays = read_samples(folder, cell)
        except PointMissing:
            continue
        height, width = arrays["data"].shape[1:3]
        shown: dict[str, Any] = {"zoom": max(1, round(_SIDE / max(height, width))), "draws": int(arrays["draws"])}
        for name, parts in (
            ("data", ("data",)),
            ("reconstruction", ("reconstruction_sample", "reconstruction_mean")),
            ("generation", ("generation_sample", "generation_mean")),
        ):
            sheet = pictures.sheet([np.asarray(arrays[part][:_IMAGES]) for part in parts])
            shown[name] = hashlib.sha256(sheet.encode()).hexdigest()[:12]
            images[shown[name]] = sheet
        samples[cell] = shown
    return samples, images


def _beyond(table: pd.DataFrame, limits: dict[str, tuple[float, float]]) -> list[str]:
    outside = table[(table["rate"] > limits["x"][1]) | (table["distortion"] > limits["y"][1])]
    return [f"{runs.counted_rows(outside)} beyond the axes; zoom out to see"] if len(outside) else []

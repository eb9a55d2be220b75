"""The plot of the page as a Bokeh figure: what is drawn, in which order, and how. `page.js` sets it in motion."""

from collections.abc import Iterable, Sequence
from typing import Any

from bokeh.core.properties import value
from bokeh.models import CDSView, ColumnDataSource, HoverTool, IndexFilter, Range1d
from bokeh.models.renderers import GlyphRenderer
from bokeh.plotting import figure

from rdplane.declare.registry import declared
from rdplane.figures import style
from rdplane.figures.references import INFEASIBLE, PREFIX

__all__ = ["draw_plot"]

_FONT = "system-ui, sans-serif"
_OVERLAYS = {"x": "x", "+": "cross"}  # an objective's mark -> Bokeh's marker


def draw_plot(
    runs: dict[str, Any],
    settings: dict[str, Any],
    curves: dict[str, Any],
    whole: dict[str, Any],
    published: dict[str, Any],
    limits: dict[str, tuple[float, float]],
    annealing: str,
    known: dict[str, Any] | None = None,
) -> figure:
    """Draw columns from `rdplane.page.columns` and `rdplane.page.whole` over the axes' `limits`.

    Every layer's data source and renderers carry a name, by which `page.js` finds them: sources `runs`, `settings`,
    `curves`, `published` (each with a filter `<name>_shown`), and `frontier`, `hull`, `diagonal`, `current`, `pinned`,
    empty at first; if there are whole curves, also `whole` (with a filter) and `stop`, their places at the slider's
    number.

    Args:
        annealing: what the column of that name is called.
        known: lines of reference (see `rdplane.page.known.lines`), each a source and renderer of its name.
    """
    plot = figure(
        name="plot",
        x_range=Range1d(start=limits["x"][0], end=limits["x"][1]),
        y_range=Range1d(start=limits["y"][0], end=limits["y"][1]),
        x_axis_label=style.RATE,
        y_axis_label=style.DISTORTION,
        tools="pan,wheel_zoom,box_zoom,reset,save",
        active_drag="pan",
        active_scroll="wheel_zoom",
        toolbar_location="above",
        sizing_mode="stretch_both",
        min_border_right=16,
        outline_line_color=None,
        # Frame by frame, so that 2,000 marks follow the pointer without a wait.
        lod_threshold=None,
    )
    plot.toolbar.logo = None
    _axes(plot)
    _references(plot, known or {})
    lines = {name: _source(name, {"x": [], "y": []}) for name in ("diagonal", "hull", "frontier")}
    plot.line(
        "x", "y", source=lines["diagonal"], name="draw_diagonal", color=style.FAINT, line_dash=[6, 4], line_width=1.4
    )
    plot.line("x", "y", source=lines["hull"], name="draw_hull", color="#b0b0b0", line_width=4, line_cap="round")
    plot.line("x", "y", source=lines["frontier"], name="draw_frontier", color="black", line_width=1.5)
    source, view = _filtered("curves", curves)
    plot.multi_line(
        "rate",
        "y",
        source=source,
        view=view,
        name="draw_curves",
        line_color="colour",
        line_dash="dash",
        line_alpha=0.75,
    )
    if whole["rate"]:
        source, view = _filtered("whole", whole)
        plot.multi_line(
            "rate", "y", source=source, view=view, name="draw_whole", line_color="colour", line_width="width",
            line_join="round", line_cap="round",
        )  # fmt: skip
    source, view = _filtered("settings", settings)
    errors: dict[str, Any] = {"source": source, "view": view, "name": "draw_errors", "line_color": style.INK}
    plot.segment("left", "y", "right", "y", line_alpha=0.7, **errors)
    plot.segment("rate", "low", "rate", "high", line_alpha=0.7, **errors)

    source, view = _filtered("runs", runs)
    drawn = _marks(plot, source, view, "draw_runs")
    for name, objective in declared().objectives.items():
        if objective.mark and name in runs["objective"]:
            of_it = _only(view, [other == name for other in runs["objective"]])
            plot.scatter(
                "rate", "y", source=source, view=of_it, name="draw_runs", marker=_OVERLAYS[objective.mark], size="size",
                line_color="black", line_width=1.2,
            )  # fmt: skip
    if any(runs["ringed"]):
        plot.scatter(
            "rate", "y", source=source, view=_only(view, runs["ringed"]), name="draw_runs", marker="circle", size=18,
            fill_color=None, line_color=style.INK, line_dash="dotted", line_width=1.6,
        )  # fmt: skip
    source, view = _filtered("published", published)
    printed = _marks(plot, source, view, "draw_published")
    plot.scatter(
        "rate", "y", source=source, view=view, name="draw_published", marker="circle", size=15, fill_color=None,
        line_color="black", line_width=1.2,
    )  # fmt: skip

    if whole["rate"]:
        plot.scatter(
            "x", "y", source=_source("stop", {"x": [], "y": []}), marker="circle", size=9.5, fill_color=style.INK,
            line_color="white", line_width=1.5,
        )  # fmt: skip
    chosen: dict[str, Any] = {name: [] for name in ("x", "y", "number", "across", "down")}
    plot.scatter(
        "x", "y", source=_source("current", chosen), marker="circle", size=19, fill_color=None,
        line_color=style.ACCENT, line_width=3,
    )  # fmt: skip
    pinned = _source("pinned", chosen)
    plot.scatter(
        "x", "y", source=pinned, marker="circle", size=19, fill_color=None, line_color=style.ACCENT, line_width=1.6
    )
    badge: dict[str, Any] = {"background_fill_color": style.ACCENT, "padding": 2, "border_radius": 6}
    plot.text(
        "x", "y", "number", source=pinned, x_offset="across", y_offset="down", text_align="center",
        text_baseline="middle", text_color="white", text_font=value(_FONT), text_font_size="12px",
        text_font_style="bold", **badge,
    )  # fmt: skip
    details = [("", "@parts"), (annealing, "@annealing"), ("Seed", "@seed")]
    if len(set(runs["precision"])) > 1:
        details.append(("Trained in", "@precision"))
    plot.add_tools(
        _hover([drawn], details),
        _hover([printed], (("Printed in", "@source of the paper"), ("Remark", "@note"))),
    )
    return plot


def _references(plot: figure, known: dict[str, Any]) -> None:
    """The grey below the boundary, the boundary and the prefix code, of each if it is there."""
    sources = {name: _source(name, columns) for name, columns in known.items()}
    if "infeasible" in sources:
        plot.patch(
            "x", "y", source=sources["infeasible"], name="draw_boundary", fill_color=INFEASIBLE, line_color=None,
            level="underlay",
        )  # fmt: skip
        plot.line("x", "y", source=sources["boundary"], name="draw_boundary", color="black", line_width=3)
    if "prefix" in sources:
        plot.line(
            "x", "y", source=sources["prefix"], name="draw_prefix", color=PREFIX, line_dash=[9, 3, 2, 3],
            line_width=1.5,
        )  # fmt: skip


def _axes(plot: figure) -> None:
    plot.grid.grid_line_color = "#eeeeee"
    for axis in plot.axis:
        axis.axis_label_text_font = axis.major_label_text_font = _FONT
        axis.axis_label_text_font_size, axis.major_label_text_font_size = "14px", "12px"
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_color = axis.major_label_text_color = style.INK
        axis.axis_line_color = axis.major_tick_line_color = style.FAINT
        axis.minor_tick_line_color = None
    plot.yaxis.name = "vertical"


def _source(name: str, columns: dict[str, Any]) -> ColumnDataSource:
    return ColumnDataSource(columns, name=name)


def _filtered(name: str, columns: dict[str, Any]) -> tuple[ColumnDataSource, CDSView]:
    return _source(name, columns), CDSView(filter=IndexFilter(name=f"{name}_shown"))


def _only(view: CDSView, chosen: Iterable[Any]) -> CDSView:
    """Of the entries that a view shows, those for which something true stands in `chosen`."""
    return CDSView(filter=view.filter & IndexFilter(indices=[index for index, true in enumerate(chosen) if true]))


def _marks(plot: figure, source: ColumnDataSource, view: CDSView, name: str) -> GlyphRenderer:
    at: dict[str, Any] = {"source": source, "name": name}
    form: dict[str, Any] = {"marker": "marker", "size": "size", "angle": "angle"}
    hollow = _only(view, source.data["outline_width"])
    plot.scatter(
        "rate", "y", fill_color="white", line_color=style.INK, line_width="outline_width", view=hollow, **form, **at
    )
    drawn = plot.scatter(
        "rate", "y", fill_color="fill", line_color="line", line_width="line_width", view=view, **form, **at
    )
    if any(source.data["inside"]):
        plot.scatter(
            "rate", "y", marker="inside", size="inside_size", color=style.INK, line_width=1.2,
            view=_only(view, source.data["inside"]), **at,
        )  # fmt: skip
    return drawn


def _hover(renderers: Sequence[GlyphRenderer], more: Sequence[tuple[str, str]]) -> HoverTool:
    # Bokeh escapes the values of columns. Where many runs lie on one another, three are enough to read.
    rows = [("Model", "@model, @label"), *more]
    rows += [("R", "@rate_text nats"), ("D", "@distortion_text nats"), ("−ELBO", "@neg_elbo_text nats")]
    return HoverTool(renderers=list(renderers), tooltips=rows, limit=3, visible=False)

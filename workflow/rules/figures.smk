# Figures, from the table and stored samples alone. Editing a figure's code or settings redraws it and trains nothing.

FIGURE = f"{LAYOUT.figures}/{{figure}}"
NAMES = [*PLOTS, *GRIDS]
FIGURES = [f"{LAYOUT.figures}/{name}.{kind}" for name in NAMES for kind in ("png", "pdf")]


def figure_inputs(wildcards):
    """The table, and what else a figure draws: samples of the cells it shows, or the histories."""
    if wildcards.figure in GRIDS:
        return [LAYOUT.table, *expand(f"{CELL}/samples.npz", cell=GRIDS[wildcards.figure])]
    if wildcards.figure == "training_curves":
        return [LAYOUT.table, *expand(f"{CELL}/history.csv", cell=CELLS)]
    return [LAYOUT.table]


def figure_settings(wildcards):
    """All that a figure depends on beside its inputs, the code that draws it included."""
    return canonical_json(LAYOUT.figure_settings(wildcards.figure) | {"code": code.fingerprint("figures")})


rule figure:
    input:
        figure_inputs,
    output:
        png=f"{FIGURE}.png",
        pdf=f"{FIGURE}.pdf",
    params:
        settings=figure_settings,
        folder=lambda wildcards, output: str(LAYOUT.folder),
    wildcard_constraints:
        figure="|".join(NAMES),
    log:
        f"{LOG}/figures/{{figure}}.log",
    shell:
        "{STEP} figure --name {wildcards.figure} --folder {params.folder:q} --settings {params.settings:q} --log {log:q}"

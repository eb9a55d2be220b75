# Figures, from the table and stored samples alone. Editing a figure's code or settings redraws it and trains nothing.

FIGURE = f"{LAYOUT.figures}/{{figure}}"
NAMES = [*PLOTS, *GRIDS]
FIGURES = [
    f"{LAYOUT.figures}/{name}.{kind}" for name in NAMES for kind in ("png", "pdf")
]


rule figure:
    input:
        figure_inputs,
    output:
        png=f"{FIGURE}.png",
        pdf=f"{FIGURE}.pdf",
    log:
        f"{LOG}/figures/{{figure}}.log",
    wildcard_constraints:
        figure="|".join(NAMES),
    conda:
        ENVIRONMENT
    params:
        settings=figure_settings,
        folder=lambda wildcards, output: str(LAYOUT.folder),
    shell:
        "python -m rdplane.step figure --name {wildcards.figure} --folder {params.folder:q} --settings {params.settings:q} --log {log:q}"

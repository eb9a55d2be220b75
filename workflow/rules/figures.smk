# Figures, from the table and stored samples alone. Editing a figure's source or settings redraws it and trains nothing.

FIGURE = f"{LAYOUT.figures}/{{figure}}"
FIGURES = [
    f"{LAYOUT.figures}/{name}.{kind}" for name in PLOTS for kind in ("png", "pdf")
]

PAGE = str(LAYOUT.page)


rule figure:
    input:
        figure_inputs,
    output:
        png=report(
            f"{FIGURE}.png",
            caption="../report/figure.rst",
            category=figure_category,
            labels={"figure": "{figure}"},
        ),
        pdf=f"{FIGURE}.pdf",
    log:
        f"{LOG}/figures/{{figure}}.log",
    wildcard_constraints:
        figure="|".join(PLOTS),
    conda:
        ENVIRONMENT
    params:
        settings=lambda wildcards: canonical_json(
            LAYOUT.figure_settings(wildcards.figure)
        ),
        folder=lambda wildcards, output: str(LAYOUT.folder),
        caption=lambda wildcards, output: PLOTS[wildcards.figure].caption,
    shell:
        "python -m rdplane.commands.step figure --name {wildcards.figure} --folder {params.folder:q} --settings {params.settings:q} --log {log:q}"


# The RD plane to explore: one file that opens from disk without a network.
rule page:
    input:
        LAYOUT.table,
        expand(f"{CELL}/samples.npz", cell=CELLS),
    output:
        report(PAGE, caption="../report/page.rst", category="Interactive RD plane"),
    log:
        f"{LOG}/page.log",
    conda:
        ENVIRONMENT
    params:
        settings=drawn("page"),
        folder=lambda wildcards, output: str(LAYOUT.folder),
    shell:
        "python -m rdplane.commands.step page --folder {params.folder:q} --settings {params.settings:q} --log {log:q}"


# Training curves of one cell, on demand: snakemake results/<experiment>/cells/<cell>/training.png
rule cell_figure:
    input:
        LAYOUT.table,
        f"{CELL}/history.csv",
    output:
        f"{CELL}/training.png",
        f"{CELL}/training.pdf",
    log:
        f"{LOG}/figures/training/{{cell}}.log",
    conda:
        ENVIRONMENT
    params:
        settings=drawn("cell figure"),
        folder=lambda wildcards, output: str(LAYOUT.folder),
    shell:
        "python -m rdplane.commands.step cell_figure --folder {params.folder:q} --cell {wildcards.cell:q}"
        " --settings {params.settings:q} --log {log:q}"

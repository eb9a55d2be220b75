# Figures, from the table and stored samples alone. Editing a figure's code or settings redraws it and trains nothing.

FIGURE = f"{LAYOUT.figures}/{{figure}}"
NAMES = [*LAYOUT.plots, *SAMPLE_PLOTS, *GRIDS]
FIGURES = [
    f"{LAYOUT.figures}/{name}.{kind}" for name in NAMES for kind in ("png", "pdf")
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
        figure="|".join(NAMES),
    conda:
        ENVIRONMENT
    params:
        settings=figure_settings,
        folder=lambda wildcards, output: str(LAYOUT.folder),
    shell:
        "python -m rdplane.step figure --name {wildcards.figure} --folder {params.folder:q} --settings {params.settings:q} --log {log:q}"


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
        settings=canonical_json(
            {"note": CONFIG["figures"]["note"], "code": code.fingerprint("page")}
        ),
        folder=lambda wildcards, output: str(LAYOUT.folder),
    shell:
        "python -m rdplane.step page --folder {params.folder:q} --settings {params.settings:q} --log {log:q}"


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
        settings=canonical_json(
            {"note": CONFIG["figures"]["note"], "code": code.fingerprint("figures")}
        ),
        folder=lambda wildcards, output: str(LAYOUT.folder),
    shell:
        "python -m rdplane.step cell_figure --folder {params.folder:q} --cell {wildcards.cell:q}"
        " --settings {params.settings:q} --log {log:q}"

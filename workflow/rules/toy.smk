# The toy model of Section 4, exact: a cell for each objective and seed, their table, Figures 1 and 2 and the toy's RD curve.

TOY = LAYOUT.toy
TOY_CELLS = LAYOUT.toy_cells
TOY_PLOTS = list(declared().toy_plots)
TOY_RECORDS = expand(f"{TOY}/cells/{{toy}}.npz", toy=TOY_CELLS)
TOY_KEY = digest([list(TOY_CELLS)], 16)

# Before any job, and only while some toy cell is still to be trained: the check has to solve for the data.
if not all(map(os.path.exists, TOY_RECORDS)):
    from rdplane.toy.run import check

    try:
        check(CONFIG["toy"])
    except UserError as error:
        sys.exit(f"error: {error}")  # one line, no traceback


wildcard_constraints:
    toy=r"toy_[^/]+",


rule toy:
    input:
        # Nothing where the configuration asks for no toy model.
        (
            [
                f"{TOY}/toy.csv",
                expand(
                    f"{TOY}/figures/{{figure}}.{{kind}}",
                    figure=TOY_PLOTS,
                    kind=["png", "pdf"],
                ),
            ]
            if TOY_CELLS
            else []
        ),


rule toy_cell:
    output:
        f"{TOY}/cells/{{toy}}.npz",
    log:
        f"{LOG}/toy/{{toy}}.log",
    conda:
        ENVIRONMENT
    params:
        cell=lambda wildcards: canonical_json(TOY_CELLS[wildcards.toy]),
    shell:
        "python -m rdplane.commands.step toy_cell --cell {params.cell:q} --output {output:q} --log {log:q}"


rule toy_table:
    input:
        TOY_RECORDS,
    output:
        f"{TOY}/toy.csv",
        report(
            f"{TOY}/summary.csv",
            caption="../report/toy_summary.rst",
            category="Toy model",
        ),
    log:
        f"{LOG}/toy_table.log",
    conda:
        ENVIRONMENT
    params:
        key=TOY_KEY + versions.fingerprint("toy tables"),
        config=lambda wildcards, output: SETTINGS,
        folder=lambda wildcards, output: str(TOY),
    shell:
        "python -m rdplane.commands.step toy_table --config {params.config:q} --folder {params.folder:q} --log {log:q}"


rule toy_figure:
    input:
        TOY_RECORDS,
    output:
        png=report(
            f"{TOY}/figures/{{figure}}.png",
            caption="../report/toy.rst",
            category="Toy model",
            labels={"figure": "{figure}"},
        ),
        pdf=f"{TOY}/figures/{{figure}}.pdf",
    log:
        f"{LOG}/toy_figures/{{figure}}.log",
    wildcard_constraints:
        figure="|".join(TOY_PLOTS),
    conda:
        ENVIRONMENT
    params:
        key=lambda wildcards: digest(
            [
                TOY_KEY,
                versions.fingerprint(f"figure {wildcards.figure}"),
                CONFIG["figures"]["titles"],
            ],
            16,
        ),
        caption=lambda wildcards, output: declared().toy_plots[wildcards.figure].caption,
        config=lambda wildcards, output: SETTINGS,
        folder=lambda wildcards, output: str(TOY),
    shell:
        "python -m rdplane.commands.step toy_figure --config {params.config:q} --folder {params.folder:q} --name {wildcards.figure} --log {log:q}"

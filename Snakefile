# Fixing a Broken ELBO as a workflow: images -> cells -> table -> figures.
#
#   snakemake --cores 2                                                     the quick grid of config.yaml
#   snakemake --cores 8 --resources gpu=2 --configfile workflow/presets/paper_mnist.yaml
#   snakemake --workflow-profile profiles/slurm --configfile ...            on a cluster: docs/cluster.md


report: "workflow/report/methods.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/aggregate.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/toy.smk"


# On a cluster these run where Snakemake does: each takes seconds, and only the login node may have an internet.
localrules:
    all,
    aggregate,
    tables,
    figure,
    cell_figure,
    page,
    toy,
    toy_cell,
    toy_table,
    toy_figure,


rule all:
    default_target: True
    input:
        # Every cell by name: new cells are then never missed, whatever Snakemake remembers.
        expand(METRICS, cell=CELLS),
        LAYOUT.table,
        TABLE_FILES,
        FIGURES,
        PAGE,
        rules.toy.input,


# What the run sets out to make, for `rdplane status` and for whoever started it.
onstart:
    record(LAYOUT)
    _announce()


# The end of a run in one line; after failures also a table and plots of the cells that are finished.
onsuccess:
    shell(
        "python -m rdplane.commands.step summary --config {SETTINGS:q} --results {RESULTS:q}"
    )


onerror:
    forget(rules.aggregate.output)
    shell(
        "python -m rdplane.commands.step summary --failed --config {SETTINGS:q} --results {RESULTS:q}"
    )

# The table that everything else is drawn from: one row per cell.

from rdplane.table.rd import columns

TABLE_FILES = [
    f"{LAYOUT.folder}/tables/{name}.{kind}"
    for name in LAYOUT.tables
    for kind in ["csv", "md"]
]

# The report shows the cells without a result where there are any.
SOME_MISSING = (
    LAYOUT.missing.exists() and len(LAYOUT.missing.read_text().splitlines()) > 1
)


rule aggregate:
    input:
        expand(METRICS, cell=CELLS),
    output:
        table=report(LAYOUT.table, caption="../report/rd.rst", category="Tables"),
        missing=(
            report(
                LAYOUT.missing,
                caption="../report/missing.rst",
                category="Cells without a result",
            )
            if SOME_MISSING
            else LAYOUT.missing
        ),
        config=LAYOUT.settings,
    log:
        f"{LOG}/aggregate.log",
    conda:
        ENVIRONMENT
    params:
        # A cell removed from the grid changes no input's date: the list itself must be a trigger.
        cells=digest(
            [
                list(CELLS),
                sorted([*kind, EVALUATION[kind]] for kind in EVALUATION),
                list(columns()),
                versions.version("table"),
            ],
            16,
        ),
        config=lambda wildcards, output: SETTINGS,
        results=lambda wildcards, output: str(LAYOUT.results),
    shell:
        "python -m rdplane.commands.step aggregate --config {params.config:q} --results {params.results:q} --log {log:q}"


# Short tables for people: the best ELBO, the Pareto set, the best run of each architecture, and where the grid has both,
# curves beside separate trainings, and the prefix code. The numbers per image that these are compared by are no older than the table.
rule tables:
    input:
        LAYOUT.table,
        expand(PREFIX_FILE, cell=PREFIX_CELLS),
    output:
        report(
            [path for path in TABLE_FILES if path.endswith(".csv")],
            caption="../report/table.rst",
            category="Tables",
        ),
        [path for path in TABLE_FILES if path.endswith(".md")],
    log:
        f"{LOG}/tables.log",
    conda:
        ENVIRONMENT
    params:
        version=versions.fingerprint("short tables"),
        folder=lambda wildcards, output: str(LAYOUT.folder),
        names=canonical_json(list(LAYOUT.tables)),
    shell:
        "python -m rdplane.commands.step tables --folder {params.folder:q} --names {params.names:q} --log {log:q}"

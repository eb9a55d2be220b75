# The table that everything else is drawn from: one row a cell.


rule aggregate:
    input:
        expand(METRICS, cell=CELLS),
    output:
        table=LAYOUT.table,
        missing=LAYOUT.missing,
    log:
        f"{LOG}/aggregate.log",
    conda:
        ENVIRONMENT
    params:
        # A cell removed from the grid changes no input's date: the list itself must be a trigger.
        cells=digest(
            [list(CELLS), evaluation_settings(CONFIG), code.fingerprint("aggregate")],
            16,
        ),
        config=lambda wildcards, output: SETTINGS,
        results=lambda wildcards, output: str(LAYOUT.results),
    shell:
        "python -m rdplane.step aggregate --config {params.config:q} --results {params.results:q} --log {log:q}"

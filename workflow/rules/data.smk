# The images of the experiment, downloaded or read, checked, binarised, split and packed.


rule prepare_data:
    output:
        IMAGES,
    log:
        f"{LOG}/prepare_data.log",
    conda:
        ENVIRONMENT
    params:
        config=lambda wildcards, output: SETTINGS,
    shell:
        "python -m rdplane.commands.step prepare_data --config {params.config:q} --output {output:q} --log {log:q}"

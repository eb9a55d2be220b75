# The images of the experiment, downloaded or read, checked, binarised, split and packed.


rule prepare_data:
    output:
        IMAGES,
    params:
        config=lambda wildcards, output: SETTINGS,
    log:
        f"{LOG}/prepare_data.log",
    shell:
        "{STEP} prepare_data --config {params.config:q} --output {output:q} --log {log:q}"

# Test-set rate and distortion of every cell, and samples of those that a figure shows.


rule evaluate:
    input:
        model=f"{CELL}/model.safetensors",
        summary=f"{CELL}/train.json",
        images=ancient(IMAGES),
    output:
        METRICS,
    log:
        f"{LOG}/evaluate/{{cell}}.log",
    conda:
        ENVIRONMENT
    threads: threads_of
    resources:
        gpu_place=gpu_place_of,
        mem_mb=cell_megabytes,
        runtime=cell_minutes,
    params:
        evaluation=of_cell(EVALUATION),
        points=points,
        folder=lambda wildcards, input: str(Path(input.model).parent),
        compute=lambda wildcards, threads: compute(wildcards.cell, threads),
    shell:
        "exec python -m rdplane.commands.step evaluate --folder {params.folder:q} --images {input.images:q} --output {output:q}"
        " --evaluation {params.evaluation:q} --points {params.points:q} --compute {params.compute:q} --log {log:q}"


# The code that is the first k pixels, of cells that are a PixelCNN++ alone.
rule prefix:
    input:
        model=f"{CELL}/model.safetensors",
        summary=f"{CELL}/train.json",
        images=ancient(IMAGES),
    output:
        PREFIX_FILE,
    log:
        f"{LOG}/prefix/{{cell}}.log",
    conda:
        ENVIRONMENT
    threads: threads_of
    resources:
        gpu_place=gpu_place_of,
        mem_mb=cell_megabytes,
        runtime=cell_minutes,
    params:
        settings=canonical_json(prefix_settings(CONFIG)),
        folder=lambda wildcards, input: str(Path(input.model).parent),
        compute=lambda wildcards, threads: compute(wildcards.cell, threads),
    shell:
        "exec python -m rdplane.commands.step prefix --folder {params.folder:q} --images {input.images:q} --output {output:q}"
        " --settings {params.settings:q} --compute {params.compute:q} --log {log:q}"


rule sample:
    input:
        model=f"{CELL}/model.safetensors",
        summary=f"{CELL}/train.json",
        images=ancient(IMAGES),
    output:
        f"{CELL}/samples.npz",
    log:
        f"{LOG}/sample/{{cell}}.log",
    conda:
        ENVIRONMENT
    threads: threads_of
    resources:
        gpu_place=gpu_place_of,
        mem_mb=cell_megabytes,
        runtime=cell_minutes,
    params:
        sampling=of_cell(SAMPLING),
        points=points,
        folder=lambda wildcards, input: str(Path(input.model).parent),
        compute=lambda wildcards, threads: compute(wildcards.cell, threads),
    shell:
        "exec python -m rdplane.commands.step sample --folder {params.folder:q} --images {input.images:q} --output {output:q}"
        " --sampling {params.sampling:q} --points {params.points:q} --compute {params.compute:q} --log {log:q}"

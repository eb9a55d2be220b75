# One training job per cell. What decides its numbers is `params.cell`, one canonical JSON text.


rule train:
    input:
        # The name of the file carries the identity of the images: its date says nothing.
        images=ancient(IMAGES),
    output:
        f"{CELL}/model.safetensors",
        f"{CELL}/history.csv",
        f"{CELL}/train.json",
    log:
        f"{LOG}/train/{{cell}}.log",
    conda:
        ENVIRONMENT
    threads: threads_of
    resources:
        gpu_place=gpu_place_of,
        mem_mb=cell_megabytes,
        runtime=train_minutes,
    params:
        cell=lambda wildcards: canonical_json(CELLS[wildcards.cell]),
        folder=lambda wildcards, output: str(Path(output[0]).parent),
        compute=lambda wildcards, threads: compute(wildcards.cell, threads),
        # Measured and sampled in the same process, where torch is loaded; the rules for that find the results kept.
        measuring=lambda wildcards, threads: measuring(wildcards.cell),
    shell:
        "exec python -m rdplane.commands.step train --cell {params.cell:q} --images {input.images:q} --folder {params.folder:q}"
        " --compute {params.compute:q} --measuring {params.measuring:q} --log {log:q}"

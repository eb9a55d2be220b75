# The images of the experiment, downloaded or read, checked, binarised, split and packed; or drawn from a teacher that is
# trained first.

if LAYOUT.teacher is None:

    localrules:
        prepare_data,

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

else:
    (TEACHER,) = LAYOUT.teacher.cells

    localrules:
        teacher_images,

    # The images on which the teacher is trained.
    rule teacher_images:
        output:
            str(LAYOUT.teacher.images),
        log:
            f"{LOG}/teacher_images.log",
        conda:
            ENVIRONMENT
        params:
            config=lambda wildcards, output: canonical_json(LAYOUT.teacher.config),
        shell:
            "python -m rdplane.commands.step prepare_data --config {params.config:q} --output {output:q} --log {log:q}"

    rule teacher:
        input:
            images=ancient(str(LAYOUT.teacher.images)),
        output:
            f"{LAYOUT.teacher.cell(TEACHER)}/model.safetensors",
            f"{LAYOUT.teacher.cell(TEACHER)}/train.json",
        log:
            f"{LOG}/teacher.log",
        conda:
            ENVIRONMENT
        threads: CONFIG["compute"]["threads"]
        resources:
            gpu_place=gpu_place(CONFIG["compute"]["device"]),
            mem_mb=cell_megabytes,
            runtime=lambda wildcards, attempt: attempt
            * round(10 + epochs_minutes(LAYOUT.teacher.cells[TEACHER])),
        params:
            cell=canonical_json(LAYOUT.teacher.cells[TEACHER]),
            folder=lambda wildcards, output: str(Path(output[0]).parent),
            compute=lambda wildcards, threads: canonical_json(
                compute_settings(LAYOUT.teacher.config, "0+-") | {"threads": threads}
            ),
        shell:
            "exec python -m rdplane.commands.step train --cell {params.cell:q} --images {input.images:q} --folder {params.folder:q}"
            " --compute {params.compute:q} --log {log:q}"

    rule draw_images:
        input:
            ancient(f"{LAYOUT.teacher.cell(TEACHER)}/train.json"),
        output:
            IMAGES,
        log:
            f"{LOG}/draw_images.log",
        conda:
            ENVIRONMENT
        resources:
            gpu_place=gpu_place(CONFIG["compute"]["device"]),
            mem_mb=cell_megabytes,
            runtime=lambda wildcards, attempt: attempt * 60,
        params:
            config=lambda wildcards, output: SETTINGS,
            folder=lambda wildcards, input: str(Path(input[0]).parent),
        shell:
            "python -m rdplane.commands.step draw_images --config {params.config:q} --folder {params.folder:q} --output {output:q}"
            " --log {log:q}"

"""How many jobs run at once on this machine: `--resources gpu=N` counts GPUs, whatever the number of cells on each."""

import re


def first_jobs(project, *options, **environment):
    """How many trainings Snakemake starts at first, with four cores and one GPU for its four cells."""
    project.config["training"]["epochs"] = 1
    project.write()
    arguments = ["--cores", "4", "--resources", "gpu=1", "--until", "train", "--verbose"]
    run = project.snakemake(*arguments, *options, **environment)
    assert run.returncode == 0, run.stderr
    return int(re.search(r"^Execute (\d+) jobs", run.stderr + run.stdout, flags=re.M)[1])


def test_cells_that_share_a_gpu(project):
    project.config["compute"].update(device="auto", cells_per_gpu=2)
    assert first_jobs(project, CUDA_VISIBLE_DEVICES="0") == 2


def test_a_limit_on_jobs_makes_no_cluster(project):
    project.config["compute"].update(device="auto", cells_per_gpu=2)
    assert first_jobs(project, "--jobs", "4", CUDA_VISIBLE_DEVICES="0") == 2


def test_no_limit_without_a_gpu(project):
    assert first_jobs(project) == 4

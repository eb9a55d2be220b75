# All that touches what Snakemake does not promise to keep: one place to look when a new version breaks it. Tried with 9.27.


def _internal(path, why):
    """An attribute of Snakemake's `workflow` object; one line where this version has none."""
    place = workflow
    for name in path.split("."):
        if not hasattr(place, name):
            sys.exit(
                f"error: this Snakemake ({snakemake_version}) has no workflow.{path}, which rdplane needs {why}; "
                "install the version in envs/constraints.txt: pip install 'snakemake>=9.27,<10'"
            )
        place = getattr(place, name)
    return place


def forget(paths):
    """Let Snakemake forget how files were made, so that it makes them again.

    It takes a table for whole while the metrics are those that it once was made of, however old it is.
    """
    for path in paths:
        _internal("persistence.cleanup_metadata", "to make tables anew")(path)


def _is_main():
    return _internal("is_main_process", "to recover from crashes once per run")


def _on_cluster():
    """Whether jobs go to a batch system: then a job's own Snakemake says so, or the first one has nodes and no cores."""
    resources = _internal("global_resources", "to share GPUs out")
    nodes, cores = resources.get("_nodes"), resources.get("_cores")
    alone = cores is not None and cores.value is not None
    return bool(_internal("remote_exec", "to run on a cluster")) or bool(
        nodes is not None and nodes.value is not None and not alone
    )


def _offer_gpu_places(places):
    """How many places on GPUs there are: `--resources gpu=2` are two GPUs, each with compute.cells_per_gpu places.

    On a cluster the place is that of one batch job, in which Snakemake runs a group's steps one after another.
    """
    register = _internal("register_resource", "to share GPUs out")
    resources = _internal("global_resources", "to share GPUs out")
    if ON_CLUSTER:
        register("gpu_place", 1)
    elif "gpu" in resources:
        register("gpu_place", resources["gpu"].value * places)


def _announce():
    """Say what this run sets out to do, in one line; a display of it (the logger plugin) finds the same as data."""
    jobs = [
        (job.rule.name, ",".join(job.wildcards))
        for job in getattr(workflow.dag, "needrun_jobs", tuple)()
    ]
    cores = _internal("global_resources", "to share GPUs out").get("_cores")
    plan = agenda(
        plan_of(LAYOUT), jobs, None if ON_CLUSTER or cores is None else cores.value
    )
    logger.info(str(plan), extra={"rdplane": plan})
    training = any(kind == "train" for kind, _ in jobs)
    if training and not HAS_GPU and not ON_CLUSTER:
        if warning := warning_of(CELLS):
            print(warning, file=sys.stderr)

"""The tiny grid on a real SLURM with the shipped profile: whole, and after everything that ends a job or Snakemake."""

import json
import os
import re
import signal

import pandas as pd
import pytest
from slurm_grid import TABLE, slurm, states, until

pytestmark = pytest.mark.usefixtures("cluster")


def resumed(grid, cell):
    """Where a cell's restarts went on: (epochs, steps) of each."""
    lines = re.findall(r"going on from its checkpoint in epoch (\d+) of \d+, step (\d+) of", grid.log(cell))
    return [(int(epoch) - 1, int(step)) for epoch, step in lines]


def test_whole_grid_with_a_gpu_for_each_job(grid, undisturbed):
    grid.run()
    pd.testing.assert_frame_equal(grid.table(), undisturbed)
    results = grid.folder / "results/tiny"
    assert (results / "rd_plane.html").exists() and (results / "toy/figures/toy_models.png").exists()
    held, most, used = {}, 0, set()
    for line in sorted((grid.folder / "records").read_text().splitlines(), key=lambda line: float(line.split()[0])):
        _, what, process, device = line.split()
        if what == "end":
            del held[process]
        else:
            assert device in "01" and device not in held.values()
            held[process] = device
            most, used = max(most, len(held)), used | {device}
    assert most == 2 and used == {"0", "1"}
    assert len(states()) == 4 and set(states().values()) == {"COMPLETED"}  # a job a cell
    assert not grid.start("-n").wait(timeout=60) and "Nothing to be done" in grid.said()


def test_ended_jobs_go_on_from_their_checkpoints(grid, undisturbed):
    """A lost node, requeue, scancel and the warning before TIMEOUT: SLURM or Snakemake starts each job again."""
    master = grid.start(TABLE)
    reached = {}  # cell -> where its last checkpoint was when its job was ended

    def strike(cell, *command):
        reached.setdefault(cell, []).append(grid.position(cell))
        slurm(*command)

    first = until(lambda: len(two := grid.training()) == 2 and two, "two cells in training")
    for cell in first:
        reached[cell] = [grid.position(cell)]
    slurm("scontrol", "update", "nodename=node1", "state=down", "reason=test")
    until(lambda: not set(states().values()) & {"RUNNING", "COMPLETING"}, "end of the lost node's jobs")
    slurm("scontrol", "update", "nodename=node1", "state=resume")

    # Each of the four cells meets one more end.
    jobs, met = {}, set()
    for end in ("warning", "requeue", "scancel", "scancel"):
        cell, beat = until(lambda: next(iter(grid.training(met).items()), None), f"cell to {end}")
        job = jobs[end] = beat["job"]
        met.add(cell)
        if end == "requeue":
            strike(cell, "scontrol", "requeue", job)
        elif end == "scancel":
            strike(cell, "scancel", job)
        else:  # a cell that hangs, a minute before its time is up
            os.kill(beat["pid"], signal.SIGSTOP)
            strike(cell, "scontrol", "update", f"jobid={job}", "timelimit=1")
    grid.finish(master)

    ended = {end: states()[job] for end, job in jobs.items()}
    assert ended == {"warning": "FAILED", "requeue": "COMPLETED", "scancel": "CANCELLED"}
    pd.testing.assert_frame_equal(grid.table(), undisturbed)
    assert len(reached) == 4
    for cell, positions in reached.items():
        # Of the log only the last start remains. No step before a checkpoint is made twice: at most one interval is.
        assert sorted(positions) == positions and resumed(grid, cell)[-1] >= positions[-1], cell


def test_out_of_memory_and_time(grid, undisturbed):
    """Too little memory for torch, then a cell that hangs and had no warning: the third attempt has enough of all."""
    cell, metrics = next(item for item in grid.metrics().items() if item[0].startswith("vae---_beta1_"))
    rules = ("train", "evaluate", "sample")
    memory = [f"{rule}:mem_mb=1500 if attempt > 1 else 400" for rule in rules]
    unwarned = [f"{rule}:slurm_extra='--nice=0'" for rule in rules]
    master = grid.start("--retries", "2", "--set-resources", *memory, *unwarned, "--", metrics)
    job = until(lambda: grid.training().get(cell), "second attempt")
    os.kill(job["pid"], signal.SIGSTOP)
    position = grid.position(cell)
    slurm("scontrol", "update", f"jobid={job['job']}", "timelimit=1")
    grid.finish(master)
    assert [states()[job] for job in sorted(states(), key=int)] == ["FAILED", "TIMEOUT", "COMPLETED"]
    assert resumed(grid, cell)[-1] >= position
    rate = json.loads((grid.folder / metrics).read_text())["rate"]
    assert rate == undisturbed.set_index("cell").rate[cell]


def test_snakemake_interrupted_and_killed(grid, undisturbed):
    wanted = TABLE, *grid.metrics().values()
    master = grid.start(*wanted)
    reached = {cell: grid.position(cell) for cell in until(grid.training, "cells in training")}
    master.send_signal(signal.SIGINT)
    assert master.wait(timeout=120) != 0
    until(lambda: not set(states().values()) & {"RUNNING", "PENDING", "COMPLETING"}, "end of all jobs")

    master = grid.start(*wanted)
    again = until(lambda: set(grid.training()) & set(reached), "the same cells in training")
    for cell in again:
        assert until(lambda cell=cell: resumed(grid, cell), "restart")[-1] >= reached[cell]
        reached[cell] = grid.position(cell)
    master.kill()
    master.wait()
    # Its jobs go on, and no new Snakemake knows of them: what docs/cluster.md says to do.
    run_id = re.findall(r"SLURM run ID: (\S+)", grid.said())[-1]
    slurm("scancel", f"--name={run_id}")
    until(lambda: not set(states().values()) & {"RUNNING", "PENDING", "COMPLETING"}, "end of all jobs")
    grid.run("--unlock")
    grid.run(*wanted)
    pd.testing.assert_frame_equal(grid.table(), undisturbed)
    for cell in again:  # unless its job was quick enough to finish it before scancel
        assert "already trained" in grid.log(cell) or resumed(grid, cell)[-1] >= reached[cell]

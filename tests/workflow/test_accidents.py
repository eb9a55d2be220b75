"""After any accident a plain second run ends with the numbers of an undisturbed one, to the last digit.

RDPLANE_ACCIDENTS names a file that gets a line for each: what was done, jobs run again, seconds to recover.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

YEAR = 365 * 24 * 3600
TABLE = "results/tiny/rd.csv"
TO_THE_TABLE = ("--until", "aggregate")  # all cells and their table, without the figures
EVERY_JOB = {"RDPLANE_DISPLAY": "off"}  # a line for every job, not only for every cell


def table(path):
    """rd.csv as text, without how long the training took."""
    return pd.read_csv(path, dtype=str, keep_default_na=False).drop(columns="train_seconds")


def start(project, *arguments, **environment):
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    variables = os.environ | {"PYTHONPATH": str(project.folder / "src"), "OMP_NUM_THREADS": "1"} | environment
    return subprocess.Popen(
        command, cwd=project.folder, env=variables, start_new_session=True, stderr=subprocess.PIPE, text=True
    )


def wait_for(project, process, pattern):
    while not list(project.folder.glob(pattern)):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)


def recover(project, what, **environment):
    """The plain second run."""
    began = time.monotonic()
    run = project.snakemake(*TO_THE_TABLE, **environment, **EVERY_JOB)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    if "RDPLANE_ACCIDENTS" in os.environ:
        jobs = (run.stdout + run.stderr).count("Finished jobid")
        with open(os.environ["RDPLANE_ACCIDENTS"], "a") as stream:
            stream.write(f"{what}: {jobs} jobs, {time.monotonic() - began:.1f} s\n")


def children(pid):
    """Process ids of all that `pid` has started from any of its threads, near and far."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            found += [int(child), *children(int(child))]
    return found


@pytest.fixture
def begun(project):
    """A project of which nothing is made yet, and the table that it is to end with."""
    expected = table(project.folder / TABLE)
    shutil.rmtree(project.folder / "results")
    shutil.rmtree(project.folder / ".snakemake")
    return project, expected


@pytest.mark.parametrize("killed", ["jobs", "snakemake", "both"])
def test_sigkill(begun, killed):
    project, expected = begun
    process = start(project, *TO_THE_TABLE)
    wait_for(project, process, "results/tiny/cells/*/state/heartbeat.json")
    victims = {"jobs": children(process.pid), "snakemake": [process.pid], "both": [*children(process.pid), process.pid]}
    for pid in victims[killed]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.communicate()
    assert process.returncode != 0
    recover(project, f"SIGKILL of {killed}")
    pd.testing.assert_frame_equal(table(project.folder / TABLE), expected)


def test_second_snakemake_in_the_folder_is_refused_and_harms_nothing(begun):
    project, expected = begun
    first = start(project, *TO_THE_TABLE)
    wait_for(project, first, "results/tiny/cells/*/state/.lock")
    second = project.snakemake(*TO_THE_TABLE)
    assert second.returncode != 0 and "cannot be locked" in second.stdout + second.stderr
    assert first.communicate()[0] is None and first.returncode == 0
    pd.testing.assert_frame_equal(table(project.folder / TABLE), expected)


def test_two_snakemakes_of_two_folders_on_the_same_results(begun, tmp_path):
    """Neither sees the other's lock: each cell is trained once all the same, and no half file is seen."""
    project, expected = begun
    other = type(project)(tmp_path / "other")
    shutil.copytree(project.folder, other.folder)
    shared = {"RDPLANE_RESULTS": str(tmp_path / "shared")}
    target = str(tmp_path / "shared/tiny/rd.csv")
    runs = [start(folder, *TO_THE_TABLE, **shared, **EVERY_JOB) for folder in (project, other)]
    lines = "".join(run.communicate()[1] for run in runs)
    recover(project, "two at once", **shared)
    pd.testing.assert_frame_equal(table(target), expected)
    assert sorted(re.findall(r"^(\S+): trained 2 epochs", lines, flags=re.M)) == sorted(expected.cell)


@pytest.mark.parametrize("years", [-30, 1], ids=["past", "future"])
def test_wrong_dates_of_all_files(project, years):
    """The clock was wrong during a run. Now it is right, and the grid grows by an architecture's two cells."""
    expected = table(project.folder / TABLE)
    for path in (project.folder / "results").rglob("*"):
        date = path.stat().st_mtime + years * YEAR
        os.utime(path, (date, date))
    assert project.wanted() == {}
    project.config["grid"]["architectures"].append("+--")
    project.write()
    recover(project, f"files dated {years:+} years")
    found = table(project.folder / TABLE)
    assert len(found) == 6
    pd.testing.assert_frame_equal(found[found.architecture != "+--"].reset_index(drop=True), expected)
    assert project.wanted(*TO_THE_TABLE) == {}


def test_clock_set_back_between_training_and_evaluation(project):
    expected = table(project.folder / TABLE)
    for path in project.folder.glob("results/tiny/cells/*/metrics.json"):
        path.unlink()
    for path in project.folder.glob("results/tiny/cells/*/*"):
        os.utime(path, (time.time() + YEAR, time.time() + YEAR))
    recover(project, "clock set back between two steps")
    pd.testing.assert_frame_equal(table(project.folder / TABLE), expected)
    assert project.wanted(*TO_THE_TABLE) == {}


@pytest.fixture
def disk(tmp_path):
    """A disk of one's own that a test fills, enlarges or makes read-only: `disk(options)` mounts it anew."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no disk of its own could be mounted here: {mounted.stderr.strip()}")

    def remount(options):
        subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)
        return folder

    yield remount
    subprocess.run(["umount", "-l", folder], check=True)


def test_disk_full(begun, disk):
    project, expected = begun
    results = {"RDPLANE_RESULTS": str(disk("size=120k"))}
    target = f"{results['RDPLANE_RESULTS']}/tiny/rd.csv"
    run = project.snakemake(*TO_THE_TABLE, **results)
    assert run.returncode != 0
    assert "No space left on device" in run.stderr and "a bug in rdplane" not in run.stderr
    # None, or where the disk had room for one of the finished cells, one that is dated to be made anew.
    assert not Path(target).exists() or Path(target).stat().st_mtime == 1
    disk("size=100m")
    recover(project, "disk full", **results)
    pd.testing.assert_frame_equal(table(target), expected)


def test_results_become_read_only(project, disk):
    folder = disk("rw")
    shutil.copytree(project.folder / "results", folder / "results")
    project.config["grid"]["beta"] = [0.5, 1, 2]
    project.write()
    before = (folder / "results/tiny/rd.csv").read_bytes()
    disk("ro")
    results = {"RDPLANE_RESULTS": str(folder / "results")}
    run = project.snakemake(**results)
    assert run.returncode != 0
    lines = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and "is no folder that you may write to" in lines[0] and "Traceback" not in run.stderr
    disk("rw")
    assert (folder / "results/tiny/rd.csv").read_bytes() == before
    recover(project, "read-only results", **results)
    assert len(table(folder / "results/tiny/rd.csv")) == 6


def test_key_that_stands_twice(project):
    for name, arguments in (("config.yaml", []), ("other.yaml", ["--configfile", "other.yaml"])):
        (project.folder / name).write_text("experiment: tiny\ngrid: {beta: 1}\nexperiment: other\n")
        run = project.snakemake("-n", *arguments)
        assert run.returncode != 0 and "Traceback" not in run.stderr
        (line,) = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
        assert f"{name}: the key 'experiment' stands twice in one mapping, in lines 1 and 3" in line

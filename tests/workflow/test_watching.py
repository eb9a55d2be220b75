"""What a run says at its end, and what the report shows, when cells fail, and when none does."""

import json
import os
import re
import signal
import subprocess
import sys
import time


def report(project):
    run = project.snakemake("--report", "report.html")
    assert run.returncode == 0, run.stderr
    return (project.folder / "report.html").read_text()


def status(project):
    command = [sys.executable, "-m", "rdplane.commands.cli", "status", "tiny", "--json"]
    environment = os.environ | {"PYTHONPATH": str(project.folder / "src")}
    return json.loads(subprocess.check_output(command, cwd=project.folder, env=environment))


def test_finished_run_ends_in_a_line_and_its_report_has_no_empty_table(project):
    project.config["figures"]["note"] = "redrawn"
    project.write()
    last = [line for line in project.snakemake().stderr.splitlines() if line.startswith("tiny: ")]
    assert last.pop(0).startswith("tiny: 4 cells, 4 done; ") and len(last) == 1
    assert last[0].startswith("tiny: 4 of 4 cells done; best -ELBO ")
    assert "Cells without a result" not in report(project)


def test_failed_cells_are_named_at_the_end_and_in_the_report(project):
    """A learning rate at which the loss overflows; a figure of these cells alone has nothing to show."""
    project.config["overrides"] = {"-+v": {"training": {"learning_rate": 1e30}}}
    project.config["figures"]["sample_grids"]["complex"] = {"architecture": "-+v"}
    project.write()
    run = project.snakemake()
    assert run.returncode != 0
    lines = run.stderr.splitlines()
    head = lines.index("failed" + 25 * " " + "reason")
    cells = sorted(path.parent.parent.name for path in project.folder.glob("results/tiny/cells/*/state/failure"))
    assert [line.split()[0] for line in lines[head + 1 : head + 3]] == cells
    assert all("not finite in epoch 1" in line for line in lines[head + 1 : head + 3]), run.stderr[-3000:]
    assert lines[head + 4].startswith("tiny: 2 of 4 cells done, 2 failed; best -ELBO ")
    text = report(project)
    assert "Cells without a result" in text and "samples_complex.png" in text and "rd_plane.html" in text
    # All of it was drawn for want of something better: the next run makes it anew.
    project.config["overrides"] = {}
    del project.config["figures"]["sample_grids"]["complex"]
    project.write()
    wanted = project.wanted()
    assert (wanted["aggregate"], wanted["tables"], wanted["page"]) == (1, 1, 1)
    assert "train" not in wanted


def test_interrupted_run_says_what_is_left(project):
    project.config["training"]["epochs"] = 100_000
    project.write()
    command = [sys.executable, "-m", "snakemake", "--cores", "2"]
    environment = os.environ | {"PYTHONPATH": str(project.folder / "src"), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, cwd=project.folder, env=environment, start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    while len(list(project.folder.glob("results/tiny/cells/*/state/history.csv"))) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    # By its name alone, from what the run wrote when it began.
    (project.folder / "config.yaml").rename(project.folder / "elsewhere.yaml")
    assert status(project)["counts"]["running"] == 2
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert "tiny: 0 of 4 cells done, 2 stopped, 2 waiting; " in errors
    assert len(re.findall(r"^train vae\S+: interrupted; run the same command again to go on$", errors, flags=re.M)) == 2
    assert "CalledProcessError" not in errors  # whoever stopped it knows
    assert "Traceback" not in errors
    assert status(project)["counts"]["stopped"] == 2

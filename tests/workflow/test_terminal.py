"""What a run says while it runs: to a pipe, on a terminal, and when the display of it fails or is not there."""

import json
import os
import re
import sys

import pytest
import terminal

CELL = re.compile(
    r"\[(\d)/4\] (vae\S+): +R +(\S+)  D +(\S+)  -ELBO +(\S+) nats \(test, \d+ images\)  trained 2 epochs in \d+ s"
)
NOISE = ("Select jobs", "Execute", "Finished jobid", "steps (", "Using shell", ": trained 2 epochs in")


def unmeasured(project, cells=1):
    """Let some cells have to be measured anew, which takes a second: what was measured is kept."""
    paths = sorted(project.folder.glob("results/tiny/cells/*/metrics.json"))[:cells]
    for path in paths:
        path.unlink()


def test_a_pipe_gets_one_line_for_each_cell(finished):
    cells = [found for line in finished.said.splitlines() if (found := CELL.fullmatch(line))]
    assert [found[1] for found in cells] == ["1", "2", "3", "4"]
    assert len({found[2] for found in cells}) == 4
    for found in cells:
        metrics = json.loads((finished.folder / "results/tiny/cells" / found[2] / "metrics.json").read_text())
        assert [f"{metrics[key]:.2f}" for key in ("rate", "distortion", "neg_elbo")] == list(found.groups()[2:])


def test_a_pipe_gets_no_control_characters_and_little_else(finished):
    assert "\r" not in finished.said and "\033" not in finished.said
    assert not [line for line in finished.said.splitlines() if any(noise in line for noise in NOISE)]
    assert re.search(r"^tiny: 4 cells, 0 done; \d+ jobs on 2 cores: ", finished.said, flags=re.M)
    assert len(finished.said.splitlines()) <= 20, finished.said


def test_a_terminal_shows_how_far_it_is_and_leaves_nothing_of_it(project):
    unmeasured(project, 2)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--max-jobs-per-timespan", "1000/1s"]
    environment = os.environ | {"PYTHONPATH": str(project.folder / "src"), "OMP_NUM_THREADS": "1"}
    status, said = terminal.run([*command, "--until", "aggregate"], cwd=project.folder, env=environment)
    assert status == 0, said
    assert re.search(r"\n2 of 4 cells  \[[#-]{24}\] .*evaluate vae\S+_seed0\b", said), said
    lines = terminal.screen(said)
    assert [found[1] for line in lines if (found := CELL.fullmatch(line))] == ["3", "4"]
    assert not [line for line in lines if " of 4 cells  [" in line]
    assert [line for line in lines if line.startswith("tiny: 4 of 4 cells done; best -ELBO ")]


def test_a_display_that_fails_leaves_the_run_to_the_messages_of_snakemake(project):
    unmeasured(project)
    path = project.folder / "src/rdplane/status/display.py"
    path.write_text(path.read_text() + "\n\nDisplay.finish = None\n")
    run = project.snakemake("--until", "aggregate")
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("warning: the display of this run failed (TypeError: ") == 1
    assert "Finished jobid" in run.stderr and "tiny: 4 of 4 cells done" in run.stderr


def test_without_the_plugin_snakemake_speaks_itself(project):
    """Another module of its name comes first, so that Snakemake does not find it."""
    unmeasured(project)
    shadow = project.folder / "shadow"
    shadow.mkdir()
    (shadow / "snakemake_logger_plugin_rdplane.py").write_text("")
    run = project.snakemake("--until", "aggregate", PYTHONPATH=f"{shadow}:{project.folder / 'src'}")
    assert run.returncode == 0, run.stderr
    assert "Finished jobid" in run.stderr and "tiny: 4 cells, 3 done; " in run.stderr


@pytest.mark.parametrize("option", ["--quiet", "--verbose"])
def test_less_and_more(project, option):
    unmeasured(project)
    run = project.snakemake(option, "--until", "aggregate")
    assert run.returncode == 0, run.stderr
    assert ("Finished jobid" in run.stderr) == (option == "--verbose")
    assert not [line for line in run.stderr.splitlines() if CELL.fullmatch(line)]
    assert "tiny: 4 of 4 cells done" in run.stderr


def test_a_dry_run_says_what_would_run_and_why(project):
    project.config["grid"]["beta"] = [0.5, 0.7, 1]
    project.write()
    run = project.snakemake("-n")
    assert run.returncode == 0, run.stderr
    assert re.search(r"^train +2$", run.stdout, flags=re.M) and "Reasons:" in run.stdout

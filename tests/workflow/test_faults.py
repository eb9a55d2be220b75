"""What a user sees when something is wrong, and what a failed cell leaves of the rest."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml


def lines_of(run):
    return [line for line in (run.stdout + run.stderr).splitlines() if line.strip()]


BAD = [
    ({"training": {"epoch": 3}}, "unknown key training.epoch; did you mean epochs?"),
    ({"training": {"epochs": "many"}}, "training.epochs is 'many', expected a whole number of at least 1"),
    ({"grid": {"beta": [-1]}}, "grid.beta is [-1], expected a finite number of at least 0"),
    ({"grid": {"architectures": ["+-x"]}}, "grid.architectures is ['+-x'], expected an architecture"),
    ({"grid": {"beta": [1, 1.0]}}, "appears twice"),
    ({"data": {"file": "absent.npy"}}, "data.file absent.npy does not exist"),
    ({"toy": {"rate_penalty": [9]}}, "toy target rate sigma is 9 nats, but the data have H ="),
    ({"toy": {"rate_penalty": [-1]}}, "toy target rate sigma is -1 nats"),
    ({"toy": {"weights": [0.7, 0.7]}}, "weights"),
    ({"toy": {"bins": 1}}, "toy.bins is 1, expected a whole number of at least 2"),
    ({"toy": {"information": 3}}, "information"),
    ({"figures": {"sample_grids": {"none": {"beta": 7}}}}, "selects no cell of the grid"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_configuration_stops_before_any_job(project, change, message):
    for section, keys in change.items():
        project.config.setdefault(section, {}).update(keys)
    project.write()
    run = project.snakemake("-n")
    assert run.returncode != 0
    assert "Traceback" not in run.stderr
    assert any(message in line for line in lines_of(run))


def test_failed_cell_leaves_the_others_and_is_named_on_the_plots(project):
    # A learning rate at which the loss overflows within a few steps, for one architecture.
    project.config["experiment"] = "failing"
    project.config["overrides"] = {"-+v": {"training": {"learning_rate": 1e30}}}
    project.write()
    run = project.snakemake()
    assert run.returncode != 0
    assert "not finite in epoch 1 of 2" in run.stderr
    assert "failing: 2 of 4 cells" in run.stderr
    # Each once, with its log in full, and without the command, which holds all that decides the cell.
    failed = re.findall(
        r"^error: train (vae-\+v\S+) failed \(job \d+ of Snakemake\)\n  (\S+):\n    error: \1: ", run.stderr, flags=re.M
    )
    assert len(failed) == len(set(failed)) == 2
    for cell, log in failed:
        assert log == f"results/failing/logs/train/{cell}.log"
        assert "    " + (project.folder / log).read_text().strip().replace("\n", "\n    ") in run.stderr
    assert 'learning_rate":' not in run.stderr
    folder = project.folder / "results/failing"
    assert set(pd.read_csv(folder / "rd.csv").architecture) == {"---"}
    missing = pd.read_csv(folder / "missing.csv")
    assert missing.cell.str.startswith("vae-+v").all() and missing.reason.str.contains("not finite").all()
    assert (folder / "figures/rd_plane.png").exists()
    project.config["grid"]["architectures"] = ["---"]
    project.config["model"] = {"latent": 2, "width": 0.1}  # no other size has an effect any more
    project.write()
    wanted = project.wanted()
    assert wanted["aggregate"] == 1
    assert "train" not in wanted


def test_workflow_runs_in_another_folder(finished, tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(finished.config | {"experiment": "elsewhere"}))
    images = np.load(finished.folder / "stripes.npy")
    np.save(tmp_path / "stripes.npy", images)
    run = finished.snakemake("--directory", str(tmp_path), "--nolock")
    assert run.returncode == 0, run.stderr
    assert len(pd.read_csv(tmp_path / "results/elsewhere/rd.csv")) == 4


def test_command_line_makes_the_files_that_the_workflow_accepts(project, tmp_path):
    subprocess.run(["rm", "-rf", str(project.folder / "results"), str(project.folder / ".snakemake")], check=True)
    environment = os.environ | {"PYTHONPATH": str(project.folder / "src"), "OMP_NUM_THREADS": "1"}
    for step in ("prepare", "train", "evaluate", "sample", "aggregate", "figures", "toy"):
        run = subprocess.run(
            [sys.executable, "-m", "rdplane.commands.cli", step],
            cwd=project.folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
    assert project.wanted() == {}


def test_table_has_standard_errors_and_its_elbo_is_the_sum(finished):
    table = pd.read_csv(finished.folder / "results/tiny/rd.csv")
    np.testing.assert_allclose(table.neg_elbo, table.rate + table.distortion, rtol=1e-12)
    assert (table[["rate_se", "distortion_se", "neg_elbo_se"]] > 0).all(axis=None)


def test_loaded_cell_repeats_its_table(finished):
    """`rdplane.load` and the evaluation agree: one code path."""
    script = """
import json, pathlib, torch, rdplane
from rdplane import data
from rdplane.evaluate.rate_distortion import rate_distortion
folder = sorted(pathlib.Path("results/tiny/cells").iterdir())[0]
metrics = json.loads((folder / "metrics.json").read_text())
(images,) = pathlib.Path("results/data/stripes").glob("*.npz")
model = rdplane.load(folder)
torch.manual_seed(metrics["evaluation"]["rate_distortion"]["seed"])
rate, distortion = rate_distortion(model, torch.from_numpy(data.load(images).test), metrics["z_samples"])
assert rate.mean().item() == metrics["rate"] and distortion.mean().item() == metrics["distortion"]
"""
    environment = os.environ | {"PYTHONPATH": str(finished.folder / "src"), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=finished.folder, env=environment, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    "module",
    [
        "rdplane",
        "rdplane.commands.cli",
        "rdplane.commands.step",
        "rdplane.experiment.layout",
        "rdplane.figures.draw",
        "rdplane.page",
        "rdplane.toy.run",
    ],
)
def test_what_needs_no_torch_does_not_import_it(finished, module):
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(finished.folder / "src")}
    assert subprocess.run([sys.executable, "-c", code], env=environment).returncode == 0


def test_metrics_carry_the_resolved_cell(finished):
    for path in finished.folder.glob("results/tiny/cells/*/metrics.json"):
        cell = json.loads(path.read_text())["cell"]
        assert cell["data"]["dataset"] == "stripes"
        assert path.parent.name.startswith(
            f"vae{cell['architecture']}_beta{cell['objective']['value']:g}_seed{cell['seed']}_"
        )


def test_results_of_other_images_are_never_replaced(project):
    table = project.folder / "results/tiny/rd.csv"
    before = table.read_bytes()
    project.config["data"]["seed"] = 7
    project.write()
    run = project.snakemake()
    assert run.returncode != 0 and "Traceback" not in run.stderr
    (line,) = [line for line in lines_of(run) if "error:" in line]
    assert "results/tiny holds results of other images of the data set stripes: with seed 0, and the " in line
    assert "set `experiment` to another name" in line
    assert table.read_bytes() == before
    project.config["experiment"] = "reseeded"
    project.write()
    assert project.wanted("--", "results/reseeded/rd.csv")["train"] == 4


def test_the_configuration_beside_the_table_makes_nothing_anew(project):
    saved = project.folder / "results/tiny/config.yaml"
    assert str(project.folder.parent) in saved.read_text() or "stripes.npy" in saved.read_text()
    text = re.sub(r"(  file: ).*?stripes.npy\"?", r"\1stripes.npy", saved.read_text())  # the project was copied
    project.write(text)
    assert project.wanted() == {}


def test_without_seeds_of_the_toy_there_is_no_toy(project):
    subprocess.run(["rm", "-rf", str(project.folder / "results/tiny/toy")], check=True)
    assert project.wanted()["toy_cell"] == 3
    project.config["toy"]["seed"] = []
    project.write()
    assert project.wanted() == {}


def test_toy_alone_ends_well(project):
    subprocess.run(["rm", "-rf", str(project.folder / "results"), str(project.folder / ".snakemake")], check=True)
    run = project.snakemake("toy")
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr
    assert (project.folder / "results/tiny/toy/figures/toy_models.png").exists()
    assert not (project.folder / "results/tiny/cells").exists()


def test_training_curves_of_one_cell_on_demand(project):
    cell = next((project.folder / "results/tiny/cells").iterdir())
    run = project.snakemake(str((cell / "training.png").relative_to(project.folder)))
    assert run.returncode == 0, run.stderr
    assert (cell / "training.pdf").exists()


def test_results_that_cannot_be_written_are_one_line(project):
    (project.folder / "blocked").write_text("")
    run = project.snakemake("-n", RDPLANE_RESULTS="blocked")
    assert run.returncode != 0
    assert "Traceback" not in run.stderr
    assert "error: cannot write results to blocked/tiny: blocked is no folder that you may write to" in run.stderr


def test_folder_with_a_space(project, tmp_path):
    moved = type(project)(tmp_path / "my projects")
    project.folder.rename(moved.folder)
    moved.config["figures"]["note"] = "redrawn"
    moved.write()
    run = moved.snakemake()
    assert run.returncode == 0, run.stderr


def test_nvidia_smi_is_asked_once(project, tmp_path):
    tool = tmp_path / "bin/nvidia-smi"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\necho called >> {tmp_path}/calls\necho GPU-1\n")
    tool.chmod(0o755)
    project.config["compute"]["device"] = "auto"
    project.write()
    run = project.snakemake("-n", PATH=f"{tool.parent}:{os.environ['PATH']}")
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "calls").read_text().count("called") == 1


def test_source_edited_while_the_workflow_runs_is_not_passed_off_as_the_old(project):
    cell = json.loads(next((project.folder / "results/tiny/cells").glob("*/train.json")).read_text())["cell"]
    cell["versions"]["training"] = "another"
    command = [
        sys.executable,
        "-m",
        "rdplane.commands.step",
        "train",
        "--cell",
        json.dumps(cell),
        "--images",
        "x",
        "--folder",
        "y",
    ]
    command += ["--compute", json.dumps({"threads": 1, "device": "cpu"})]
    environment = os.environ | {"PYTHONPATH": str(project.folder / "src")}
    run = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True)
    assert run.returncode == 2
    assert "was edited after this workflow had started" in run.stderr

"""A user's file beside a finished grid: each kind of declaration makes exactly its own jobs and renames nothing."""

import json

import pytest

FIGURES = 10
LATER = {"aggregate": 1, "tables": 1, "figure": FIGURES, "page": 1}
PART = """
from rdplane.declare import Key, Part, Whole
from rdplane.models.{module} import {base}

PART = Part(
    kind="{kind}", symbol="u", title="a user's", builds="Mine",
    sizes=("latent", {sizes}Key("my_size", Whole(1), 3, "s")),
)


class Mine({base}):
    def __init__(self, {arguments}, my_size):
        super().__init__({arguments})
        self.size = my_size
"""
EXTENSIONS = {
    "encoder": PART.format(
        kind="encoder", module="conv_encoder", base="ConvEncoder", sizes='"width", ', arguments="shape, latent, width"
    ),
    "decoder": PART.format(
        kind="decoder",
        module="deconv_decoder",
        base="DeconvDecoder",
        sizes='"width", ',
        arguments="shape, latent, width",
    ),
    "marginal": PART.format(
        kind="marginal", module="gaussian_marginal", base="GaussianMarginal", sizes="", arguments="latent"
    ),
    "objective": """
from rdplane.declare import Objective
from rdplane.train.loss import Loss

OBJECTIVE = Objective(
    name="squared", text="D + gamma R^2", title="squared", label="γ {value:g}", slug="squared", builds="Squared"
)


class Squared(Loss):
    def __init__(self, squared):
        super().__init__()
        self.gamma = squared

    def forward(self, rate, distortion, time):
        return distortion.mean() + self.gamma * rate.mean().square()
""",
    "measure": """
from rdplane.declare import Column, Measure

MEASURE = Measure(
    name="ink", title="ink", columns=(Column("ink", "share of ink in generations", "share"),), computes="ink",
    keys=("seed",), draws=True,
)


def ink(given):
    given.choose(2)
    return {"ink": given.model.generate(4).float().mean().item()}
""",
    "figure": """
from rdplane.declare import Figure

FIGURE = Figure(name="mine", title="Mine", caption="A figure of mine.", draws="draw_mine")


def draw_mine(table, title):
    from rdplane.figures import style

    page = style.Page(4.0, 3.0, title)
    page.axes(0.5, 0.5, 3.0, 2.0).plot(table["rate"], table["distortion"], "o")
    return page.figure
""",
    "dataset": """
import numpy as np

from rdplane.data import Images
from rdplane.declare import Dataset

DATASET = Dataset(name="noise", title="noise", makes="make")


def make(seed, get):
    bits = (np.random.default_rng(seed).random((60, 8, 8)) < 0.3).astype(np.uint8)
    return Images(bits[:40], bits[40:50], bits[50:])
""",
}
CELLS = {"train": 2, "evaluate": 2, "sample": 2}  # of two betas


@pytest.fixture
def extended(project, tmp_path):
    """The finished project with one of `EXTENSIONS` in a file outside of it."""

    def make(kind, **more):
        file = tmp_path / "elsewhere" / "mine.py"
        file.parent.mkdir()
        file.write_text(EXTENSIONS[kind])
        project.config["extensions"] = [str(file)]
        for section, values in more.items():
            project.config[section] = {**project.config[section], **values} if isinstance(values, dict) else values
        project.write()
        return project

    return make


def names(project):
    return {path.name for path in (project.folder / "results/tiny/cells").iterdir()}


@pytest.mark.parametrize("kind", EXTENSIONS)
def test_naming_a_file_alone_renames_no_cell(extended, kind):
    wanted = extended(kind).wanted()
    expected = {"measure": {"evaluate": 4} | LATER, "figure": {"figure": 1}, "objective": LATER}
    assert wanted == expected.get(kind, {})


@pytest.mark.parametrize(("kind", "architecture"), [("encoder", "u--"), ("decoder", "-u-"), ("marginal", "--u")])
def test_a_part_trains_its_own_cells(extended, kind, architecture):
    grid = {"architectures": ["---", "-+v", architecture]}
    project = extended(kind, grid=grid, model={"my_size": 7})
    before = names(project)
    assert project.wanted() == CELLS | LATER
    run = project.snakemake()
    assert run.returncode == 0, run.stdout + run.stderr
    (name, other) = names(project) - before
    assert name.startswith(f"vae{architecture}_") and other.startswith(f"vae{architecture}_")
    cell = json.loads((project.folder / "results/tiny/cells" / name / "train.json").read_text())["cell"]
    assert cell["model"]["my_size"] == 7 and cell["versions"][f"{kind} u"].startswith("own-")
    assert project.wanted() == {}


def test_an_objective_trains_its_own_cells(extended):
    project = extended("objective", grid={"squared": [0.1]})
    assert project.wanted() == CELLS | LATER
    run = project.snakemake()
    assert run.returncode == 0, run.stdout + run.stderr
    head, *rows = (project.folder / "results/tiny/rd.csv").read_text().splitlines()
    place = head.split(",").index("squared")
    assert sorted(row.split(",")[place] for row in rows) == ["", "", "", "", "0.1", "0.1"]


def test_a_measure_leaves_all_other_numbers(extended):
    project = extended("measure")
    metrics = sorted((project.folder / "results/tiny/cells").glob("*/metrics.json"))
    before = [json.loads(path.read_text()) for path in metrics]
    run = project.snakemake()
    assert run.returncode == 0, run.stdout + run.stderr
    for path, old in zip(metrics, before, strict=True):
        new = json.loads(path.read_text())
        assert 0 <= new.pop("ink") <= 1 and new.pop("evaluation").keys() - old.pop("evaluation").keys() == {"ink"}
        assert new == old


def test_a_figure_is_drawn(extended):
    project = extended("figure")
    run = project.snakemake()
    assert run.returncode == 0, run.stdout + run.stderr
    assert (project.folder / "results/tiny/figures/mine.png").exists()


def test_a_dataset_makes_an_experiment_of_its_own(extended):
    project = extended("dataset", experiment="noisy", dataset="noise", data={"file": None})
    wanted = project.wanted("--", "results/noisy/rd.csv")
    assert wanted == {"prepare_data": 1, "train": 4, "evaluate": 4, "aggregate": 1}
    run = project.snakemake("--", "results/noisy/rd.csv")
    assert run.returncode == 0, run.stdout + run.stderr


def test_an_edited_extension_trains_its_own_cells_alone(extended):
    project = extended("decoder", grid={"architectures": ["---", "-+v", "-u-"]})
    run = project.snakemake("--until", "train")
    assert run.returncode == 0, run.stdout + run.stderr
    (file,) = project.config["extensions"]
    with open(file, "a") as stream:
        stream.write("\n\nEDITED = True\n")
    assert project.wanted()["train"] == 2


FAULTS = {
    "missing file": (None, "elsewhere/mine.py does not exist; expected a Python file"),
    "syntax": ("def", "line 1) is not valid Python"),
    "import": ("import no_such_module\n" + EXTENSIONS["decoder"], "cannot be imported: ModuleNotFoundError"),
    "symbol taken": (EXTENSIONS["decoder"].replace('"u"', '"+"'), "there is a decoder '+' already"),
    "name taken": (EXTENSIONS["measure"].replace('name="ink"', 'name="units"'), "there is a measure 'units' already"),
    "no such class": (EXTENSIONS["decoder"].replace("Mine(", "Other("), "has no Mine, which its declaration names"),
    "method missing": (
        EXTENSIONS["marginal"] + "\n    log_prob = None\n",
        "marginal u has no method log_prob; expected log_prob, sample",
    ),
    "wrong shape": (
        EXTENSIONS["decoder"] + "\n    def log_prob(self, x, z):\n        return self.logits(z)\n",
        "log_prob(x, z) is a tensor of shape (5, 4, 4), expected a tensor of shape (5,): (images,), summed over pixels",
    ),
    "unknown word": (
        EXTENSIONS["decoder"].replace("Whole(1)", "SOMETHING"),
        "PART cannot be read (name 'SOMETHING' is not known here)",
    ),
    "nothing declared": ("x = 1\n", "declares nothing; expected a Part, Objective, Measure, Figure or Dataset"),
    "wrong column": (EXTENSIONS["measure"].replace('{"ink":', '{"inq":'), "inq"),
    "no loss": (
        EXTENSIONS["objective"].replace("return distortion.mean() + self.gamma * rate.mean().square()", "return None"),
        "returned None, expected one finite number",
    ),
    "not an array": (EXTENSIONS["dataset"].replace("Images(bits[:40]", "Images(None"), "train is NoneType, expected"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_extension_ends_before_any_job_in_one_line(project, tmp_path, fault):
    text, message = FAULTS[fault]
    file = tmp_path / "elsewhere" / "mine.py"
    file.parent.mkdir()
    if text is not None:
        file.write_text(text)
    project.config["extensions"] = [str(file)]
    project.config["grid"]["beta"] = [0.5, 0.7, 1]
    project.write()
    before = names(project)
    run = project.snakemake()
    assert run.returncode != 0
    (line,) = [line for line in (run.stdout + run.stderr).splitlines() if line.startswith("error: ")]
    assert message in line and "mine.py" in line
    assert "Traceback" not in run.stdout + run.stderr and names(project) == before

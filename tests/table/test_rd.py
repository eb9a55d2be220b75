import json
import subprocess
import sys

import made
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdplane.declare.registry import declared, use
from rdplane.errors import UserError
from rdplane.experiment.metrics import columns_of, measured
from rdplane.table.rd import aggregate, columns, read_table


def table_of(folder, **changes):
    """The table of one cell."""
    aggregate("e", [made.write_cell(folder / "a", **changes)], folder / "rd.csv")
    return read_table(folder / "rd.csv")


# Those that hold the numbers of all objectives: a point of a curve has its beta.
NUMBERS = [name for name, objective in declared().objectives.items() if objective.holds == name]


def test_columns_are_in_the_order_of_a_run_and_its_measures():
    assert list(columns()) == [
        "experiment", "dataset", "architecture", "encoder", "decoder", "marginal", "objective", *NUMBERS,
        "anneal", "seed", "epochs", "epoch", "parameters", *measured(), "train_seconds", "device", "precision", "cell",
    ]  # fmt: skip
    assert NUMBERS == ["beta", "rate_penalty", "rate_target"]


def test_every_column_is_explained():
    for name, column in columns().items():
        assert column.name == name and column.text and (column.unit or column.type != "float64" or name == "cell")


def test_errors_follow_their_columns():
    names = list(columns())
    for measure in declared().measures.values():
        for column in measure.columns:
            assert (names[names.index(column.name) + 1] == f"{column.name}_se") is column.error


def test_columns_are_written_in_order(tmp_path):
    table = table_of(tmp_path)
    assert (tmp_path / "rd.csv").read_text().splitlines()[0].split(",") == list(columns()) == list(table.columns)


def test_signs_are_read_as_text(tmp_path):
    row = table_of(tmp_path, **{"cell.architecture": "---"}).iloc[0]
    assert [row[key] for key in ("architecture", "encoder", "decoder", "marginal")] == ["---", "-", "-", "-"]


def test_numbers_have_the_types_of_their_columns(tmp_path):
    types = table_of(tmp_path).dtypes.astype(str)
    always = {column.name for column in columns_of(declared().measures["rate_distortion"])}
    optional = set(measured()) - always
    expected = {
        name: "float64" if name in optional else column.type
        for name, column in columns().items()
        if column.type != "str"
    }
    assert {name: types[name] for name in expected} == expected


def test_text_that_looks_like_a_missing_value_stays_text(tmp_path):
    aggregate("null", [made.write_cell(tmp_path / "nan")], tmp_path / "rd.csv")
    row = read_table(tmp_path / "rd.csv").iloc[0]
    assert (row["experiment"], row["cell"]) == ("null", "nan")


@settings(max_examples=20, deadline=None)
@given(rate=st.floats(0, 200))
def test_every_digit_survives_the_table(tmp_path_factory, rate):
    table = table_of(tmp_path_factory.mktemp("digits"), rate=rate, neg_elbo=rate + 70.2)
    assert table["rate"].iloc[0] == rate


@pytest.mark.parametrize("name", NUMBERS)
def test_a_cell_has_a_number_of_its_own_objective_alone(tmp_path, name):
    objective = {"name": name, "value": 10, "some_setting": 1}
    row = table_of(tmp_path, **{"cell.objective": objective}).iloc[0]
    others = [other for other in NUMBERS if other != name]
    assert row["objective"] == name and row[name] == 10.0 and all(np.isnan(row[other]) for other in others)


def test_the_precision_of_training_is_in_the_table(tmp_path):
    assert table_of(tmp_path, precision="bfloat16")["precision"].item() == "bfloat16"


def test_measures_that_are_off_are_empty(tmp_path):
    row = table_of(tmp_path).iloc[0]
    assert row["active_units"] == 7 and np.isnan(row["mi_lower"]) and np.isnan(row["mi_images"])


def test_rows_keep_the_order_of_the_cells(tmp_path):
    cells = [made.write_cell(tmp_path / name) for name in ("b", "a", "c")]
    aggregate("e", cells, tmp_path / "rd.csv")
    assert read_table(tmp_path / "rd.csv")["cell"].tolist() == ["b", "a", "c"]


def test_missing_cells_stop_a_full_table(tmp_path):
    cells = [made.write_cell(tmp_path / "a"), *(tmp_path / f"gone{i}" for i in range(5))]
    with pytest.raises(UserError, match=r"5 of 6 cells: gone0, gone1, gone2, \.\.\.;"):
        aggregate("e", cells, tmp_path / "rd.csv")
    assert not (tmp_path / "rd.csv").exists()


def test_a_partial_table_returns_the_missing_cells(tmp_path):
    cells = [tmp_path / "gone", made.write_cell(tmp_path / "a")]
    assert aggregate("e", cells, tmp_path / "rd.csv", partial=True) == [tmp_path / "gone"]
    assert read_table(tmp_path / "rd.csv")["cell"].tolist() == ["a"]


def test_a_table_of_no_cells_can_be_read(tmp_path):
    aggregate("e", [tmp_path / "gone"], tmp_path / "rd.csv", partial=True)
    assert read_table(tmp_path / "rd.csv").empty


@pytest.mark.parametrize(
    "expected",
    [
        {("-+v", "beta"): {**made.EVALUATION, "units": {"unit_images": 8, "version": "1"}}},
        {("-+v", "beta"): {**made.EVALUATION, "units": {"unit_images": 9, "version": "2"}}},
        {("-+v", "beta"): {**made.EVALUATION, "probe": {"version": "1"}}},
        {("-+v", "beta"): {"rate_distortion": made.EVALUATION["rate_distortion"]}},
        {("---", "beta"): made.EVALUATION},
        {("-+v", "curve"): made.EVALUATION},
    ],
)
def test_another_evaluation_is_refused(tmp_path, expected):
    with pytest.raises(UserError, match=r"cell a.*snakemake --forcerun evaluate") as error:
        aggregate("e", [made.write_cell(tmp_path / "a")], tmp_path / "rd.csv", evaluation=expected)
    own = expected.get(("-+v", "beta"))
    measure = "rate_distortion" if own is None else "probe" if "probe" in own else "units"
    assert f"the measure {measure} was evaluated with" in str(error.value)
    assert not (tmp_path / "rd.csv").exists()


def test_the_same_evaluation_is_accepted_in_any_order_of_keys(tmp_path):
    cell = made.write_cell(tmp_path / "a", evaluation={"b": {"x": 1, "y": 2}, "a": {}})
    expected = {("-+v", "beta"): {"a": {}, "b": {"y": 2, "x": 1}}}
    assert aggregate("e", [cell], tmp_path / "rd.csv", evaluation=expected) == []


def test_each_architecture_has_an_evaluation_of_its_own(tmp_path):
    other = {**made.EVALUATION, "generative": {"version": "1 2"}}
    expected = {("-+v", "beta"): made.EVALUATION, ("---", "beta"): other}
    cells = [made.write_cell(tmp_path / "a"), made.write_cell(tmp_path / "b", **{"cell.architecture": "---"})]
    with pytest.raises(UserError, match="cell b: the measure generative"):
        aggregate("e", cells, tmp_path / "rd.csv", evaluation=expected)
    cells[1] = made.write_cell(tmp_path / "c", evaluation=other, **{"cell.architecture": "---"})
    assert aggregate("e", cells, tmp_path / "rd.csv", evaluation=expected) == []


def test_a_table_without_a_column_is_refused(tmp_path):
    (tmp_path / "rd.csv").write_text("experiment,dataset\ne,mnist5k\n")
    with pytest.raises(UserError, match="column architecture is missing"):
        read_table(tmp_path / "rd.csv")


def replaced(path, column, value):
    head, row = (line.split(",") for line in path.read_text().splitlines())
    row[head.index(column)] = value
    path.write_text("\n".join(",".join(line) for line in (head, row)))


@pytest.mark.parametrize("column", ["rate", "seed"])
def test_a_table_with_text_for_a_number_is_refused(tmp_path, column):
    table_of(tmp_path)
    replaced(tmp_path / "rd.csv", column, "many")
    with pytest.raises(UserError, match=f"column {column}: .*'many'"):
        read_table(tmp_path / "rd.csv")


@pytest.mark.parametrize("column", ["rate", "rate_se", "distortion", "distortion_se", "neg_elbo", "neg_elbo_se"])
@pytest.mark.parametrize("value", ["", "nan", "inf", "-inf"])
def test_a_table_without_rate_or_distortion_is_refused(tmp_path, column, value):
    table_of(tmp_path)
    replaced(tmp_path / "rd.csv", column, value)
    with pytest.raises(UserError, match=f"column {column}"):
        read_table(tmp_path / "rd.csv")


@pytest.mark.parametrize(("column", "value"), [("architecture", "-x-"), ("objective", "target_rate")])
def test_a_table_with_an_unknown_name_is_refused(tmp_path, column, value):
    table_of(tmp_path)
    replaced(tmp_path / "rd.csv", column, value)
    with pytest.raises(UserError, match=f"column {column} holds '{value}', expected one of"):
        read_table(tmp_path / "rd.csv")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00"])
def test_a_file_that_is_no_table_is_refused(tmp_path, content):
    (tmp_path / "rd.csv").write_bytes(content)
    with pytest.raises(UserError, match="cannot be read as a table"):
        read_table(tmp_path / "rd.csv")


# A user's declarations. -------------------------------------------------------------------------------------------


def test_ones_own_parts_objectives_and_measures_have_columns(tmp_path, extension):
    extension(made.MINE)
    own = {"ink": 3.5, "ink_se": 0.1, "ink_images": 7, "ink_word": "nan"}
    cell = {"cell.architecture": "-m-", "cell.objective": {"name": "free_nats", "value": 3.0}}
    row = table_of(tmp_path, **own, **cell).iloc[0]
    assert {name: row[name] for name in own} == own
    assert (row["objective"], row["free_nats"], row["decoder"]) == ("free_nats", 3.0, "m") and np.isnan(row["beta"])


def test_text_of_a_measure_may_be_empty(tmp_path, extension):
    extension(made.MINE)
    assert table_of(tmp_path).iloc[0]["ink_word"] == ""


def test_what_was_declared_after_a_table_was_made_is_empty_in_it(tmp_path, extension):
    """A published table is read by later versions, too."""
    table_of(tmp_path)
    extension(made.MINE)
    row = read_table(tmp_path / "rd.csv").iloc[0]
    assert np.isnan(row["free_nats"]) and np.isnan(row["ink"]) and row["ink_word"] == ""


def test_a_table_of_parts_that_are_no_longer_in_use_says_so(tmp_path, extension):
    extension(made.MINE)
    table_of(tmp_path, **{"cell.architecture": "-m-"})
    use([])
    with pytest.raises(UserError, match="column architecture holds '-m-', expected one of ---"):
        read_table(tmp_path / "rd.csv")


@pytest.mark.parametrize("name", ["device", "beta", "experiment", "seed"])
def test_a_column_that_the_table_has_already_is_refused(extension, name):
    path = extension(made.MINE.replace('"ink_images"', f'"{name}"'))
    with pytest.raises(UserError) as error:
        columns()
    assert str(path) in str(error.value) and f"{name!r} already" in str(error.value)


def test_an_objective_whose_name_is_a_column_is_refused(extension):
    path = extension(made.MINE.replace('name="free_nats"', 'name="train_seconds"'))
    with pytest.raises(UserError) as error:
        columns()
    assert str(path) in str(error.value) and "'train_seconds' already" in str(error.value)


def test_neither_torch_nor_pandas_is_imported(tmp_path):
    check = "import sys, rdplane.table.rd; sys.exit(any(name in sys.modules for name in ('torch', 'pandas')))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


CURVE = {"name": "curve", "value": [0.05, 1.25], "curve_widening": 0.5}


def write_curve(folder):
    """A cell with three points: two by beta, one whose beta was searched."""
    found = made.metrics(**{"cell.objective": CURVE})
    shared = {key: found.pop(key) for key in measured()}
    points = [
        {"beta": beta, "rate_target": rate, **shared, "rate": 20 / beta, "neg_elbo": 20 / beta + 70.2}
        for beta, rate in ((0.1, None), (0.23, 87.0), (0.5, None))
    ]
    asked = {"betas": [0.1, 0.5], "rates": [87.0]}
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(found | {"asked": asked, "points": points}))
    return folder


def test_every_point_of_a_curve_is_a_row_with_its_beta(tmp_path):
    aggregate("tiny", [write_curve(tmp_path / "cell")], tmp_path / "rd.csv")
    table = read_table(tmp_path / "rd.csv")
    assert table["beta"].tolist() == [0.1, 0.23, 0.5] and table["rate"].tolist() == [200, 20 / 0.23, 40]
    assert set(table["objective"]) == {"curve"}


def test_a_point_that_was_searched_names_its_rate(tmp_path):
    aggregate("tiny", [write_curve(tmp_path / "cell")], tmp_path / "rd.csv")
    table = read_table(tmp_path / "rd.csv")
    assert table["rate_target"].fillna(0).tolist() == [0, 87, 0]


def test_every_point_has_a_name_of_its_own(tmp_path):
    aggregate("tiny", [write_curve(tmp_path / "cell")], tmp_path / "rd.csv")
    assert read_table(tmp_path / "rd.csv")["cell"].tolist() == ["cell@0.1", "cell@rate87", "cell@0.5"]


def test_a_curve_that_was_measured_elsewhere_is_refused(tmp_path):
    cell = write_curve(tmp_path / "cell")
    with pytest.raises(UserError, match=r"its curve was measured at .* run snakemake --forcerun evaluate"):
        aggregate("tiny", [cell], tmp_path / "rd.csv", points={"cell": {"betas": [0.1], "rates": []}})

"""The figure of what codes tell about the class: the lines that no code passes, the runs and the prefix code."""

import numpy as np
import own
import pandas as pd
import pytest
import synthetic
from matplotlib.colors import to_hex
from reading import assert_readable, written

from rdplane.errors import UserError
from rdplane.figures.label_information import draw_label_information
from rdplane.figures.references import PREFIX
from rdplane.table.prefix import read_prefix


def told(runs):
    return runs.assign(
        label_information=2.2 * np.tanh(runs["rate"] / 20) - 0.01, label_information_se=0.03, label_entropy=2.302
    )


def prefix(seeds=(0,), information=True, total=80.0):
    """Points of the prefix code; of several seeds the mean total is `total`."""
    rows = []
    for seed in seeds:
        nll = total + seed - np.mean(list(seeds))
        for share in np.linspace(0, 1, 7):
            rate = share * nll
            rows.append({
                "architecture": "0+-", "code": "the first pixels", "pixels": round(784 * share), "rate": rate,
                "rate_se": 0.3, "distortion": nll - rate, "distortion_se": 0.4, "seed": seed, "images": 500,
                "label_information": 1.7 * share if information else np.nan,
                "label_information_se": 0.04 if information else np.nan, "cell": f"vae0+-_seed{seed}",
            })  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture
def none(tmp_path):
    return read_prefix(tmp_path / "prefix.csv")


TABLES = {
    "36 runs": lambda: told(synthetic.table()),
    "one run": lambda: told(synthetic.table(architectures=["-+v"], betas=[1.0])),
    "12 curves": lambda: told(synthetic.curves(rates=(10,))),
    "12 curves and 72 runs": lambda: told(
        pd.concat([synthetic.curves(), synthetic.table(anneals=(0, 4))], ignore_index=True)
    ),
    "no rate at all": lambda: told(synthetic.table(betas=[1.0])).assign(rate=0.0, label_information=-0.01),
    "rates below 0": lambda: told(synthetic.table(betas=[1.0])).assign(rate=-0.02),
}


@pytest.mark.parametrize("seeds", [(), (0,), (0, 1, 2)])
@pytest.mark.parametrize("table", TABLES)
def test_texts_are_readable(table, seeds, none):
    code = prefix(seeds) if seeds else none
    assert_readable(draw_label_information(TABLES[table](), code, note="a small run", missing=["gone"] * 5))


def test_parts_and_objectives_of_a_user_are_readable(extension):
    table = told(synthetic.table(architectures=own.ARCHITECTURES, betas=(0.1, 1.0), free_bits=(4, 12)))
    assert_readable(draw_label_information(table, prefix()))


def of_prefix(figure):
    return [line for line in figure.axes[0].get_lines() if to_hex(line.get_color()) == PREFIX]


def test_the_prefix_code_goes_through_its_points():
    line, dots = of_prefix(draw_label_information(TABLES["36 runs"](), prefix()))
    for drawn in (line, dots):
        np.testing.assert_allclose(drawn.get_xydata(), prefix()[["rate", "label_information"]])


def test_of_several_seeds_it_is_the_mean():
    figure = draw_label_information(TABLES["36 runs"](), prefix((0, 1, 2)))
    np.testing.assert_allclose(of_prefix(figure)[0].get_xdata(), np.linspace(0, 80, 7))
    assert "prefix code of 0+− (mean of its seeds)" in written(figure)


@pytest.mark.parametrize("known", [True, False])
def test_without_a_prefix_code_none_is_drawn_or_explained(known, none):
    code = none if known else prefix(information=False)
    figure = draw_label_information(TABLES["36 runs"](), code)
    assert not of_prefix(figure) and "prefix" not in written(figure)


def test_no_code_passes_its_rate_nor_the_entropy_of_the_classes():
    figure = draw_label_information(TABLES["36 runs"](), prefix())
    rising, level = [line for line in figure.axes[0].get_lines() if to_hex(line.get_color()) == "#000000"]
    np.testing.assert_allclose(*rising.get_xydata().T)
    assert rising.get_xdata()[-1] == pytest.approx(2.302) and set(level.get_ydata()) == {2.302}
    assert "no code can tell\nmore than its rate" in written(figure) and "H(Y) = 2.30 nats" in written(figure)


def test_all_of_it_is_in_sight():
    runs = TABLES["36 runs"]()
    axes = draw_label_information(runs, prefix()).axes[0]
    left, right = axes.get_xlim()
    low, high = axes.get_ylim()
    assert left < 0 and right > max(80, runs["rate"].max())
    assert low < runs["label_information"].min() and high > 2.302


def test_a_model_without_a_code_does_not_lack_the_measure():
    runs = pd.concat([TABLES["36 runs"](), synthetic.alone()], ignore_index=True)
    shown = written(draw_label_information(runs, prefix(), missing=["gone"]))
    assert "without this measure" not in shown and "1 of 38 cells missing" in shown
    runs.loc[:2, "label_information"] = np.nan
    assert "3 runs without this measure" in written(draw_label_information(runs, prefix()))


def test_a_table_without_the_measure_is_refused(none):
    with pytest.raises(UserError, match="has no labels"):
        draw_label_information(synthetic.table(), none)


def test_curves_are_lines_and_annealed_runs_are_told_apart():
    shown = written(draw_label_information(TABLES["12 curves and 72 runs"](), prefix()))
    assert "a curve: one training" in shown and "dotted ring: annealed β" in shown
    assert "standard error" not in written(draw_label_information(TABLES["12 curves"](), prefix()))

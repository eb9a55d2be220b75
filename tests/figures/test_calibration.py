"""Estimated bounds beside exact values: what is drawn of each, on which side, and with which error."""

import numpy as np
import own
import pandas as pd
import pytest
import synthetic
import torch
from matplotlib.collections import LineCollection, PathCollection
from reading import assert_readable, written

from rdplane.errors import UserError
from rdplane.evaluate.estimate import average
from rdplane.evaluate.importance import with_control
from rdplane.figures.calibration import draw_calibration, importance_error


def estimated(runs, entropy=None):
    known = synthetic.with_information(synthetic.with_density(runs, entropy))
    return known.assign(
        nll_iw=known["entropy"] + 0.7 * known["gap"], nll_iw_se=known["neg_elbo_se"], iw_images=100, iw_samples=16,
        gen_lower=0.5 * known["rate"] - known["gap"] ** 2 / 5, gen_lower_se=0.5, gen_upper=1.1 * known["rate"] + 0.1,
        gen_upper_se=0.4,
    )  # fmt: skip


TABLES = {
    "one run": lambda: estimated(synthetic.table(architectures=["-+v"], betas=[0.5])),
    "13 runs": lambda: estimated(pd.concat([synthetic.table(betas=[0.3]), synthetic.alone(60)], ignore_index=True)),
    "12 curves": lambda: estimated(synthetic.curves(rates=(10,))),
    "12 curves and 72 runs": lambda: estimated(
        pd.concat([synthetic.curves(), synthetic.table(anneals=(0, 4))], ignore_index=True)
    ),
    "no rate at all": lambda: estimated(synthetic.table(betas=[1.0]).assign(rate=0.0)),
}
BOUNDS = {
    "−log p(x), importance-weighted": ["nll_iw"],
    "I(X; Z), lower bound": ["mi_lower"],
    "I(X; Z), upper bound": ["mi_upper"],
    "I_d of generated images, both bounds": ["gen_lower", "gen_upper"],
}


@pytest.mark.parametrize("table", TABLES)
def test_texts_are_readable(table):
    assert_readable(draw_calibration(TABLES[table](), note="a small run", missing=["gone"] * 5))


@pytest.mark.parametrize("left", range(1, 4))
def test_bounds_that_were_not_measured_have_no_panel(left):
    titles = list(BOUNDS)
    gone = [name for title in titles[left:] for name in BOUNDS[title]]
    figure = draw_calibration(TABLES["13 runs"]().assign(**dict.fromkeys(gone, np.nan)))
    assert_readable(figure)
    assert [title for title in titles if title in written(figure)] == titles[:left]
    assert ("log K" in written(figure)) == (left > 1) and "nowhere\nknown" not in written(figure)


def test_without_any_bound_the_figure_says_so():
    known = synthetic.with_density(synthetic.table())
    assert "No bound was estimated" in written(draw_calibration(known))


def test_parts_and_objectives_of_a_user_are_readable(extension):
    runs = synthetic.table(architectures=own.ARCHITECTURES, betas=(0.1, 1.0), free_bits=(4, 12))
    assert_readable(draw_calibration(estimated(runs)))


def heights(axes):
    """Rate and height of the marks."""
    found = [c.get_offsets() for c in axes.collections if isinstance(c, PathCollection)]
    return sorted({(float(x), float(y)) for offsets in found for x, y in np.asarray(offsets)})


def test_a_mark_is_as_far_from_0_as_the_bound_is_from_what_is_exact():
    runs = TABLES["13 runs"]()
    expected = (
        runs["nll_iw"] - runs["entropy"], runs["rate"] - runs["mi_lower"], runs["mi_upper"] - runs["mi_exact_lower"],
        runs["gen_upper"] - runs["gen_lower"],
    )  # fmt: skip
    for axes, slack in zip(draw_calibration(runs).axes, expected, strict=False):
        np.testing.assert_allclose(heights(axes), sorted(set(zip(runs["rate"], slack, strict=True))))


def test_a_wrong_bound_is_in_the_grey():
    runs = TABLES["13 runs"]()
    wrong = runs.assign(mi_lower=runs["mi_lower"].where(runs.index > 0, runs["rate"] + 3))
    axes = draw_calibration(wrong).axes[1]
    assert axes.get_ylim()[0] < -3 and min(y for _, y in heights(axes)) == pytest.approx(-3)
    grey = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert grey.y1 == pytest.approx(0, abs=1e-9) and grey.y0 <= axes.get_ylim()[0] + 1e-9


@pytest.mark.parametrize(("panel", "bound", "exact"), [(1, "mi_lower", "mi_exact_lower"), (2, "rate", "mi_upper")])
def test_what_is_lost_lies_between_what_both_exact_values_say(panel, bound, exact):
    runs = TABLES["13 runs"]()
    axes = draw_calibration(runs).axes[panel]
    segments = next(c for c in axes.collections if isinstance(c, LineCollection)).get_segments()
    lower = [segment[:, 1].min() for segment in segments]
    np.testing.assert_allclose(lower, np.clip(runs[exact] - runs[bound], 0, None), atol=1e-9)


def test_the_lower_bound_has_the_line_of_its_cap():
    axes = draw_calibration(TABLES["13 runs"]()).axes[1]
    (line,) = [line for line in axes.get_lines() if line.get_linestyle() == "--"]
    np.testing.assert_allclose(line.get_xdata() - line.get_ydata(), np.log(500))


def estimates(seed, count=1000, chosen=100):
    """nll_iw - H and its error, of made-up images whose gain is correlated with R + D, and the columns of a row."""
    random = torch.Generator().manual_seed(seed)
    hard = torch.randn(count, generator=random).double()
    surprise, elbo = 90 + 20 * hard, 95 + 20.5 * hard + torch.randn(count, generator=random).double()
    gain = 2 + 0.3 * hard + 0.4 * torch.randn(count, generator=random).double()
    picked = torch.randperm(count, generator=random)[:chosen]
    bound = with_control((elbo - gain)[picked], picked, elbo)
    row = {"nll_iw": bound.value, "nll_iw_se": bound.se, "iw_images": chosen, "iw_samples": 16, "images": count}
    row |= dict(zip(("neg_elbo", "neg_elbo_se"), average(elbo), strict=True))
    row |= dict(zip(("gap", "gap_se"), average(elbo - surprise), strict=True))
    return bound.value - surprise.mean().item(), row


def test_the_error_of_the_importance_weighted_bound_is_at_least_its_spread_and_far_below_its_own():
    found = [estimates(seed) for seed in range(60)]
    spread = np.std([value for value, _ in found], ddof=1)
    table = pd.DataFrame([row for _, row in found])
    error = importance_error(table).mean()
    assert 0.8 * spread < error < 0.7 * table["nll_iw_se"].mean()


def test_without_a_gain_it_is_that_of_the_gap():
    _, row = estimates(0)
    table = pd.DataFrame([row | {"nll_iw": row["neg_elbo"] + 1e-5, "nll_iw_se": row["neg_elbo_se"]}])
    assert importance_error(table)[0] == pytest.approx(row["gap_se"])


def test_the_axes_say_what_is_exact():
    shown = written(draw_calibration(estimated(synthetic.table(), 70.0)))
    assert "H = 70.0 ± 0.3 nats" in shown and "in grey a bound\nwould be wrong" in shown


def test_a_table_without_the_density_is_refused():
    with pytest.raises(UserError, match="density of the images is not known"):
        draw_calibration(synthetic.table())

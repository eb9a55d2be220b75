"""Cells: one identity for one run, another for any change that matters."""

import pytest

from rdplane.errors import UserError
from rdplane.experiment.architectures import ARCHITECTURES
from rdplane.experiment.cells import compute_settings, evaluation_of, expand, points_of, select
from rdplane.experiment.config import resolve_config
from rdplane.experiment.keys import COMPUTE


def cells(**raw):
    return expand(resolve_config(raw))


def names(**raw):
    return set(cells(**raw))


def test_full_product():
    grid = {"beta": [0.1, 1], "anneal": [0, 5], "seed": [0, 1, 2]}
    assert len(cells(grid=grid)) == len(ARCHITECTURES) * 2 * 2 * 3


def test_name_is_readable_and_ends_in_a_hash():
    (name,) = cells(grid={"architectures": ["-+v"], "beta": 0.1, "anneal": 100, "seed": 3})
    slug, _, hashed = name.rpartition("_")
    assert slug == "vae-+v_beta0.1_anneal100_seed3"
    assert len(hashed) == 8
    int(hashed, 16)


def test_order_of_a_list_is_no_change():
    grid = {"architectures": ["---", "+++"], "beta": [0.1, 1]}
    assert list(cells(grid=grid)) == list(cells(grid={k: v[::-1] for k, v in grid.items()}))


def test_spelling_is_no_change():
    assert names(grid={"beta": [1]}) == names(grid={"beta": ["1e0"]})


@pytest.mark.parametrize("key", [key.name for key in COMPUTE])
def test_how_a_cell_is_computed_is_no_part_of_its_identity(key):
    assert names(compute={key: {"device": "cpu", "compile": "off"}.get(key, 7)}) == names()


CHANGED = {
    "epochs": 7, "batch_size": 9, "learning_rate": 1, "schedule": "cosine", "constant_epochs": 3,
    "normalise_gradients": False, "average": 0.9, "keep": "best", "precision": "float32",
}  # fmt: skip


@pytest.mark.parametrize("key", CHANGED)
def test_training_key_is_part_of_every_identity(key):
    assert names(training={key: CHANGED[key]}).isdisjoint(names())


def test_a_default_written_out_is_no_change():
    assert names(training={"epochs": 9, "constant_epochs": 4}) == names(training={"epochs": 9})
    cosine = {"schedule": "cosine"}
    assert names(training={**cosine, "warmup_steps": 200}) == names(training=cosine)


def test_settings_of_another_schedule_under_overrides_are_one_line():
    overrides = {"?+?": {"training": {"schedule": "cosine"}}}
    expected = r"training\.constant_epochs is 3 for -\+-, expected null with training\.schedule: cosine"
    with pytest.raises(UserError, match=expected):
        cells(training={"constant_epochs": 3}, overrides=overrides)


def test_size_concerns_only_models_that_have_it():
    changed = cells(model={"pixelcnn_depth": 32})
    kept = set(changed) & names()
    assert {cell["architecture"] for name, cell in changed.items() if name in kept} == {
        a for a in ARCHITECTURES if a[1] == "-"
    }


def test_override_concerns_only_its_architectures():
    changed = cells(overrides={"?+?": {"training": {"epochs": 3}}})
    assert {changed[name]["architecture"] for name in set(changed) - names()} == {
        a for a in ARCHITECTURES if a[1] == "+"
    }


def test_later_override_wins():
    overrides = {"?+?": {"training": {"epochs": 3}}, "-+v": {"training": {"epochs": 4}}}
    epochs = {c["architecture"]: c["training"]["epochs"] for c in cells(overrides=overrides).values()}
    assert (epochs["+++"], epochs["-+v"], epochs["---"]) == (3, 4, 200)


def test_override_reaches_how_a_cell_is_computed():
    config = resolve_config({"overrides": {"?+?": {"compute": {"threads": 2}}}})
    assert [compute_settings(config, a)["threads"] for a in ("---", "-+-")] == [1, 2]


def test_exclude_removes_all_that_match():
    left = cells(grid={"beta": [0.1, 1], "exclude": [{"architecture": "---"}, {"beta": 0.1}]})
    assert len(left) == len(ARCHITECTURES) - 1


def test_target_rate_in_extra_and_exclude():
    extra = [{"architecture": "-+v", "rate_target": [5, 20]}]
    grid = {"architectures": ["---"], "rate_target": [5, 40], "extra": extra, "exclude": [{"rate_target": 40}]}
    found = [(c["objective"]["name"], c["objective"]["value"]) for c in cells(grid=grid).values()]
    assert found == [("beta", 1.0), ("rate_target", 5.0), ("rate_target", 5.0), ("rate_target", 20.0)]


def test_extra_adds_a_cell():
    extra = [{"architecture": "-+v", "beta": 0.3, "seed": 5}]
    assert len(cells(grid={"extra": extra})) == len(ARCHITECTURES) + 1


@pytest.mark.parametrize(
    "grid", [{"beta": [1, "1.0"]}, {"seed": [2, 2]}, {"extra": [{"architecture": "---", "beta": 1}]}]
)
def test_coinciding_cells(grid):
    with pytest.raises(UserError, match=r"the cell '---' with beta 1, anneal 0, seed \d appears twice"):
        cells(grid=grid)


@pytest.mark.parametrize("grid", [{"exclude": [{}]}, {"beta": []}])
def test_no_cell_left(grid):
    with pytest.raises(UserError, match="no cell is left; expected at least one value of beta, "):
        cells(grid=grid)


def test_extra_line_without_an_aim():
    expected = r"grid\.extra: the line .* adds no cell; expected one of beta, curve, rate_penalty, rate_target"
    with pytest.raises(UserError, match=expected):
        cells(grid={"extra": [{"architecture": "---", "seed": 3}]})


def test_target_rates_stand_beside_betas():
    grid = cells(grid={"architectures": ["---"], "beta": [1], "rate_target": [5, 20], "anneal": [0, 5]})
    assert [name.rpartition("_")[0] for name in grid] == [
        "vae---_beta1_seed0", "vae---_beta1_anneal5_seed0", "vae---_rate5_seed0", "vae---_rate20_seed0",
    ]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), [("target_curvature", 1), ("target_step", 1)])
def test_settings_of_an_objective_concern_its_cells_only(key, value):
    grid = {"architectures": ["---"], "beta": [1], "rate_target": [5], "rate_penalty": [5]}
    changed = cells(grid=grid, training={key: value})
    (name,) = set(changed) - names(grid=grid)
    assert changed[name]["objective"]["name"] == "rate_target"


def test_selection_by_target_rate():
    grid = cells(grid={"architectures": ["---"], "beta": [1], "rate_target": [5]})
    assert [grid[name]["objective"]["name"] for name in select(grid, {"rate_target": [5.0]})] == ["rate_target"]


def test_anneal_longer_than_training():
    with pytest.raises(UserError, match=r"grid\.anneal is 9 epochs, expected at most training\.epochs \(3"):
        cells(grid={"anneal": 9}, training={"epochs": 3})


def test_selection_by_decoder_and_beta():
    grid = cells(grid={"beta": [0.1, 1]})
    assert {grid[name]["architecture"][1] for name in select(grid, {"decoder": ["+"], "beta": [1.0]})} == {"+"}
    assert len(select(grid, {"decoder": ["+"], "beta": [1.0]})) == 6


CURVE = {"architectures": ["-+v"], "beta": [], "curve": [[0.05, 1.25]]}


def test_a_range_is_one_cell_with_both_ends_in_its_name():
    (name,) = names(grid=CURVE)
    assert name.startswith("vae-+v_curve0.05-1.25_seed0_")


def test_a_curve_is_not_annealed():
    (cell,) = cells(grid=CURVE | {"anneal": [0, 5]}).values()
    assert cell["anneal"] == 0


def test_where_a_curve_is_measured_is_no_part_of_its_identity():
    assert names(grid=CURVE, evaluation={"curve_points": [0.3], "curve_rates": [9]}) == names(grid=CURVE)


def test_an_objective_has_overrides_of_its_own():
    grid = {"architectures": ["---"], "beta": [0.5], "curve": [[0.1, 1]]}
    found = cells(grid=grid, training={"epochs": 4}, overrides={"curve": {"training": {"epochs": 12}}})
    assert {cell["objective"]["name"]: cell["training"]["epochs"] for cell in found.values()} == {
        "beta": 4,
        "curve": 12,
    }


def test_an_objective_has_overrides_for_some_architectures():
    grid = {"architectures": ["---", "-+-"], "beta": [1.0], "curve": [[0.1, 1.0]]}
    overrides = {name: {"training": {"epochs": n}} for name, n in {"?+?": 3, "curve ?-?": 12, " curve  ?+?": 6}.items()}
    found = cells(grid=grid, training={"epochs": 4}, overrides=overrides)
    epochs = [(c["architecture"], c["objective"]["name"], c["training"]["epochs"]) for c in found.values()]
    assert sorted(epochs) == [("-+-", "beta", 3), ("-+-", "curve", 6), ("---", "beta", 4), ("---", "curve", 12)]


def points(low, high, betas=(), **evaluation):
    config = resolve_config({"grid": {"beta": list(betas), "curve": [[low, high]]}, "evaluation": evaluation})
    return points_of(config, {"name": "curve", "value": [low, high]})


def test_other_cells_have_no_points():
    assert points_of(resolve_config({}), {"name": "beta", "value": 0.5}) is None


def test_points_are_round_numbers_of_the_range():
    assert points(0.05, 1.25)["betas"] == [0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0]


def test_a_range_without_round_numbers_is_measured_at_its_ends():
    assert points(0.81, 0.89)["betas"] == [0.81, 0.89]


def test_betas_of_separate_cells_are_among_the_points():
    assert points(0.05, 1.25, betas=[0.01, 0.1, 0.5], curve_points=[0.3])["betas"] == [0.1, 0.3, 0.5]


def test_rates_are_searched_in_order():
    assert points(0.05, 1.25, curve_rates=[20, 5, 20])["rates"] == [5, 20]


def test_points_that_another_range_alone_has_are_left_to_it():
    grid = {"beta": [], "curve": [[0.1, 1], [0.5, 5]]}
    config = resolve_config({"grid": grid, "evaluation": {"curve_points": [0.2, 0.7, 2]}})
    found = [points_of(config, {"name": "curve", "value": ends})["betas"] for ends in grid["curve"]]
    assert found == [[0.2, 0.7], [0.7, 2]]


def test_betas_of_lines_beside_the_grid_are_among_the_points():
    extra = [{"architecture": ["---"], "beta": [0.65]}]
    config = resolve_config({"grid": {"beta": [], "curve": [[0.1, 1]], "extra": extra}})
    assert 0.65 in points_of(config, {"name": "curve", "value": [0.1, 1.0]})["betas"]


def test_points_of_one_name_are_one():
    assert points(0.1, 1, curve_points=[0.3, 0.30000000000001])["betas"] == [0.3]


def test_averages_that_curves_alone_have_are_measured_for_these_alone():
    overrides = {"curve": {"training": {"average": 0.99}}}
    config = resolve_config({"grid": {"curve": [[0.1, 1]]}, "overrides": overrides})
    found = ["average" in evaluation_of(config, "---", objective) for objective in ("beta", "curve")]
    assert found == [False, True]


def test_a_range_by_itself_is_a_list_of_one():
    assert names(grid=CURVE | {"curve": [0.05, 1.25]}) == names(grid=CURVE)

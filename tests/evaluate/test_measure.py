"""What holds for every measure of the package, on a model in memory."""

import finished
import linear_gaussian as lg
import numpy as np
import pytest
import torch

from rdplane.declare.registry import declared
from rdplane.evaluate.call import call
from rdplane.evaluate.given import Given
from rdplane.experiment import versions
from rdplane.experiment.architectures import ARCHITECTURES
from rdplane.experiment.metrics import measured, rules_of
from rdplane.models.build import build

LABELS = np.arange(40) % 3
MEASURES = (
    "rate_distortion", "information", "importance", "units", "label_information", "probe", "generative", "average"
)  # fmt: skip
BITS = rules_of(declared().measures["bits"])  # of grey and colour images alone
EXACT = rules_of(declared().measures["exact"])  # needs images of a known density: see test_exact.py
SWITCHES = {  # key that switches a measure off -> its columns
    "mi_images": ["mi_lower", "mi_lower_se", "mi_upper", "mi_upper_se", "mi_images"],
    "iw_images": ["nll_iw", "nll_iw_se", "iw_samples", "iw_images"],
    "unit_images": ["active_units"],
    "probe_images": [
        "label_information", "label_information_se", "label_entropy",
        "probe_accuracy", "probe_accuracy_se", "probe_classes",
    ],
    "gen_samples": ["gen_lower", "gen_lower_se", "gen_upper", "gen_upper_se", "gen_samples"],
}  # fmt: skip


def measure(model, images, labels=LABELS, only=MEASURES, pixels="binary", **settings):
    """The columns of these measures, each with what the others kept."""
    results, kept = {}, {}
    evaluation = finished.evaluation_of(average=True, pixels=pixels, **settings)
    for name in ("rate_distortion", *only):
        declaration = declared().measures[name]
        if name in evaluation and not (declaration.labels and labels is None):
            own = {key: value for key, value in evaluation[name].items() if key != "version"}
            known = {needed: kept[needed] for needed in declaration.needs}
            given = Given(model, images, labels, own, known, average=model if declaration.average else None)
            results |= call(declaration, given)
            kept[name] = given.kept
    without = {*EXACT, *(BITS if pixels == "binary" else ())}
    return {name: results.get(name) for name in measured() if name not in without}


def empty(results):
    return [name for name, value in results.items() if value is None]


@pytest.fixture
def x():
    return lg.images(40)


@pytest.fixture
def model():
    return lg.model().float()


def test_measures_come_in_the_order_of_their_columns():
    assert tuple(declared().measures) == (*MEASURES, "exact", "bits")
    switched = {}
    for declaration in declared().measures.values():
        if declaration.off:
            switched.setdefault(declaration.off, []).extend(rules_of(declaration))
    assert switched == SWITCHES


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_measure_of_every_architecture_is_a_finite_number(architecture):
    binary = torch.bernoulli(torch.full((40, 8, 8), 0.4)).to(torch.uint8)
    results = measure(build(architecture, (8, 8), finished.SIZES), binary)
    assert list(results) == [name for name in measured() if name not in {*EXACT, *BITS}]
    assert all(np.isfinite(value) for value in results.values())


@pytest.mark.parametrize("architecture", ["---", "++v", "-++"])
@pytest.mark.parametrize("pixels", ["grey", "colour"])
def test_every_measure_of_images_of_8_bits_is_a_finite_number(architecture, pixels):
    shape = (6, 7, 3) if pixels == "colour" else (6, 7)
    stored = torch.randint(256, (40, *shape), dtype=torch.uint8)
    model = build(architecture, shape, finished.SIZES, pixels=pixels)
    results = measure(model, stored, only=(*MEASURES, "bits"), pixels=pixels)
    assert list(results) == [name for name in measured() if name not in EXACT]
    assert all(np.isfinite(value) for value in results.values())


def test_bits_per_dimension_are_nats_over_log_2_and_the_numbers_of_an_image():
    model = build("---", (4, 5, 3), finished.SIZES, pixels="colour")
    found = measure(model, torch.randint(256, (40, 4, 5, 3), dtype=torch.uint8), only=("bits",), pixels="colour")
    assert found["dimensions"] == 60
    for ending in ("", "_se"):
        assert found[f"bits_per_dim{ending}"] == pytest.approx(found[f"neg_elbo{ending}"] / (60 * np.log(2)))


def test_uniform_noise_costs_about_8_bits_per_dimension_or_more():
    # No model can know what is drawn uniformly from 256 levels.
    model = build("---", (8, 8), finished.SIZES, pixels="grey")
    found = measure(model, torch.randint(256, (40, 8, 8), dtype=torch.uint8), only=("bits",), pixels="grey")
    assert found["bits_per_dim"] > 8 - 5 * found["bits_per_dim_se"]


@pytest.mark.parametrize("architecture", ["q-q", "q+q"])
def test_of_a_discrete_code_only_bounds_that_are_infinite_are_missing(architecture):
    binary = torch.bernoulli(torch.full((40, 8, 8), 0.4)).to(torch.uint8)
    results = measure(build(architecture, (8, 8), finished.SIZES), binary)
    assert set(empty(results)) <= {"mi_upper", "mi_upper_se", "gen_lower", "gen_lower_se"}


def test_the_importance_weighted_bound_of_a_discrete_code_is_minus_its_elbo():
    binary = torch.bernoulli(torch.full((40, 8, 8), 0.4)).to(torch.uint8)
    results = measure(build("q+q", (8, 8), finished.SIZES), binary, iw_images=40)
    assert results["nll_iw"] == pytest.approx(results["neg_elbo"], rel=1e-5)


def test_the_same_seed_gives_the_same_numbers(model, x):
    first = measure(model, x)
    torch.manual_seed(99)
    assert measure(model, x) == first


def test_another_seed_gives_other_numbers(model, x):
    first, second = (measure(model, x, seed=seed) for seed in (0, 1))
    for name in ("rate", "mi_lower", "nll_iw", "gen_upper"):
        assert first[name] != second[name]


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_alone_gives_the_numbers_that_it_gives_among_all(model, x, name):
    every, alone = measure(model, x), measure(model, x, only=[name])
    own = list(rules_of(declared().measures[name]))
    assert {column: alone[column] for column in own} == {column: every[column] for column in own}


@pytest.mark.parametrize("key", SWITCHES)
def test_a_measure_switched_off_leaves_its_columns_empty(model, x, key):
    assert empty(measure(model, x, **{key: 0})) == SWITCHES[key]


def test_the_classes_that_the_probe_tells_apart_are_counted(model, x):
    assert measure(model, x)["probe_classes"] == 3


def test_labels_that_allow_no_probe_count_no_classes(model, x):
    assert empty(measure(model, x, labels=np.arange(40))) == SWITCHES["probe_images"]


def test_without_labels_there_is_no_probe(model, x):
    assert empty(measure(model, x, labels=None)) == SWITCHES["probe_images"]


def test_a_smaller_test_set_is_used_whole(model, x):
    results = measure(model, x, mi_images=1000, iw_images=1000)
    assert results["mi_images"] == results["iw_images"] == results["images"] == 40


def test_a_bound_that_overflows_leaves_the_others(model, x, monkeypatch):
    monkeypatch.setattr(model, "log_posterior", lambda x, z: torch.full((len(x),), torch.inf))
    assert empty(measure(model, x)) == ["gen_lower", "gen_lower_se"]


def test_chosen_images_are_a_random_part_without_repetition(x):
    given = Given(lg.model(), x, None, {"seed": 3})
    chosen = given.choose(10)
    assert len(set(chosen.tolist())) == 10 and chosen.tolist() != sorted(chosen.tolist())
    assert given.choose(10).equal(chosen) and sorted(given.choose(99).tolist()) == list(range(40))


@pytest.mark.parametrize("measure", MEASURES)
def test_an_edit_of_a_measure_concerns_no_other_but_what_imports_it(measure):
    sources = {path.stem for path in versions.sources(f"measure {measure}")}
    imported = {"generative": {"importance"}, "average": {"rate_distortion"}}
    assert sources & set(MEASURES) == {measure} | imported.get(measure, set())


@pytest.mark.parametrize("measure", MEASURES)
def test_what_draws_samples_or_trains_is_no_part_of_a_measure(measure):
    sources = {str(path.relative_to(versions.PACKAGE)) for path in versions.sources(f"measure {measure}")}
    assert not any(source.startswith(("train/", "figures/", "page/", "commands/")) for source in sources)
    assert not sources & {"evaluate/samples.py", "table/category.py", "table/rd.py", "table/short.py"}

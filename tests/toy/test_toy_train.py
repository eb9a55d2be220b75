import numpy as np
import pytest
import torch

from rdplane.errors import UserError
from rdplane.toy import exact, model, optimal, source
from rdplane.toy.record import Record
from rdplane.toy.train import Objective, train

torch.set_num_threads(1)
STEPS = 8000


@pytest.fixture(scope="module")
def data():
    return source.solve()


@pytest.fixture(scope="module")
def elbo(data):
    return Record("beta", 1.0, 0, STEPS, data.joint, train(data, Objective("beta", 1.0), 0, steps=STEPS)).quantities()


@pytest.fixture(scope="module")
def target(data):
    trained = train(data, Objective("rate_penalty", 0.5), 0, steps=STEPS)
    return Record("rate_penalty", 0.5, 0, STEPS, data.joint, trained).quantities()


@pytest.fixture(scope="module")
def built(data):
    return Record("optimal", None, None, 0, data.joint, optimal.build(data)).quantities()


def _parameters(seed, bins=6, latents=5):
    parameters = model.initialise(bins, latents, seed)
    parameters.vector[:] = np.random.default_rng(seed).standard_normal(len(parameters.vector))
    return parameters


def _by_autograd(parameters, p):
    """R, D and their gradients by torch, written from the paper's formulas alone."""
    vector = torch.tensor(parameters.vector, requires_grad=True)
    bins, latents = parameters.bins, parameters.latents
    w_e, b_e, w_d, b_d, pi = vector.split([latents, latents, bins, bins, latents])
    x, z = (torch.linspace(-1, 1, size, dtype=torch.float64) for size in (bins, latents))
    log_e = torch.log_softmax(-((w_e * x[:, None] - b_e) ** 2), dim=1)
    log_d = torch.log_softmax(-((w_d * z[:, None] - b_d) ** 2), dim=1)
    joint = torch.tensor(p)[:, None] * log_e.exp()
    rate, distortion = (joint * (log_e - torch.log_softmax(pi, 0))).sum(), -(joint * log_d.T).sum()
    grads = [torch.autograd.grad(value, vector, retain_graph=True)[0].numpy() for value in (rate, distortion)]
    return rate.item(), distortion.item(), *grads


@pytest.mark.parametrize("part", range(4), ids=["rate", "distortion", "rate gradient", "distortion gradient"])
@pytest.mark.parametrize("seed", range(3))
def test_hand_written_gradients_are_those_of_autograd(seed, part):
    parameters = _parameters(seed)
    p = np.random.default_rng(seed + 100).dirichlet(np.ones(6))
    ours, theirs = model.rate_distortion_gradients(parameters, p), _by_autograd(parameters, p)
    np.testing.assert_allclose(ours[part], theirs[part], rtol=1e-10, atol=1e-12)


def test_objective_of_training_is_the_reported_rate_and_distortion():
    parameters, p = _parameters(0), np.full(6, 1 / 6)
    rate, distortion, _, _ = model.rate_distortion_gradients(parameters, p)
    made = parameters.model()
    assert rate == pytest.approx(exact.rate(p, made.encoder, made.marginal))
    assert distortion == pytest.approx(exact.distortion(p, made.encoder, made.log_decoder))


@pytest.mark.parametrize("part", ["encoder", "decoder", "marginal"])
def test_model_is_made_of_distributions(part):
    np.testing.assert_allclose(getattr(_parameters(1).model(), part).sum(axis=-1), 1)


def test_decoder_can_ignore_the_code():
    """With w = 0 every z has the same d(x|z), whatever b: the reading in which the ELBO can collapse."""
    parameters = _parameters(2)
    parameters.w_d[:] = 0
    decoder = parameters.model().decoder
    np.testing.assert_allclose(decoder, np.broadcast_to(decoder[0], decoder.shape))


def test_training_begins_near_rate_zero(data):
    made = model.initialise(30, 30, 0).model()
    assert exact.mutual_information(data.p, made.encoder) < 0.05


def test_same_seed_gives_the_same_model(data):
    first, second = (train(data, Objective("beta", 1.0), 3, steps=20) for _ in range(2))
    np.testing.assert_array_equal(first.log_encoder, second.log_encoder)


def test_other_seeds_give_other_models(data):
    first, second = (train(data, Objective("beta", 1.0), seed, steps=20) for seed in (3, 4))
    assert not np.array_equal(first.log_encoder, second.log_encoder)


def test_elbo_collapses_to_rate_zero(elbo):
    assert elbo["rate"] < 0.01


def test_elbo_reaches_the_data_entropy(elbo):
    assert elbo["excess"] < 1e-4


def test_rate_penalty_is_reached(target):
    assert target["rate"] == pytest.approx(0.5, abs=0.005)


def test_rate_penalty_model_is_optimal(target):
    assert target["excess"] < 0.005


def test_rate_penalty_model_finds_the_two_clusters(target):
    assert target["class_mass"] == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize("density", ["kl_p_g", "kl_p_d"])
@pytest.mark.parametrize("run", ["elbo", "target"])
def test_both_models_reproduce_the_data(run, density, request):
    assert request.getfixturevalue(run)[density] < 1e-4


def test_hand_built_model_lies_on_the_optimum(built):
    assert built["excess"] == pytest.approx(0, abs=1e-12)


def test_hand_built_model_has_the_rate_of_the_true_process(built):
    assert built["rate"] == pytest.approx(0.5, abs=1e-6)


def test_hand_built_model_has_the_masses_of_the_true_classes(built):
    assert built["class_mass"] == pytest.approx(0.7)


@pytest.mark.parametrize("bound", ["gen_lower", "gen_information", "gen_upper"])
def test_generative_bounds_of_the_hand_built_model_are_tight(built, bound):
    assert built[bound] == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("latents", [2, 7, 30])
def test_any_number_of_codes_can_carry_the_true_process(data, latents):
    made = optimal.build(data, latents)
    assert exact.rate(data.p, made.encoder, made.marginal) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(
    ("objective", "names"),
    [
        (Objective("rate_penalty", 2.9), "sigma is 2.9"),
        (Objective("rate_penalty", -0.1), "sigma is -0.1"),
        (Objective("rate_penalty", float("nan")), "sigma is nan"),
        (Objective("beta", -1.0), "beta is -1"),
        (Objective("beta", float("inf")), "beta is inf"),
        (Objective("elbo", 1.0), "'elbo'"),
    ],
)
def test_objectives_that_cannot_be_met_are_refused(data, objective, names):
    with pytest.raises(UserError, match=names):
        train(data, objective, 0)


@pytest.mark.parametrize("changes", [{"latents": 1}, {"steps": 0}, {"learning_rate": 0.0}])
def test_numbers_out_of_range_are_refused_by_name(data, changes):
    with pytest.raises(UserError, match=f"toy {next(iter(changes))} is"):
        train(data, Objective("beta", 1.0), 0, **changes)

import pytest
import torch
from safetensors.torch import load_file, save_file, save_model


def numbers(model, x, seed=3):
    torch.manual_seed(seed)
    with torch.no_grad():
        return torch.stack(model.rate_distortion(x))


def test_rate_and_distortion_are_one_number_an_image(architecture, tiny, images):
    rate, distortion = tiny(architecture).rate_distortion(images(5))
    assert rate.shape == distortion.shape == (5,)


def test_rate_and_distortion_are_log_density_ratios_at_the_drawn_code(architecture, tiny, images):
    model, x = tiny(architecture), images(5)
    torch.manual_seed(3)
    z = model.encode(x).z
    rate = model.log_posterior(x, z) - model.log_prior(z)
    torch.testing.assert_close(numbers(model, x), torch.stack([rate, -model.log_likelihood(x, z)]))


def test_every_parameter_gets_a_gradient(architecture, tiny, images):
    model = tiny(architecture, made_units=32)
    rate, distortion = model.rate_distortion(images(16))
    (rate + distortion).mean().backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []


@pytest.mark.parametrize("shape", [(8, 12), (28, 28), (16, 4)])
def test_any_sides_divisible_by_four_work(architecture, tiny, images, shape):
    assert tiny(architecture, shape).reconstruct(images(2, shape)).shape == (2, *shape)


def test_generated_images_are_binary(architecture, tiny):
    x = tiny(architecture).generate(3)
    assert x.shape == (3, 8, 12) and ((x == 0) | (x == 1)).all()


def test_same_seed_gives_same_weights(architecture, tiny):
    torch.manual_seed(7)
    first = tiny(architecture).state_dict()
    torch.manual_seed(7)
    second = tiny(architecture).state_dict()
    assert all(first[key].equal(second[key]) for key in first)


def test_same_seed_gives_same_samples(architecture, tiny, images):
    model, x = tiny(architecture), images(3)
    assert numbers(model, x, seed=1).equal(numbers(model, x, seed=1))


def test_different_seeds_give_different_samples(architecture, tiny, images):
    model, x = tiny(architecture), images(3)
    assert not numbers(model, x, seed=1).equal(numbers(model, x, seed=2))


def test_state_dict_survives_safetensors(architecture, tiny, images, tmp_path):
    model, x = tiny(architecture), images(3)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    torch.manual_seed(5)
    other = tiny(architecture)
    other.load_state_dict(load_file(tmp_path / "model.safetensors"))
    assert numbers(other, x).equal(numbers(model, x))


def test_no_two_entries_of_the_state_dict_share_memory(architecture, tiny):
    tensors = [tensor for tensor in tiny(architecture).state_dict().values() if tensor.numel()]
    assert len({tensor.data_ptr() for tensor in tensors}) == len(tensors)


def test_save_model_of_safetensors_keeps_every_key(architecture, tiny, tmp_path):
    model = tiny(architecture)
    save_model(model, str(tmp_path / "model.safetensors"))
    assert load_file(tmp_path / "model.safetensors").keys() == model.state_dict().keys()


def test_float32_agrees_with_float64(architecture, tiny, images):
    model, x = tiny(architecture), images(3)
    with torch.no_grad():
        z = model.encode(x).z
        exact = model.log_posterior(x, z) - model.log_prior(z) + model.log_likelihood(x, z)
        model, x, z = model.float(), x.float(), z.float()
        single = model.log_posterior(x, z) - model.log_prior(z) + model.log_likelihood(x, z)
    torch.testing.assert_close(single.double(), exact, rtol=1e-4, atol=1e-4)


def test_log_marginal_of_one_sample_is_the_negative_elbo(architecture, tiny, images):
    model, x = tiny(architecture), images(5)
    torch.manual_seed(3)
    with torch.no_grad():
        bound = model.log_marginal(x, samples=1)
    torch.testing.assert_close(bound, -numbers(model, x).sum(0))


@pytest.fixture
def exact(tiny, images):
    """A model with latent 2, an image, and log p(x) = log sum over a grid of m(z) d(x|z)."""
    model, x = tiny("+-v", shape=(4, 4), latent=2), images(1, (4, 4))
    axis = torch.linspace(-9, 9, 121).double()
    grid = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.mul_(2)  # so that pixels depend on z
        joint = model.log_prior(grid) + model.log_likelihood(x.expand(len(grid), -1, -1), grid)
        return model, x, joint.logsumexp(0) + 2 * (axis[1] - axis[0]).log()


def bounds(model, x, samples):
    with torch.no_grad():
        values = model.log_marginal(x.expand(2000, -1, -1), samples, chunk=5000)
    return values.mean(), values.std() / len(values) ** 0.5


@pytest.mark.parametrize("samples", [1, 10])
def test_log_marginal_is_below_the_exact_log_likelihood(exact, samples):
    model, x, log_p = exact
    mean, error = bounds(model, x, samples)
    assert mean < log_p - 3 * error


def test_log_marginal_tightens_with_samples(exact):
    model, x, _ = exact
    (loose, loose_error), (tight, tight_error) = bounds(model, x, 1), bounds(model, x, 10)
    assert loose + 3 * (loose_error + tight_error) < tight


def test_log_marginal_of_many_samples_reaches_the_exact_log_likelihood(exact):
    model, x, log_p = exact
    with torch.no_grad():
        values = model.log_marginal(x, 20_000, chunk=5000)
    torch.testing.assert_close(values, log_p[None], atol=0.02, rtol=0)


def test_log_marginal_bounds_the_rows_that_are_decoded_at_once(tiny, images, monkeypatch):
    model, rows = tiny("---"), []
    log_prob = model.decoder.log_prob
    monkeypatch.setattr(model.decoder, "log_prob", lambda x, z: rows.append(len(x)) or log_prob(x, z))
    model.log_marginal(images(3), samples=7, chunk=10)
    assert rows == [10, 10, 1]

"""Numbers beside a known density: exact where the density is the model's own, and a divergence everywhere else."""

import itertools
import math

import numpy as np
import pytest
import torch

from rdplane.data import load
from rdplane.errors import UserError
from rdplane.evaluate.exact import measure
from rdplane.evaluate.given import Given
from rdplane.evaluate.teacher import draw, draw_images, log_density
from rdplane.models.build import build

SIZES = {"pixelcnn_depth": 2, "pixelcnn_resnets": 1}


def unconditional(seed):
    torch.manual_seed(seed)
    model = build("0+-", (4, 4), SIZES).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)  # further from a fair coin
    return model


def given(log_density, rate, distortion):
    known = {"rate_distortion": {"rate": torch.as_tensor(rate), "distortion": torch.as_tensor(distortion)}}
    return Given(None, torch.zeros(len(rate), 4, 4), None, {}, known, log_density=log_density)


def of_all(model):
    """Log-density of each of the 65,536 images of 4 x 4."""
    every = torch.tensor(list(itertools.product((0, 1), repeat=16)), dtype=torch.uint8).view(-1, 4, 4)
    return torch.from_numpy(log_density(model, every))


def test_log_densities_add_up_to_one():
    assert of_all(unconditional(0)).exp().sum().item() == pytest.approx(1.0, abs=1e-9)


def test_the_teacher_itself_has_no_gap():
    teacher = unconditional(0)
    images = draw(teacher, 50)
    density = log_density(teacher, images)
    distortion = teacher.rate_distortion(images.double())[1].detach()
    found = measure(given(density, torch.zeros(50).double(), distortion))
    assert abs(found["gap"].value) < 1e-9 and found["gap"].se < 1e-9


def test_the_gap_without_a_code_is_the_divergence_from_the_teacher():
    teacher, other = unconditional(0), unconditional(1)
    p, q = of_all(teacher), of_all(other)
    divergence, entropy = (p.exp() * (p - q)).sum().item(), -(p.exp() * p).sum().item()
    torch.manual_seed(2)
    images = draw(teacher, 4000)
    distortion = other.rate_distortion(images.double())[1].detach()
    found = measure(given(log_density(teacher, images), torch.zeros(4000).double(), distortion))
    assert abs(found["gap"].value - divergence) < 4 * found["gap"].se and divergence > 0.1
    assert abs(found["entropy"].value - entropy) < 4 * found["entropy"].se


def test_errors_are_paired():
    """An image that is improbable for all costs all alike."""
    surprise = np.random.default_rng(0).normal(90, 20, 400)
    noise = np.random.default_rng(1).normal(3, 0.1, 400)
    found = measure(given(-surprise, np.full(400, 10.0), surprise - 10 + noise))
    assert found["entropy"].se == pytest.approx(surprise.std(ddof=1) / 20)
    assert found["gap"].se == pytest.approx(noise.std(ddof=1) / 20)
    assert found["gap"].value == pytest.approx(noise.mean())
    assert found["mi_exact_lower"].value == pytest.approx(10 - noise.mean())


def test_drawn_images_are_stored_with_their_densities(tmp_path):
    from finished import write_cell

    folder = write_cell(tmp_path / "cell", "0+-")
    counts = {"train": 6, "valid": 3, "test": 4}
    draw_images(folder, tmp_path / "images.npz", counts, 7, {"dataset": "teacher"}, "cpu", 1)
    images = load(tmp_path / "images.npz")
    assert [len(getattr(images, name)) for name in counts] == [6, 3, 4]
    assert [len(images.log_density[name]) for name in counts] == [6, 3, 4]
    every = np.concatenate([images.log_density[name] for name in counts])
    assert images.meta["entropy"]["nats"] == pytest.approx(-every.mean())
    assert images.meta["entropy"]["se"] == pytest.approx(every.std(ddof=1) / math.sqrt(13))
    again = tmp_path / "again.npz"
    draw_images(folder, again, counts, 7, {"dataset": "teacher"}, "cpu", 1)
    assert again.read_bytes() == (tmp_path / "images.npz").read_bytes()


def test_a_model_with_a_code_is_no_teacher(tmp_path):
    from finished import write_cell

    folder = write_cell(tmp_path / "cell", "-+-")
    with pytest.raises(UserError, match="has a code, so the density of its images is not known"):
        draw_images(folder, tmp_path / "images.npz", {"train": 2}, 0, {}, "cpu", 1)
    assert not (tmp_path / "images.npz").exists()

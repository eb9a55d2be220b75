"""Made-up tables, samples and histories of the shapes that experiments have; no number here is a measurement."""

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from rdplane.declare import declared
from rdplane.experiment.architectures import ARCHITECTURES, parse
from rdplane.table.rd import columns


def table(
    architectures: Sequence[str] = ARCHITECTURES,
    betas: Sequence[float] = (0.1, 0.5, 1.0),
    anneals: Sequence[int] = (0,),
    seeds: Sequence[int] = (0,),
    targets: Sequence[float] = (),
    penalties: Sequence[float] = (),
    dataset: str = "mnist5k",
    images: int = 500,
    **more: Sequence[float],
) -> pd.DataFrame:
    """A full product of runs on a plausible curve; those without a beta have about their objective's number as rate.

    Args:
        more: numbers of further objectives by their names.
    """
    random = np.random.default_rng(0)
    rows = []
    numbers = {"beta": betas, "rate_target": targets, "rate_penalty": penalties, **more}
    objectives = [(name, value) for name, values in numbers.items() for value in values]
    for name, (objective, value), anneal, seed in itertools.product(architectures, objectives, anneals, seeds):
        rows.append(_row(random, name, objective, value, anneal, seed, dataset, images))
    return pd.DataFrame(rows, columns=list(columns()))


def curves(
    architectures: Sequence[str] = ARCHITECTURES,
    betas: Sequence[float] = (0.1, 0.15, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1),
    rates: Sequence[float] = (),
    seeds: Sequence[int] = (0,),
    ends: tuple[float, float] = (0.05, 1.25),
    dataset: str = "mnist5k",
    images: int = 500,
) -> pd.DataFrame:
    """The points of one curve for each architecture and seed, whose slopes are -beta as those of optimal models.

    Args:
        rates: points whose beta was searched; those that the range does not have are left out.
        ends: of the range that was trained.
    """
    random = np.random.default_rng(1)
    rows = []
    for name, seed in itertools.product(architectures, seeds):
        shape = _Shape(name, random)
        numbers = [(beta, np.nan) for beta in betas] + [(shape.beta(rate), rate) for rate in rates]
        for beta, target in sorted(number for number in numbers if ends[0] <= number[0] <= ends[1]):
            cell = f"vae{name}_curve{ends[0]:g}-{ends[1]:g}_seed{seed}_1f2e3d4c"
            row = _row(random, name, "curve", beta, 0, seed, dataset, images)
            rate, distortion = shape.rate(beta), shape.distortion(beta)
            rows.append(row | {
                "beta": beta, "rate_target": target, "rate": rate, "rate_se": 0.1 + 0.01 * rate,
                "distortion": distortion, "neg_elbo": rate + distortion,
                "cell": f"{cell}@{beta:g}" if np.isnan(target) else f"{cell}@rate{target:g}",
            })  # fmt: skip
    return pd.DataFrame(rows, columns=list(columns()))


def alone(nll: float = 81.0, seeds: Sequence[int] = (0,), betas: Sequence[float] = (1.0,), **more) -> pd.DataFrame:
    """Runs of a PixelCNN++ alone, without a rate; of several seeds their mean NLL is `nll`.

    Args:
        more: as for `table`.
    """
    runs = table(architectures=["0+-"], betas=betas, seeds=seeds, **more)
    aside = runs["seed"] - np.mean(list(seeds))
    return runs.assign(rate=0.0, rate_se=0.0, distortion=nll + 0.1 * aside, neg_elbo=nll + 0.1 * aside)


def with_density(runs: pd.DataFrame, entropy: float | None = None) -> pd.DataFrame:
    """The same runs of images whose density is known; by default the best run is 1.5 nats above their entropy."""
    known = runs["neg_elbo"].min() - 1.5 if entropy is None else entropy
    gap = runs["neg_elbo"] - known
    return runs.assign(
        entropy=known, entropy_se=0.31, gap=gap, gap_se=0.05 + 0.03 * gap.abs(),
        mi_exact_lower=known - runs["distortion"], mi_exact_lower_se=0.05 + 0.02 * runs["rate"],
    )  # fmt: skip


def with_information(runs: pd.DataFrame, images: int = 500) -> pd.DataFrame:
    """The same runs with bounds on I(X; Z) from this number of images, which hold where the density is known."""
    slack = runs["gap"].clip(lower=0) if runs["gap"].notna().all() else 0.2 * runs["rate"]
    upper = (runs["rate"] - 0.4 * slack).clip(lower=0)
    return runs.assign(
        mi_lower=np.minimum((runs["rate"] - 0.6 * slack).clip(lower=0), np.log(images)), mi_lower_se=0.02,
        mi_upper=upper, mi_upper_se=0.3, mi_images=images,
    )  # fmt: skip


class _Shape:
    """Rate and distortion over beta of one architecture, dD = -beta dR."""

    def __init__(self, name, random):
        model = parse(name)
        self.autoregressive = model.decoder == "+"
        self.size = random.uniform(44, 54) if self.autoregressive else random.uniform(21, 27)
        penalty = {"-": 3.0, "+": 0.0}.get(model.encoder, 2.0) + {"-": 4.0, "+": 1.0, "v": 0.0}.get(model.marginal, 2.0)
        self.least = (49 if self.autoregressive else 60) + penalty + random.gamma(2, 0.6)

    def rate(self, beta):
        return self.size * max(0.0, 1.05 - beta) if self.autoregressive else self.size * beta**-0.45

    def distortion(self, beta):
        if self.autoregressive:
            return self.least + self.size * min(beta, 1.05) ** 2 / 2
        return self.least + self.size * 0.45 / 0.55 * beta**0.55

    def beta(self, rate):
        return 1.05 - rate / self.size if self.autoregressive else (rate / self.size) ** (-1 / 0.45)


def _row(random, name, objective, value, anneal, seed, dataset, images):
    model = parse(name)
    autoregressive = model.decoder == "+"
    if objective != "beta":
        rate = value * random.normal(1, 0.02)
    elif autoregressive:
        rate = max(0.0, 48 * (1.05 - value) * random.normal(1, 0.1)) if value < 1.05 else 0.0
    else:
        rate = 24 * value**-0.45 * random.normal(1, 0.05)
    penalty = {"-": 3.0, "+": 0.0}.get(model.encoder, 2.0) + {"-": 4.0, "+": 1.0, "v": 0.0}.get(model.marginal, 2.0)
    distortion = (
        80 * np.exp(-rate / 75) + 0.1 * penalty * rate / 5 + (0 if autoregressive else 12) + random.gamma(2, 0.6)
    )
    model_name = f"vae{name}_{objective}{value:g}_anneal{anneal}_seed{seed}_1f2e3d4c"
    return {
        "experiment": "synthetic",
        "dataset": dataset,
        "architecture": name,
        "encoder": model.encoder,
        "decoder": model.decoder,
        "marginal": model.marginal,
        "objective": objective,
        **{name: value if name == objective else np.nan for name in declared().objectives},
        "anneal": anneal,
        "seed": seed,
        "epochs": 8,
        "epoch": 8,
        "parameters": 100_000,
        "rate": rate,
        "rate_se": 0.1 + 0.01 * rate,
        "distortion": distortion,
        "distortion_se": 20 / images**0.5,
        "neg_elbo": rate + distortion,
        "neg_elbo_se": 22 / images**0.5,
        "images": images,
        "z_samples": 1,
        "train_seconds": 12.5,
        "device": "cpu",
        "precision": "float32",
        "cell": model_name,
    }


def samples(count: int = 6, height: int = 28, width: int = 28, seed: int = 0) -> dict[str, np.ndarray]:
    """Rings as images, noisy as samples, smooth as averages."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    centre = random.uniform(0.35, 0.65, (count, 2))
    radius = np.hypot(x[None] / width - centre[:, 0, None, None], y[None] / height - centre[:, 1, None, None])
    ring = np.exp(-(((radius - 0.25) / 0.06) ** 2))
    binary = (ring > 0.5).astype(np.uint8)
    noisy = (random.random(ring.shape) < ring).astype(np.uint8)
    smooth = ring.astype(np.float32)
    return {
        "data": binary,
        "reconstruction_sample": noisy,
        "reconstruction_mean": smooth,
        "generation_sample": noisy[::-1],
        "generation_mean": smooth[::-1],
        "draws": np.array(5),
    }


def samples_of_points(points: Sequence[str], count: int = 6) -> dict[str, np.ndarray]:
    """Samples of a curve as its cell stores them: what differs along the points has them in front."""
    arrays = samples(count)
    faded = 1 - np.arange(len(points)).reshape(-1, 1, 1, 1) / (2 * len(points))
    shared = {name: arrays.pop(name) for name in ("data", "draws")}
    return shared | {name: array * faded for name, array in arrays.items()} | {"point": np.array(points)}


def history_of_curve(run: pd.Series, ends: tuple[float, float] = (0.05, 1.25), epochs: int = 8) -> pd.DataFrame:
    """Rows of an epoch: both ends of the range of beta and the middle, as far as the range is open."""
    betas = (ends[0], (ends[0] * ends[1]) ** 0.5, ends[1])
    whole = history(run, epochs)
    each = [
        whole.assign(beta=beta, valid_rate=whole["valid_rate"] * (1.5 - index / 2),
                     valid_distortion=whole["valid_distortion"] * (0.9 + index / 10))
        for index, beta in enumerate(betas)
    ]  # fmt: skip
    reached = pd.concat(part[part["epoch"] >= index * epochs / 4] for index, part in enumerate(each))
    return reached.sort_values(["epoch", "beta"]).reset_index(drop=True)


def history(run: pd.Series, epochs: int = 8) -> pd.DataFrame:
    """Curves that end near the run's rate and distortion."""
    epoch = np.arange(1, epochs + 1)
    rest = np.exp(-epoch / (epochs / 4))
    beta = np.full(epochs, 1.0 if np.isnan(run["beta"]) else run["beta"])
    climb = np.minimum(1.0, epoch / run["anneal"]) if run["anneal"] else np.ones(epochs)
    return pd.DataFrame(
        {
            "epoch": epoch,
            "beta": beta * climb,
            "learning_rate": 1e-3,
            "train_rate": run["rate"] * (1 - rest),
            "train_distortion": run["distortion"] + 100 * rest - 2,
            "valid_rate": run["rate"] * (1 - rest) + 0.5,
            "valid_distortion": run["distortion"] + 100 * rest,
            "seconds": 1.5,
            "images_per_second": 2600.0,
        }
    )

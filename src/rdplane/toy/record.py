"""A run's result: its distributions, every exact quantity, and its row of the toy's table."""

import csv
import io
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rdplane.errors import UserError
from rdplane.files import atomic, write_text
from rdplane.toy import exact
from rdplane.toy.exact import Array
from rdplane.toy.model import Model

__all__ = ["COLUMNS", "QUANTITIES", "Record", "load", "save", "write_rows", "write_table"]

QUANTITIES = (
    "rate",
    "distortion",
    "neg_elbo",
    "entropy",
    "excess",
    "information",
    "class_information",
    "class_mass",
    "class_accuracy",
    "kl_p_g",
    "kl_p_d",
    "gen_information",
    "gen_lower",
    "gen_upper",
)
COLUMNS = ("objective", "beta", "rate_penalty", "seed", "steps", *QUANTITIES)

_ARRAYS = ("joint", "log_encoder", "log_decoder", "marginal")


@dataclass(frozen=True)
class Record:
    """What a run has left.

    Attributes:
        objective: 'beta', 'rate_penalty', or 'optimal' for the hand-built model.
        value: beta or sigma; None for 'optimal'.
        seed: of the run; None for 'optimal'.
        steps: training steps; 0 for 'optimal'.
        joint: p*(x, z*), shape (X, 2).
        model: the run's encoder, decoder and marginal.
    """

    objective: str
    value: float | None
    seed: int | None
    steps: int
    joint: Array
    model: Model

    @property
    def p(self) -> Array:
        """p*(x), shape (X,)."""
        return self.joint.sum(axis=1)

    def quantities(self) -> dict[str, float]:
        """Every exact quantity of the run, by the names in `QUANTITIES`, in nats unless said otherwise.

        rate, distortion, entropy: R, D and H, equation 3. neg_elbo: R + D. excess: R + D - H, which is at least 0.
        information: I_e(x; z), equation 1. class_information: I(z; z*) under p_e.
        class_mass: probability of the codes z whose more probable class is 0, that is of {z : p_e(z*=0|z) >= 1/2};
        two clusters that mirror the true classes have the weight of class 0, a collapsed model has 1.
        class_accuracy: probability that the more probable class of z is the true one.
        kl_p_g, kl_p_d: KL(p*||g) with g(x) = sum_z m(z) d(x|z), and KL(p*||d) with d(x) = sum_z p_e(z) d(x|z).
        gen_information, gen_lower, gen_upper: I_d, E with q(z|x) = e(z|x) and G with q(x) = p*(x), equations 6 to 8.
        """
        p, e, d, m = self.p, self.model.encoder, self.model.decoder, self.model.marginal
        rate, distortion = exact.rate(p, e, m), exact.distortion(p, e, self.model.log_decoder)
        entropy = exact.entropy(p)
        induced = exact.aggregate(p, e)
        class_given_z = exact.class_given_code(self.joint, e)
        return {
            "rate": rate,
            "distortion": distortion,
            "neg_elbo": rate + distortion,
            "entropy": entropy,
            "excess": rate + distortion - entropy,
            "information": exact.mutual_information(p, e),
            "class_information": exact.mutual_information(induced, class_given_z),
            "class_mass": float(induced[class_given_z[:, 0] >= 0.5].sum()),
            "class_accuracy": float(induced @ class_given_z.max(axis=1)),
            "kl_p_g": exact.kl(p, m @ d),
            "kl_p_d": exact.kl(p, induced @ d),
            "gen_information": exact.mutual_information(m, d),
            "gen_lower": exact.gen_lower(m, d, self.model.log_encoder),
            "gen_upper": exact.gen_upper(m, d, p),
        }

    def row(self) -> dict[str, str | float | int | None]:
        """The run's row of the table, keys as in `COLUMNS`; None where a column does not apply."""
        return {
            "objective": self.objective,
            "beta": self.value if self.objective == "beta" else None,
            "rate_penalty": self.value if self.objective == "rate_penalty" else None,
            "seed": self.seed,
            "steps": self.steps,
            **self.quantities(),
        }


def save(record: Record, path: str | os.PathLike[str]) -> None:
    """Write `record` as .npz: the arrays in float64, and the exact quantities beside them for other readers.

    Raises:
        UserError: the file cannot be written.
    """
    arrays = {
        "objective": np.array(record.objective),
        "value": np.array(np.nan if record.value is None else record.value),
        "seed": np.array(-1 if record.seed is None else record.seed),
        "steps": np.array(record.steps),
        "joint": record.joint,
        "log_encoder": record.model.log_encoder,
        "log_decoder": record.model.log_decoder,
        "marginal": record.model.marginal,
        **{name: np.array(number) for name, number in record.quantities().items()},
    }
    with atomic(path) as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]


def load(path: str | os.PathLike[str]) -> Record:
    """Read a record that `save` wrote.

    Raises:
        UserError: the file is missing or is not such a record.
    """
    try:
        with np.load(Path(path), allow_pickle=False) as archive:
            stored = {name: archive[name] for name in ("objective", "value", "seed", "steps", *_ARRAYS)}
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; run the step that makes it first") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is not a result of the toy model ({error}); delete it and run again") from None
    value, seed = float(stored["value"]), int(stored["seed"])
    return Record(
        objective=str(stored["objective"]),
        value=None if np.isnan(value) else value,
        seed=None if seed < 0 else seed,
        steps=int(stored["steps"]),
        joint=stored["joint"],
        model=Model(stored["log_encoder"], stored["log_decoder"], stored["marginal"]),
    )


def write_table(records: Sequence[Record], path: str | os.PathLike[str]) -> None:
    """Write one row per record as CSV, columns `COLUMNS`, empty where a column does not apply."""
    write_rows([record.row() for record in records], COLUMNS, path)


def write_rows(rows: Iterable[Mapping[str, object]], columns: Sequence[str], path: str | os.PathLike[str]) -> None:
    """Write rows as CSV with the given columns, whole or not at all; None becomes an empty cell."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, stream.getvalue())

"""Files that anyone may have written: a reader returns a valid result or one line, whatever stands in them.

RDPLANE_FUZZ sets the number of inputs of each test, for a long search by hand.
"""

import copy
import json
import math
import os
from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rdplane.declare.registry import declared
from rdplane.errors import UserError
from rdplane.experiment.config import load_config, resolve_config
from rdplane.experiment.keys import sections
from rdplane.experiment.layout import Layout
from rdplane.experiment.metrics import columns_of, measured, read_metrics
from rdplane.table.rd import aggregate, columns, read_table
from rdplane.toy.run import check

ROOT = Path(__file__).resolve().parents[1]
EVALUATION = {"rate_distortion": {"z_samples": 4, "version": "1"}}
METRICS = {
    "schema": 2,
    "cell": {
        "architecture": "-+v", "objective": {"name": "beta", "value": 0.5}, "anneal": 0, "seed": 3,
        "data": {"dataset": "mnist5k"}, "model": {"latent": 16}, "training": {"epochs": 6},
        "versions": {"training": "1"},
    },
    "evaluation": EVALUATION, **dict.fromkeys(measured()), "rate": 20.0, "rate_se": 0.3, "distortion": 70.0,
    "distortion_se": 0.9, "neg_elbo": 90.0, "neg_elbo_se": 1.0, "images": 500, "z_samples": 4, "active_units": 3,
    "parameters": 9, "epochs": 6, "epoch": 6, "train_seconds": 31.25, "device": "cpu", "precision": "float32",
    "torch": "2.11.0",
}  # fmt: skip

fuzz = settings(
    max_examples=int(os.environ.get("RDPLANE_FUZZ", "150")), deadline=None, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


# Edges of the number types, texts that no file can hold, names that leave a folder, YAML's own words.
NASTY = [
    None, True, 0, -0.0, -1, 1e-320, 1e308, math.inf, math.nan, 2**31, 2**63, 10**400, "", " ", "\0",
    "\ud800", "1e999", "1e-2", "0x10", "١", "../../escape", "/etc/passwd", "a/b", "..", ".", "a\nb", "\u2028",
    "x" * 300, "off", "null", "all", "auto", "?+?", "[", "-+v", [], {}, [[]], {"": 0}, {"beta": []}, [{}], {1: 2},
]  # fmt: skip
KEYS = {name for name in sections() if name} | {key for section in sections().values() for key in section.keys}
KEYS = sorted(KEYS | {"overrides", "architecture", "encoder", "name", "value", "version", "<<", *METRICS})
keys = st.sampled_from(KEYS) | st.text(max_size=5)
scalars = st.sampled_from(NASTY) | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)


@st.composite
def changed(draw, starts):
    """One of `starts` with up to three places replaced, removed or added."""
    value = copy.deepcopy(draw(st.sampled_from(starts)))
    for _ in range(draw(st.integers(1, 3))):
        place = value
        while place:
            key = draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
            if isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 3)):
                place = place[key]
                continue
            action = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
            if action == "remove":
                del place[key]
            elif action == "replace":
                place[key] = copy.deepcopy(draw(values))
            elif isinstance(place, dict):
                place[draw(keys)] = copy.deepcopy(draw(values))
            else:
                place.append(copy.deepcopy(draw(values)))
            break
    return value


PIECES = [
    b"[" * 1500, b"{a: " * 1500, b"&a [*a]", b"!!int ''", b"!!binary x", b"2001-99-99", b"1:99", b"<<: *a", b"NaN",
    b"1e999", b"!!python/name:os.system", b"!!timestamp x", b"!!bool x", b"!!set {a}", b"!!omap [a: 1]", b"\\ud800",
    b"9" * 5000, b"0x" + b"f" * 5000,
]  # fmt: skip


@st.composite
def damaged(draw, starts):
    """The bytes of one of `starts` with a few places overwritten, doubled or cut."""
    raw = bytearray(draw(st.sampled_from(starts)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(raw)))
        end = min(len(raw), start + draw(st.integers(0, 40)))
        text = st.text(alphabet="[]{}:,-&*!|>%@`'\"#?\n \t0159.eE<_", max_size=8).map(str.encode)
        doubled = st.just(bytes(raw[start:end]) * 2)
        raw[start:end] = draw(st.binary(max_size=6) | text | doubled | st.sampled_from(PIECES))
        if not draw(st.integers(0, 9)):
            del raw[start:]
    return bytes(raw)


def one_line(error):
    assert str(error).strip() and len(str(error).splitlines()) == 1


def accept(config):
    """What is made of a valid configuration before any job runs; no name leaves the results folder."""
    assert resolve_config(copy.deepcopy(config)) == config
    layout = Layout(config)
    if math.prod(len(axis) for axis in config["grid"].values() if axis) > 1000 or len(config["toy"]["seed"]) > 100:
        return
    for path in (layout.images, *map(layout.cell, layout.cells), *(layout.toy / name for name in layout.toy_cells)):
        assert path.parts[:1] == ("results",) and ".." not in path.parts
    assert all(Path(name).name == name for name in layout.grids)
    check(config["toy"])


def read(path, content, reader):
    path.write_bytes(content)
    try:
        return reader(path)
    except UserError as error:
        one_line(error)
        assert str(path) in str(error)


def spelled(value, spell):
    """A value as a file would hold it; what has no spelling becomes another damaged file."""
    try:
        return spell(value).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError, yaml.YAMLError):
        return repr(type(value)).encode()


FILES = [path.read_bytes() for path in (ROOT / "config.yaml", *sorted(ROOT.glob("workflow/presets/*.yaml")))]
SHIPPED = [yaml.safe_load(content) for content in FILES]


@fuzz
@given(value=changed(SHIPPED))
def test_configuration_with_changed_values(value):
    try:
        accept(resolve_config(value))
    except UserError as error:
        one_line(error)


def read_configuration(path, content):
    config = read(path, content, load_config)
    if config is not None:
        try:
            accept(config)
        except UserError as error:
            one_line(error)


@fuzz
@given(value=changed(SHIPPED) | st.dictionaries(keys, values, max_size=5) | values)
def test_configuration_of_any_yaml(tmp_path_factory, value):
    content = spelled(value, lambda value: yaml.safe_dump(value, allow_unicode=True))
    read_configuration(tmp_path_factory.getbasetemp() / "any.yaml", content)


@fuzz
@given(content=damaged(FILES) | st.binary(max_size=200))
def test_configuration_with_damaged_bytes(tmp_path_factory, content):
    read_configuration(tmp_path_factory.getbasetemp() / "damaged.yaml", content)


def read_cell(folder, content):
    """A file that is taken for metrics makes a row of the table that reads back."""
    folder.mkdir(exist_ok=True)
    metrics = read(folder / "metrics.json", content, read_metrics)
    if metrics is not None:
        aggregate("fuzz", [folder], folder / "rd.csv")
        (row,) = read_table(folder / "rd.csv").to_dict("records")
        assert (row["rate"], row["cell"], row["seed"]) == (metrics["rate"], folder.name, metrics["cell"]["seed"])
        try:
            aggregate("fuzz", [folder], folder / "rd.csv", evaluation={("-+v", "beta"): EVALUATION})
        except UserError as error:
            one_line(error)


@fuzz
@given(value=changed([METRICS]) | values)
def test_metrics_with_changed_values(tmp_path_factory, value):
    content = spelled(value, lambda value: json.dumps(value, ensure_ascii=False))
    read_cell(tmp_path_factory.getbasetemp() / "changed", content)


@fuzz
@given(content=damaged([json.dumps(METRICS, indent=2).encode()]) | st.binary(max_size=200))
def test_metrics_with_damaged_bytes(tmp_path_factory, content):
    read_cell(tmp_path_factory.getbasetemp() / "damaged", content)


OPTIONAL = set(measured()) - {column.name for column in columns_of(declared().measures["rate_distortion"])}
RUN = {
    "experiment": "fuzz", "dataset": "mnist5k", "architecture": "-+v", "encoder": "-", "decoder": "+", "marginal": "v",
    "objective": "beta", "beta": "0.5", "cell": "cell",
    **{name: str(METRICS[name]) for name in columns() if name in METRICS and name not in ("cell", *OPTIONAL)},
    "anneal": "0", "seed": "3",
}  # fmt: skip
ROW = ",".join(RUN.get(name, "") for name in columns())
TABLE = "\n".join([",".join(columns()), ROW, ROW, ""])


@fuzz
@given(content=damaged([TABLE.encode()]) | st.binary(max_size=200))
def test_table_with_damaged_bytes(tmp_path_factory, content):
    table = read(tmp_path_factory.getbasetemp() / "rd.csv", content, read_table)
    if table is not None:
        assert list(table.columns) == list(columns())
        assert table[["rate", "distortion", "neg_elbo"]].map(math.isfinite).all(axis=None)

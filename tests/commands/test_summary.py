"""The table of an experiment comes with the configuration that it is of."""

import numpy as np

from rdplane.commands.summary import tabulate
from rdplane.experiment.config import load_config, resolve_config
from rdplane.experiment.layout import Layout


def test_the_configuration_beside_the_table_gives_the_same_cells_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("mine.npy", np.random.default_rng(0).integers(0, 2, (40, 8, 8), np.uint8))
    raw = {
        "experiment": "one", "dataset": "mine", "data": {"file": "mine.npy"},
        "grid": {"architectures": ["---", "-+v"], "beta": [0.1234567890123, 1], "curve": [[0.05, 1.25]]},
        "overrides": {"?+?": {"training": {"epochs": 3}}, "curve": {"training": {"learning_rate": 1e-12}}},
        "figures": {"note": ""},
    }  # fmt: skip
    layout = Layout(resolve_config(raw))
    tabulate(layout, partial=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = load_config(tmp_path / "results/one/config.yaml")
    assert Layout(found).cells == layout.cells
    assert found["data"]["file"] == str(tmp_path / "mine.npy")
    assert {**found, "data": {}} == {**layout.config, "data": {}}

"""The note of figures is that of the configuration, or made of the runs of the table."""

import synthetic

from rdplane.figures.note import note_for
from rdplane.files import write_json


def test_note_is_of_the_runs_in_the_table_whatever_the_configuration_is_now(tmp_path):
    table = synthetic.table(architectures=["---"], betas=[0.1, 1.0]).assign(epochs=[4, 12])
    assert note_for(None, tmp_path, table) == "4 to 12 epochs (the paper: 200)"
    for cell in table["cell"]:
        write_json(tmp_path / "cells" / cell / "metrics.json", {"cell": {"model": {"width": 0.25, "latent": 64}}})
    assert note_for(None, tmp_path, table) == "4 to 12 epochs (the paper: 200), networks smaller than the paper's"
    (tmp_path / "cells" / table["cell"].iloc[0] / "metrics.json").write_text("{")
    assert note_for(None, tmp_path, table).endswith("some networks smaller than the paper's")


def test_a_note_of_the_configuration_counts(tmp_path):
    table = synthetic.table(architectures=["---"], betas=[0.1]).assign(epochs=1)
    assert note_for("mine", tmp_path, table) == "mine" and note_for("", tmp_path, table) == ""

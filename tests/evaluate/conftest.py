import sys
from pathlib import Path

import pytest
import torch

from rdplane.declare.registry import use

# linear_gaussian.py, beside this file, has the models whose measures are known, and finished.py makes finished cells.
sys.path[:0] = [str(Path(__file__).parent)]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def extension(tmp_path):
    """Writes a file and puts it into use, alone; afterwards none is."""

    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(text)
        use([str(path)])
        return path

    yield write
    use([])

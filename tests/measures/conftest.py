import sys
from pathlib import Path

import pytest
import torch

# linear_gaussian.py, beside this file, has the models whose measures are known; synthetic.py makes up tables.
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "figures")]


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)

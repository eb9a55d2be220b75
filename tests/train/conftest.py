import sys
from pathlib import Path

import pytest

# tiny_cells.py, beside this file, makes up cells and images for the tests here.
sys.path.insert(0, str(Path(__file__).parent))

from tiny_cells import Tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return Tiny(tmp_path_factory.mktemp("tiny"))

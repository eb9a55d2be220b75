import sys
from pathlib import Path

import pytest

from rdplane.declare.registry import use

# made.py, beside this file, makes up metrics; linear_gaussian.py has models whose measures are known.
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "evaluate")]


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

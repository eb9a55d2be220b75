import sys
from pathlib import Path

# The helpers beside this file (synthetic.py and others) make up tables and extensions for the tests here.
sys.path.insert(0, str(Path(__file__).parent))

from own import extension

__all__ = ["extension"]

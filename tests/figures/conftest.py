import sys
from pathlib import Path

# synthetic.py, beside this file, makes up tables for the tests here.
sys.path.insert(0, str(Path(__file__).parent))

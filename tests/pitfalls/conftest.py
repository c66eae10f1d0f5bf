"""Makes the watched training and the toys importable for the tests beside them."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "privacy"), str(HERE.parent / "synthesis")]

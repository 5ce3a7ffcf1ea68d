"""Measures daytwo beside its peers: `python bench/peers/run.py --help`."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[1])  # not this folder: its ray/ is not Ray

from peers.program import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())

"""Archives model.joblib of the current folder with the handler, as ``store/m.mar``."""

import subprocess
import sys
from pathlib import Path

Path("store").mkdir(exist_ok=True)
program = str(Path(sys.executable).with_name("torch-model-archiver"))
options = ["--model-name", "m", "--version", "1.0", "--handler", str(Path(__file__).with_name("handler.py"))]
options += ["--serialized-file", "model.joblib", "--export-path", "store", "--force"]
subprocess.run([program, *options], check=True)

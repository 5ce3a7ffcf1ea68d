"""onnxruntime, told to keep to itself before it is imported: the one place where daytwo imports it.

Since 1.31 its builds for Linux and macOS report to their maker over the network, and keep an identifier on disk. A server
must not do so unasked. Whoever wants it sets the variable to 0.
"""

from __future__ import annotations

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort

__all__ = ["ort"]

"""What stands behind every door: the model whose folder is the working directory, or an echo; per interface one factory.

A door's process imports this file by name, in workers too, so that each loads its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rsgi import Door

import daytwo
from daytwo.serving.rest import Application

_JSON = [("content-type", "application/json")]


def model() -> Application:
    """Daytwo's own ASGI application; the registry comes from the environment."""
    return daytwo.app(Path.cwd().name)


def model_rsgi() -> Door:
    """The same endpoints, asked by RSGI."""
    return Door(model())


async def echo_rsgi(scope: Any, protocol: Any) -> None:
    """Sends the body back."""
    protocol.response_bytes(200, _JSON, await protocol())

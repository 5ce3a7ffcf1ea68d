"""``daytwo.app``: a bundle as an ASGI application, for any server, or to be mounted in your own FastAPI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from daytwo.api._served import served
from daytwo.bundle import Bundle
from daytwo.serving.rest import Application
from daytwo.serving.service import Service
from daytwo.settings import RegistrySettings, ServeSettings, resolve


def app(*references: str | Path | Bundle, registry: str | Path | None = None, **settings: Any) -> Application:
    """The ASGI application that serves ``references``; the first is what ``/predict`` asks.

    settings: those of ``daytwo serve`` by name (``trust=True``, ``max_rows=100``); what is not given comes from the
              environment, ``daytwo.toml`` or the defaults

    >>> app = daytwo.app("churn@production")         # doctest: +SKIP
    >>> # uvicorn main:app, or: my_fastapi.mount("/churn", daytwo.app("churn"))

    The models are loaded and checked here. Where their examples do not pass, the application stays unready and says
    so at ``/readyz``. Raises UnknownReference, CorruptBundle, TrustRequired, InvalidSetting.
    """
    serve_settings = resolve(ServeSettings, settings)
    home = resolve(RegistrySettings, {"registry": registry}).registry
    service = Service(served(references, home, serve_settings), serve_settings)
    service.load()
    return Application(service)

"""daytwo: from a fitted model to a tested bundle, to production, and healthy there.

>>> import daytwo
>>> bundle = daytwo.pack(model, X, y, name="churn")     # doctest: +SKIP
>>> app = daytwo.app("churn")                           # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from daytwo._plugins import PUBLIC as _PUBLIC
from daytwo._plugins import load as _load

if TYPE_CHECKING:
    from daytwo.api.app import app as app
    from daytwo.api.check import check as check
    from daytwo.api.load import load as load
    from daytwo.api.pack import pack as pack
    from daytwo.api.serve import serve as serve
    from daytwo.batch import Batch as Batch
    from daytwo.bundle import Bundle as Bundle
    from daytwo.errors import DaytwoError as DaytwoError
    from daytwo.errors import InvalidInput as InvalidInput
    from daytwo.predictor import Predictor as Predictor
    from daytwo.signature import Field as Field
    from daytwo.signature import Signature as Signature

__version__ = "0.1.0"
__all__ = [*_PUBLIC, "__version__"]  # noqa: PLE0604  the table is the list


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return _load(_PUBLIC[name], f"daytwo.{name}")
    raise AttributeError(f"module 'daytwo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

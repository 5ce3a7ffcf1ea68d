"""``daytwo predict``: ask a bundle in this process, or a running server, in the same words."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from daytwo import _plugins
from daytwo.api.load import load
from daytwo.dialects import MEDIA_TYPES, Answer, Dialect
from daytwo.dialects.native import NativeDialect
from daytwo.errors import InvalidInput, OutsideFailure, Problem, brief
from daytwo.serving.ids import PredictionIds

#: The rows that one call may carry; for more, score a table.
_MAX_ROWS = 1_000_000
#: What holds a table, but is no body that a server takes.
_FILES = (".parquet", ".arrow", ".feather")
_DIALECTS: Mapping[str, str] = {".npy": "npy", ".arrows": "arrow", **dict.fromkeys(_FILES, "arrow")}


def predict(
    target: str,
    body: bytes,
    *,
    probabilities: bool = False,
    registry: str | Path | None = None,
    trust: bool | None = None,
    timeout_s: float = 30.0,
    suffix: str = "",
) -> Any:
    """The answer to ``body``, a request in any form that ``POST /predict`` takes, as parsed JSON.

    target:    a reference, or the URL of a server; a URL without a path means its ``/predict``
    suffix:    of the file that ``body`` comes from, where it is an array: ``.npy``, ``.arrows`` (an Arrow stream),
               ``.arrow``, ``.feather`` or ``.parquet``; anything else is JSON
    timeout_s: how long to wait for a server, seconds

    Raises InvalidInput naming the field, UnknownReference, TrustRequired, MissingLibrary, OutsideFailure.
    """
    name = _DIALECTS.get(suffix, "native")
    if suffix in _FILES:
        body = _plugins.load("daytwo.dialects.arrow_files:stream_of", f"reading a {suffix} file")(body, suffix)
    if target.startswith(("http://", "https://")):
        return _ask(_url(target, probabilities), body, MEDIA_TYPES[name], timeout_s)
    predictor = load(target, registry=registry, trust=trust)
    model: dict[str, Any] = {"model": predictor.name, "version": predictor.version, "max_rows": _MAX_ROWS}
    reader: Dialect = _plugins.load(_plugins.DIALECTS[name], "reading it")(predictor.signature, **model)
    request = reader.decode(body)
    outputs = predictor.run(request.batch)
    fresh = PredictionIds()
    ids = [given or fresh.new() for given in request.prediction_ids or [None] * outputs.rows]
    writer = NativeDialect(predictor.signature, **model)
    return json.loads(writer.encode(Answer(outputs, request.form, ids, probabilities)).body)


def _url(target: str, probabilities: bool) -> str:
    parts = urlsplit(target)
    query = "&".join(part for part in (parts.query, "probabilities=true" if probabilities else "") if part)
    return urlunsplit(parts._replace(path=parts.path if parts.path not in ("", "/") else "/predict", query=query))


def _ask(url: str, body: bytes, media_type: str, timeout_s: float) -> Any:
    headers = {"Content-Type": media_type, "Accept": MEDIA_TYPES["native"]}
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310  http and https only, see above
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as response:  # noqa: S310  likewise
            return json.loads(response.read())
    except urllib.error.HTTPError as error:
        raise _refusal(url, error.code, error.read()) from None
    except (OSError, ValueError) as error:
        raise OutsideFailure(f"{url} does not answer: {getattr(error, 'reason', error)}") from None


def _refusal(url: str, status: int, body: bytes) -> Exception:
    """What a server's error answer is, as the error that it was there."""
    try:
        document = json.loads(body)
        problems = [Problem(item["field"], item["expected"], item["got"]) for item in document.get("errors", ())]
        detail = str(document.get("detail", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        problems, detail = [], brief(body.decode(errors="replace"))
    return InvalidInput(problems) if problems else OutsideFailure(f"{url} answered {status}: {detail}")

"""A running server: where it is, what it says of itself, and whether it answers at all."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from daytwo.errors import OutsideFailure, UnknownReference, brief, sentence
from daytwo.loadtest.driver import Address

_TIMEOUT_S = 10.0
_REMEDY = "give rows that it takes with --data FILE"
#: The forms of an example, the one for a single row first.
_FORMS = ("feature_vector", "record")


def is_url(target: str) -> bool:
    """Whether ``target`` is a URL and not a reference."""
    return "://" in target


def address_of(url: str) -> Address:
    """The address in ``url``; one without a path means its ``/predict``. Raises UnknownReference.

    >>> address_of("http://127.0.0.1:8000").path
    '/predict'
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise UnknownReference(url, "its port is not a number up to 65535") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UnknownReference(url, "the URL of a server is like http://127.0.0.1:8000")
    tls = parts.scheme == "https"
    path = parts.path if parts.path not in ("", "/") else "/predict"
    return Address(parts.hostname, port or (443 if tls else 80), path + (f"?{parts.query}" if parts.query else ""), tls)


def ask(
    address: Address, method: str, path: str, body: bytes | None = None, timeout_s: float = _TIMEOUT_S
) -> tuple[int, bytes]:
    """Status and body of the answer to one request on a connection of its own. Raises OutsideFailure."""
    kind = http.client.HTTPSConnection if address.tls else http.client.HTTPConnection
    connection = kind(address.host, address.port, timeout=timeout_s)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body is not None else {})
        response = connection.getresponse()
        return response.status, response.read()
    except TimeoutError:
        raise OutsideFailure(f"{address.base} did not answer within {timeout_s:g} s: is it busy, or stuck?") from None
    except ConnectionRefusedError:
        raise OutsideFailure(f"nothing listens at {address.base}: start the server, or look at the port") from None
    except (OSError, http.client.HTTPException) as error:
        raise OutsideFailure(f"{address.base} does not answer: {sentence(error)}") from None
    finally:
        connection.close()


def probe(address: Address, body: bytes, timeout_s: float = _TIMEOUT_S) -> None:
    """Ask once what will be asked many times. Raises OutsideFailure where the answer is no prediction."""
    status, answer = ask(address, "POST", address.path, body, timeout_s)
    if status == 200:
        return
    url = f"{address.base}{address.path}"
    remedy = _REMEDY if status in (400, 404, 415, 422) else "see the log of the server"
    if status in (404, 405):
        remedy = "give the URL of its route, such as http://127.0.0.1:8000/predict"
    raise OutsideFailure(f"{url} answered {status}: {_detail(answer)}; {remedy}")


def ready_workers(address: Address) -> int | None:
    """How many workers a daytwo server has that are ready; None where it does not say."""
    return None if (found := _metric(address, "daytwo_ready")) is None else int(found)


def cpu_s(address: Address) -> float | None:
    """The CPU time that a daytwo server has used, over all workers; None where it does not say."""
    return _metric(address, "daytwo_process_cpu_seconds_total")


def example_body(address: Address) -> Any:
    """One body that the server's own documentation gives as an example for this path, parsed.

    Raises OutsideFailure where there is none.
    """
    path = address.path.partition("?")[0]
    status, raw = ask(address, "GET", "/openapi.json")
    try:
        document = json.loads(raw) if status == 200 else {}
        content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        return next(_examples(content, document))
    except (ValueError, KeyError, TypeError, StopIteration):
        raise OutsideFailure(f"{address.base} documents no example for POST {path}: {_REMEDY}") from None


def _examples(content: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Any]:
    """The examples that OpenAPI allows, in their many places."""
    named = content.get("examples", {})
    for form in (*_FORMS, *named):
        if form in named:
            yield named[form]["value"]
    if "example" in content:
        yield content["example"]
    schema = content.get("schema", {})
    if reference := schema.get("$ref"):
        for part in reference.removeprefix("#/").split("/"):
            document = document[part]
        schema = document
    if "example" in schema:
        yield schema["example"]
    yield from schema.get("examples", ())
    properties = schema.get("properties", {})
    own = {name: _property_example(item) for name, item in properties.items()}
    if own and all(value is not None for value in own.values()):
        yield own


def _property_example(item: Mapping[str, Any]) -> Any:
    """What one property of a schema gives as an example, or as its default."""
    return next(
        (item[key] for key in ("example", "default") if key in item), next(iter(item.get("examples", ())), None)
    )


def _metric(address: Address, name: str) -> float | None:
    """The sum of a metric's series at ``/metrics``; None where there is none."""
    try:
        status, raw = ask(address, "GET", "/metrics", timeout_s=5.0)
    except OutsideFailure:
        return None
    text = raw.decode(errors="replace") if status == 200 else ""
    values = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
    try:
        return sum(map(float, values)) if values else None
    except ValueError:
        return None


def _detail(answer: bytes) -> str:
    """What an error answer says, short."""
    try:
        document = json.loads(answer)
        return str(document.get("detail") or brief(document))[:200]
    except (ValueError, AttributeError):
        return brief(answer.decode(errors="replace")) if answer.strip() else "an empty body"

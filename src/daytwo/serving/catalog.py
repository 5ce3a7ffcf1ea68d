"""The endpoints of this process, by name and version."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from daytwo.errors import UnknownModel
from daytwo.serving.endpoint import Endpoint


class Catalog:
    """Endpoints in the order they were asked for: the first is the default, as is the first of each name."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._endpoints = tuple(endpoints)
        self._by_version = {(e.name, e.version): e for e in endpoints}
        self._by_name: dict[str, Endpoint] = {}
        for endpoint in endpoints:
            self._by_name.setdefault(endpoint.name, endpoint)

    @property
    def default(self) -> Endpoint:
        """What ``/predict`` asks."""
        return self._endpoints[0]

    def find(self, name: str, version: str | None = None) -> Endpoint:
        """The endpoint called so. Raises UnknownModel."""
        found = self._by_name.get(name) if version is None else self._by_version.get((name, version))
        if found is None:
            raise UnknownModel(name, version, [f"{e.name}:{e.version}" for e in self._endpoints])
        return found

    def versions(self, name: str) -> list[Endpoint]:
        """Every version of ``name`` that is served. Raises UnknownModel where there is none."""
        self.find(name)
        return [e for e in self._endpoints if e.name == name]

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._endpoints)

    def __len__(self) -> int:
        return len(self._endpoints)

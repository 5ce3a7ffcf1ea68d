"""What a server process serves and how it is: starting, ready, failed or draining. No sockets, no HTTP."""

from __future__ import annotations

import gc
import logging
import mmap
import platform
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

import daytwo
from daytwo.batch import Batch
from daytwo.bundle import Bundle
from daytwo.errors import sentence
from daytwo.exporters.prometheus import Sample, render
from daytwo.predictor import Predictor
from daytwo.serving.catalog import Catalog
from daytwo.serving.cost import Cost, measure_handover
from daytwo.serving.endpoint import Endpoint
from daytwo.serving.host import HostSampler
from daytwo.serving.instruments import Instruments, Layout
from daytwo.serving.limits import read_limits
from daytwo.serving.processes import ModelProcesses, fit_for_processes, one_per_cpu
from daytwo.settings import ServeSettings
from daytwo.signature import Signature

log = logging.getLogger("daytwo.serving")

State = Literal["starting", "ready", "failed", "draining"]


@dataclass(frozen=True)
class Served:
    """One thing to serve: who it is, and how to load it.

    load:    the Predictor, loaded; called once, maybe in a thread. A bundle's takes ``threads``, as ``Predictor.load`` does
    example: rows to warm up with
    bundle:  None for a model file that was never packed
    notes:   what to tell whoever starts the server
    load_elsewhere: how another process loads it, where ``load`` is only for this one
    """

    name: str
    version: str
    signature: Signature
    load: Callable[..., Predictor]
    example: Batch
    bundle: Bundle | None = None
    notes: tuple[str, ...] = ()
    load_elsewhere: Callable[[], Predictor] | None = None


@dataclass(frozen=True)
class Place:
    """Where this process stands among the workers. ``shared`` is the block of metrics that all have."""

    worker: int = 0
    workers: int = 1
    shared: mmap.mmap | None = None


def layout_of(served: Sequence[Served]) -> Layout:
    """Where the metrics of these models lie."""
    return Layout([(item.name, item.version) for item in served])


class Service:
    """The models of one process.

    >>> service = Service([served], settings)      # doctest: +SKIP
    >>> service.load()                             # doctest: +SKIP
    >>> service.ready                              # doctest: +SKIP
    True
    """

    def __init__(self, served: Sequence[Served], settings: ServeSettings, place: Place | None = None) -> None:
        place = place or Place()
        self.settings = settings
        self._workers = place.workers
        self.served = tuple(served)
        self.instruments = Instruments(
            layout_of(served), worker=place.worker, workers=place.workers, shared=place.shared
        )
        self.catalog = Catalog(
            [Endpoint(s.name, s.version, s.signature, self.instruments, settings) for s in served]
        )  # fmt: skip
        self._host = HostSampler(self.instruments.processes)
        self._ready_gauge = self.instruments.counter("daytwo_ready")
        self._state: State = "starting"
        self._lock = threading.Lock()
        self.reason = "the models are being loaded"

    @property
    def ready(self) -> bool:
        """Whether new traffic should be sent here."""
        return self._state == "ready"

    @property
    def serving(self) -> bool:
        """Whether a request that comes all the same is answered: also while draining."""
        return self._state in ("ready", "draining")

    @property
    def settled(self) -> bool:
        """Whether loading has come to an end, good or bad."""
        return self._state != "starting"

    @property
    def others_ready(self) -> bool:
        """Whether another worker is ready now (asked by one that is not)."""
        return self.instruments.total("daytwo_ready") > 0

    @property
    def failed(self) -> bool:
        """Whether a model could not be loaded or did not pass its examples."""
        return self._state == "failed"

    @property
    def busy(self) -> bool:
        """Whether a model is at work in its thread."""
        return any(endpoint.busy for endpoint in self.catalog)

    def load(self) -> bool:
        """Load every model and run its own examples; True when all passed and the service is ready.

        A failure is logged and kept as ``reason``; the service stays unready.
        """
        start = perf_counter()
        handover_s = measure_handover()
        for endpoint, item in zip(self.catalog, self.served, strict=True):
            try:
                predictor = item.load()
                rows = predictor.check_examples()
                cost = Cost(handover_s)
                cost.warm_up(predictor.run, item.example)
                processes = self._processes(item, predictor, cost)
            except Exception as error:  # noqa: BLE001  whatever it is, the server stays up, unready, and says why
                self._fail(f"{item.name}:{item.version}: {sentence(error)}")
                return False
            endpoint.attach(predictor, cost, processes)
            log.info("loaded %s with %s; %d example rows passed", predictor.reference, predictor.runtime, rows)
        # What is loaded stays: the collector need not walk through it again while requests wait.
        gc.collect()
        gc.freeze()
        with self._lock:
            if self._state == "starting":
                self._state, self.reason = "ready", ""
                self._ready_gauge.set(1.0)
        log.info("ready in %.2f s", perf_counter() - start)
        return True

    def drain(self) -> None:
        """Not ready from now on; requests that come are still answered."""
        with self._lock:
            self._state = self._state if self._state == "failed" else "draining"
            self.reason = "the server is shutting down"
            self._ready_gauge.set(0.0)

    def close(self) -> None:
        """Let go of threads and processes."""
        for endpoint in self.catalog:
            endpoint.close()

    def render_metrics(self) -> bytes:
        """All metrics of all workers in the Prometheus text format."""
        return render(self._samples())

    def _samples(self) -> Iterator[Sample]:
        yield "daytwo_build_info", (daytwo.__version__, platform.python_version()), [1.0]
        for endpoint, item in zip(self.catalog, self.served, strict=True):
            runtime = endpoint.predictor.runtime if endpoint.predictor else "loading"
            task, digest = (item.bundle.manifest.task, item.bundle.digest) if item.bundle else ("unpacked", "")
            yield "daytwo_model_info", (item.name, item.version, task, runtime, digest), [1.0]
        for series, numbers in self.instruments.totals():
            yield series.metric.name, series.labels, numbers
        yield from self._host.samples()

    def _processes(self, item: Served, predictor: Predictor, cost: Cost) -> ModelProcesses | None:
        """Processes of its own for a model that would hold up the event loop; ``cost`` is learnt anew through them."""
        wanted, size = self.settings.executor, self.settings.processes or one_per_cpu(read_limits().cpus, self._workers)
        worth_it = size > 1 and cost.slow and not predictor.model.releases_gil
        if wanted == "thread" or (wanted == "auto" and not worth_it):
            return None
        load = item.load_elsewhere or item.load
        if not fit_for_processes(load):
            log.warning("%s runs in a thread: what loads it cannot be told to another process", predictor.reference)
            return None
        processes = ModelProcesses(load, size, timeout_s=self.settings.timeout_s)
        try:
            cost.warm_up(processes.run, item.example)
        except BaseException:
            processes.close()
            raise
        log.info("%s runs in %d processes of its own", predictor.reference, size)
        return processes

    def _fail(self, reason: str) -> None:
        self._state, self.reason = "failed", reason
        log.error("not ready: %s", reason)

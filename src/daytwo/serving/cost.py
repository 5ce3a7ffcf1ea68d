"""What a batch costs, by its size, learnt at warm-up and kept up to date as the model runs."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from time import perf_counter

from daytwo.batch import Batch

#: A batch runs on the event loop where it costs at most this many hand-overs to a thread, or these seconds: on a busy
#: server the interpreter makes a hand-over far dearer than it is at warm-up, and the loop can spare half a millisecond.
_INLINE_HANDOVERS = 5.0
_INLINE_S = 0.0005
#: Joining a request with others costs about this much; a model that costs less is simply asked. (At 20 µs a boosting
#: model of 10 µs a row, whose trees leave the cache between two calls, lost two fifths of its throughput.)
_JOINING_S = 0.000008
#: A model of which one row costs so much can bear the way to another process and back.
_SLOW_S = 0.002
#: Weight of the newest measurement.
_NEWEST = 0.1
#: By how much, at most, one measurement raises what a batch takes when nothing disturbs it.
_RISE = 1.01
_SLOWER = 8.0
#: Warming up measures a larger batch only where it can be expected to take no longer.
_WARM_UP_S = 0.5


class Cost:
    """Seconds per batch, in one bucket per power of two of its rows.

    Two estimates: what a batch takes these days (:meth:`of`), on a machine that others use as well, decides who is
    answered in time; what it takes when nothing disturbs it decides where it runs, for on a machine that is short of
    time a thread is the dearest place of all.

    handover_s: what giving work to a thread and getting the answer back costs here (see :func:`measure_handover`)
    """

    def __init__(self, handover_s: float) -> None:
        self.handover_s = handover_s
        self._seconds: list[float] = []
        self._calm: list[float] = []
        self._newest = 0

    def learn(self, rows: int, seconds: float) -> None:
        """Fold one measurement in."""
        bucket = rows.bit_length()
        while len(self._seconds) <= bucket:
            self._seconds.append(0.0)
            self._calm.append(0.0)
        known, calm = self._seconds[bucket], self._calm[bucket]
        self._seconds[bucket] = known + _NEWEST * (seconds - known) if known else seconds
        # A model that has become many times slower is believed sooner than one that was now and then disturbed.
        lately = self._seconds[bucket] / _SLOWER
        self._calm[bucket] = min(seconds, max(calm * _RISE, lately)) if calm else seconds
        self._newest = bucket

    def of(self, rows: int) -> float:
        """Expected seconds for ``rows`` together: from the nearest smaller size seen, scaled up; 0 before any.

        No more than the size seen last makes one expect: what was measured on a bad day could keep its size from ever
        being tried again.
        """
        bucket = rows.bit_length()
        known = _expected(self._seconds, bucket)
        newest = self._seconds[self._newest] if self._seconds else 0.0
        return min(known, newest * 2.0 ** max(0, bucket - self._newest)) if newest else known

    def rows_within(self, seconds: float, limit: int) -> int:
        """How many rows can be expected to cost at most ``seconds`` together: 1 to ``limit``."""
        if not self._seconds:
            return limit
        for bucket in range(limit.bit_length(), 1, -1):
            if self.of(1 << (bucket - 1)) <= seconds:
                return min(limit, (1 << bucket) - 1)
        return 1

    def inline(self, rows: int) -> bool:
        """Whether a batch of ``rows`` is cheap enough to run on the event loop itself."""
        return _expected(self._calm, rows.bit_length()) <= max(_INLINE_S, _INLINE_HANDOVERS * self.handover_s)

    def trivial_rows(self, limit: int) -> int:
        """Up to how many rows, of at most ``limit``, a request costs less than joining it with others would."""
        most = 0
        while most < limit and 0.0 < _expected(self._calm, (most + 1).bit_length()) <= _JOINING_S:
            most = 2 * most + 1
        return min(most, limit)

    @property
    def slow(self) -> bool:
        """Whether the way to another process and back is small beside one row."""
        return self.of(1) >= _SLOW_S

    def warm_up(self, run: Callable[[Batch], Batch], example: Batch, *, repeats: int = 3) -> None:
        """Measure 1 row and, unless that would take long, a few dozen; the first run of each is not counted, since it
        allocates.
        """
        for rows in (1, 32):
            if self.of(rows) > _WARM_UP_S / (1 + repeats):
                break
            batch = example.take([i % example.rows for i in range(rows)])
            run(batch)
            times = []
            for _ in range(repeats):
                start = perf_counter()
                run(batch)
                times.append(perf_counter() - start)
            self.learn(rows, min(times))


def _expected(seconds: Sequence[float], bucket: int) -> float:
    if bucket < len(seconds) and seconds[bucket]:
        return seconds[bucket]
    for smaller in range(min(bucket, len(seconds)) - 1, -1, -1):
        if seconds[smaller]:
            return float(seconds[smaller] * 2 ** (bucket - smaller))
    return next((known for known in seconds if known), 0.0)


def measure_handover(rounds: int = 30) -> float:
    """Median seconds to hand a task to another thread and get word back."""
    tasks: queue.SimpleQueue[bool] = queue.SimpleQueue()
    answers: queue.SimpleQueue[None] = queue.SimpleQueue()

    def serve() -> None:
        while tasks.get():
            answers.put(None)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    times = []
    for _ in range(rounds):
        start = perf_counter()
        tasks.put(True)
        answers.get()
        times.append(perf_counter() - start)
    tasks.put(False)
    thread.join()
    return sorted(times)[rounds // 2]

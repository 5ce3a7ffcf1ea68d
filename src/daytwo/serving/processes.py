"""Processes of their own for models in pure Python, which would hold the interpreter lock of the server.

A pool is a function from Batch to Batch that several threads may call: each call takes a free process and waits for
it. A model that takes its process down (a crash in native code, the kernel's memory killer) fails that call alone, and
so does one that does not come back in time; the process is started anew.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import queue
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from time import sleep
from typing import Any

from daytwo.batch import Batch
from daytwo.errors import DaytwoError, PredictionFailed
from daytwo.predictor import Predictor
from daytwo.serving.threads import thread_variables

log = logging.getLogger("daytwo.serving")

#: How long a process may take to load its model and run its examples.
_START_TIMEOUT_S = 300.0
#: How long a batch may take on its way to a process.
_SEND_TIMEOUT_S = 30
#: Beyond the time that a request may take: then nobody waits for the answer any more.
_MARGIN_S = 1.0

#: Between attempts to start one that does not, doubling from the first to the last of these seconds.
_AGAIN_S = (0.5, 30.0)

Load = Callable[[], Predictor]


class ModelProcesses:
    """``size`` processes that each hold the model.

    >>> pool = ModelProcesses(load, 2, timeout_s=30.0)   # doctest: +SKIP
    >>> pool.run(batch)                                  # doctest: +SKIP
    Batch(1 rows; value: float64)

    load:      makes the Predictor; it goes to the processes as a pickle (see :func:`fit_for_processes`)
    timeout_s: a call that takes longer is ended, and its process with it

    Raises what ``load`` raised in the process, and PredictionFailed where the process did not even get so far.
    """

    def __init__(self, load: Load, size: int, *, timeout_s: float) -> None:
        self._told = (pickle.dumps(sys.path), pickle.dumps(load))
        self._timeout_s = timeout_s + _MARGIN_S
        self.size = size
        self._all = [_Process() for _ in range(size)]
        self._free: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        self._closed = False
        try:
            for each in self._all:  # all at once: most of a start is waiting for the interpreter
                each.start(self._told)
            for each in self._all:
                each.await_ready()
                self._free.put(each)
        except BaseException:
            self.close()
            raise

    @property
    def pids(self) -> list[int]:
        """Of the processes that run now."""
        return [each.pid for each in self._all if each.pid]

    def run(self, batch: Batch) -> Batch:
        """The model on ``batch``, in the next free process. Raises what the model raises, and PredictionFailed."""
        process = self._free.get()
        try:
            if self._closed:
                raise PredictionFailed("the model", "its processes have ended")
            if not process.pid:  # it was killed while it was idle
                process.start(self._told)
                process.await_ready()
            return process.run(batch, self._timeout_s)
        finally:
            if process.pid or self._closed:
                self._free.put(process)
            else:
                threading.Thread(target=self._revive, args=(process,), name="daytwo-revive", daemon=True).start()

    def _revive(self, process: _Process) -> None:
        """Start ``process`` anew, again and again where that fails, and let it be used."""
        pause_s = _AGAIN_S[0]
        while not self._closed:
            try:
                process.start(self._told)
                process.await_ready()
                break
            except (DaytwoError, OSError) as error:
                log.error("a model's process does not start: %s; trying again in %g s", error, pause_s)  # noqa: TRY400  one line
                sleep(pause_s)
                pause_s = min(2 * pause_s, _AGAIN_S[1])
        self._free.put(process)
        if self._closed:
            process.stop()

    def close(self) -> None:
        """End every process, whatever it is at."""
        self._closed = True
        for each in self._all:
            each.stop()


def one_per_cpu(cpus: float, workers: int) -> int:
    """How many processes each of ``workers`` has, so that there is one for every CPU that may be used."""
    return max(1, int(cpus) // workers)


def fit_for_processes(load: Load) -> bool:
    """Whether ``load`` can be told to another process."""
    try:
        pickle.dumps(load)
    except Exception:  # noqa: BLE001  whatever an object raises that will not be pickled
        return False
    return True


class _Process:
    """One process, and the connection to it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    @property
    def pid(self) -> int:
        """0 where it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    def start(self, told: Iterable[bytes]) -> None:
        ours, theirs = socket.socketpair()
        # A process that does not even read must not hold its lane for ever.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _SEND_TIMEOUT_S, 0))
        with theirs:
            command = [sys.executable, "-P", "-m", "daytwo.serving.model_process", str(theirs.fileno())]
            # In a session of its own: Ctrl-C in a terminal is for the server, which ends this one when it has drained.
            self._process = subprocess.Popen(  # noqa: S603  our own
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env=os.environ | thread_variables(1, os.environ),  # one process per CPU: more threads would fight
            )
        self._connection = Connection(ours.detach())
        with contextlib.suppress(OSError):  # it is gone already: await_ready will say so
            for message in told:
                self._connection.send_bytes(message)

    def await_ready(self) -> None:
        self._receive(_START_TIMEOUT_S)

    def run(self, batch: Batch, timeout_s: float) -> Batch:
        try:
            assert self._connection is not None
            self._connection.send_bytes(pickle.dumps(batch, pickle.HIGHEST_PROTOCOL))
        except BlockingIOError:
            raise self._died(f"did not read its batch within {_SEND_TIMEOUT_S} s") from None
        except OSError:
            raise self._died("") from None
        outputs: Batch = self._receive(timeout_s)
        return outputs

    def stop(self) -> None:
        """The thread that waits for an answer, if any does, reads the end of the connection; so nobody closes it here."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _receive(self, timeout_s: float) -> Any:
        assert self._connection is not None
        try:
            if not self._connection.poll(timeout_s):
                raise self._died(f"was ended after {timeout_s:g} s without an answer")
            said = pickle.loads(self._connection.recv_bytes())  # noqa: S301  from our own process
        except (OSError, EOFError):
            raise self._died("") from None
        if isinstance(said, DaytwoError):
            raise said
        return said

    def _died(self, how: str) -> PredictionFailed:
        process = self._process
        if not how and process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(1.0)
                how = f"was killed by {_signal(-code)}" if code < 0 else f"ended with exit code {code}"
        self.stop()
        log.error("a model's process %s; another will be started", how or "was gone")
        return PredictionFailed("the model", f"the process that ran it {how or 'was gone'}")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name here
        return f"signal {number}"

"""The supervisor's side of the template: it is started, watched and asked for copies of itself."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic, sleep
from typing import Literal, Protocol

log = logging.getLogger("daytwo.serving")

State = Literal["absent", "loading", "fit", "unfit"]

#: After a death the next template waits, doubling from the first to the last of these seconds.
_PAUSES_S = (1.0, 60.0)
#: A copy takes milliseconds, or a tenth of a second for many gigabytes; a template that takes this long hangs.
_COPY_TIMEOUT_S = 10.0
_POLL_S = 0.01
_MESSAGE_BYTES = 65536
#: Linux's prctl: whose orphaned descendants become its children.
_SET_CHILD_SUBREAPER = 36


class Process(Protocol):
    """A child of ours, as ``subprocess.Popen`` shows one."""

    pid: int

    def poll(self) -> int | None:
        """The exit code, minus the signal's number where one ended it; None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended. Raises TimeoutExpired."""
        ...

    def send_signal(self, sig: int) -> None:
        """Send ``sig``, unless it has ended."""
        ...


class Copy:
    """A child that a template made for us: a :class:`Process`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None
        self.poll()

    def poll(self) -> int | None:
        """As :class:`Process` says; 0 where whoever started us told the kernel to keep no exit codes."""
        if self._code is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                pid, status = self.pid, 0
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """As :class:`Process` says."""
        until = None if timeout is None else monotonic() + timeout
        while (code := self.poll()) is None:
            if until is not None and monotonic() >= until:
                raise subprocess.TimeoutExpired(f"worker {self.pid}", timeout or 0.0)
            sleep(_POLL_S)
        return code

    def send_signal(self, sig: int) -> None:
        """As :class:`Process` says."""
        if self.poll() is None:
            os.kill(self.pid, sig)


class Template:
    """Keeps one process of ``command`` that copies itself; gets ``--template FD`` appended.

    state: ``absent`` (none runs), ``loading``, ``fit`` to be copied, or ``unfit``: then it never will be
    """

    def __init__(self, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        self._command = command
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._start_at = 0.0
        self._pause_s = _PAUSES_S[0]
        self.state: State = "absent"

    @property
    def pid(self) -> int | None:
        """Its process id, while there is one."""
        return self._process.pid if self._process else None

    def tend(self, *, wanted: bool = True) -> None:
        """Start it where it is missing and ``wanted``; note what it says of itself, and its death."""
        if self.state == "absent" and wanted and monotonic() >= self._start_at:
            try:
                self._start()
            except OSError as error:
                log.error("the template cannot be started: %s", error.strerror)  # noqa: TRY400  one line
                self._fail("absent")
        if self.state == "loading":
            self._hear()
        elif self.state == "fit" and self._process and (code := self._process.poll()) is not None:
            log.error(
                "the template ended (%s); another is loaded when a worker is missing. Its workers go on", how(code)
            )
            self._fail("absent")

    def copy(self, worker: int, workers: int, descriptors: Sequence[int]) -> Copy:
        """A new worker. Raises OSError where it cannot be made now."""
        if self._control is None:
            raise OSError("there is no template")
        try:
            socket.send_fds(self._control, [json.dumps([worker, workers]).encode()], list(descriptors))
            answer = json.loads(self._control.recv(_MESSAGE_BYTES) or b"{}")
        except (OSError, ValueError) as error:
            self._fail("absent")
            raise OSError(f"the template does not answer ({error}); loading another") from None
        if "pid" not in answer:
            self._fail("absent") if not answer else None
            raise OSError(answer.get("failed", "the template has ended; loading another"))
        return Copy(answer["pid"])

    def close(self) -> None:
        """End it: it holds nothing that anybody waits for."""
        self._fail("unfit")

    def _start(self) -> None:
        if not adopt_orphans(True):
            self._unfit("this system does not let us adopt its copies")
            return
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(0.0)
        command = [*self._command, "--template", str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own
                command, pass_fds=[theirs.fileno()], env=self._environment, start_new_session=True
            )
        self.state = "loading"

    def _hear(self) -> None:
        """Whether it is fit, if it has come to say."""
        assert self._control is not None
        try:
            said = json.loads(self._control.recv(_MESSAGE_BYTES) or b"null")
        except BlockingIOError:
            return
        except OSError:
            said = None
        if said is None:
            code = self._process.wait() if self._process else 0
            self._unfit(f"it ended while it loaded the models ({how(code)})")
        elif said["unfit"]:
            self._unfit(said["unfit"])
        else:
            self._control.settimeout(_COPY_TIMEOUT_S)
            self.state = "fit"
            log.info("the models are loaded once; workers are copies of process %d", self.pid)

    def _unfit(self, why: str) -> None:
        self._fail("unfit")
        log.warning("workers load the models each for themselves: %s", why)

    def _fail(self, state: State) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._control = self._process = None
        self._start_at = monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, _PAUSES_S[1])
        self.state = state


def adopt_orphans(on: bool) -> bool:
    """Become the parent of descendants whose own parent has ended, or no longer; whether that could be done."""
    try:
        return bool(ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, int(on), 0, 0, 0) == 0)
    except (AttributeError, OSError):
        return False


def reap_strays(known: Sequence[int]) -> None:
    """Let go of adopted processes that have ended and are not ``known``: what a killed worker's model had started."""
    with suppress(ChildProcessError):  # there are no children at all
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid not in known:
            os.waitpid(ended.si_pid, 0)


def how(code: int) -> str:
    """An exit code in words."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

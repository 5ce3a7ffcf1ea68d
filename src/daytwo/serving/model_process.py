"""What runs in a process of its own for one model: ``python -m daytwo.serving.model_process DESCRIPTOR``.

Over the connection come, as pickles, where to import from, what loads the model, and then one Batch after another; back
go one word when the model has passed its examples, and outputs or errors.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from daytwo.errors import DaytwoError, PredictionFailed
from daytwo.predictor import Predictor


def main(descriptor: int) -> int:
    """Answer until the other end is gone; returns the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the server drains, and then ends this process
    threading.Thread(target=_watch, args=(descriptor,), name="daytwo-watch", daemon=True).start()
    connection = Connection(descriptor)
    try:
        sys.path[:] = pickle.loads(connection.recv_bytes())  # noqa: S301  all of it is from the server itself
        predictor = _load(connection)
        while predictor is not None:
            batch = pickle.loads(connection.recv_bytes())  # noqa: S301
            _say(connection, _outputs(predictor, batch))
    except (EOFError, OSError):
        pass
    return 0


def _load(connection: Connection) -> Predictor | None:
    """The model, its examples passed; where it is not to be had, the reason is said and the process ends."""
    try:
        predictor: Predictor = pickle.loads(connection.recv_bytes())()  # noqa: S301
        _say(connection, predictor.check_examples())
    except Exception as error:  # noqa: BLE001  whatever it is, the server is told
        _say(connection, error if isinstance(error, DaytwoError) else PredictionFailed("the model", error))
        return None
    return predictor


def _outputs(predictor: Predictor, batch: Any) -> Any:
    try:
        return predictor.run(batch)
    except DaytwoError as error:
        return error
    except BaseException as error:  # noqa: BLE001  a model may raise anything
        return PredictionFailed(predictor.reference, error)


def _say(connection: Connection, said: Any) -> None:
    try:
        message = pickle.dumps(said, pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001  what a model answers need not be fit for the way
        message = pickle.dumps(PredictionFailed("the model", error))
    connection.send_bytes(message)


def _watch(descriptor: int) -> None:
    """End this process as soon as the server has closed its end or is gone, whatever the model is at."""
    hung_up = select.poll()
    hung_up.register(descriptor, 0)
    hung_up.poll()
    os._exit(1)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1])))

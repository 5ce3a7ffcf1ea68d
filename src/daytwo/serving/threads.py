"""How many threads the libraries that models compute with may start: their environment variables, and their own word."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec

from daytwo import _plugins

#: Thread counts of the libraries that models compute with: variable → whether the library goes by OMP_NUM_THREADS
#: where its own variable is not set.
_THREAD_VARIABLES: Mapping[str, bool] = {
    "OMP_NUM_THREADS": False,
    "OPENBLAS_NUM_THREADS": True,
    "MKL_NUM_THREADS": True,
    "BLIS_NUM_THREADS": True,
    "NUMEXPR_NUM_THREADS": True,
    "VECLIB_MAXIMUM_THREADS": False,
    "RAYON_NUM_THREADS": False,
    "POLARS_MAX_THREADS": False,
}


#: Which of them we set: what a process that we start inherits from us is not the user's word.
_OURS = "_DAYTWO_THREADS"


def thread_variables(threads: int, environment: Mapping[str, str]) -> dict[str, str]:
    """What to add to ``environment`` so that the libraries keep to ``threads``. What the user set there stands.

    >>> sorted(thread_variables(2, {"OMP_NUM_THREADS": "4"}))
    ['POLARS_MAX_THREADS', 'RAYON_NUM_THREADS', 'VECLIB_MAXIMUM_THREADS', '_DAYTWO_THREADS']
    """
    ours = environment.get(_OURS, "").split()
    said = {name for name in _THREAD_VARIABLES if name in environment and name not in ours}
    added = {
        name: str(threads)
        for name, goes_by_openmp in _THREAD_VARIABLES.items()
        if name not in said and not (goes_by_openmp and "OMP_NUM_THREADS" in said)
    }
    return added | {_OURS: " ".join(added)}


def keep_to(threads: int) -> None:
    """Hold this process to ``threads``: libraries that are loaded from now on, and the BLAS that numpy came with.

    What the user set stands. Without threadpoolctl, which scikit-learn brings, that BLAS keeps a thread for every core;
    models that come without scikit-learn do not call it.
    """
    added = thread_variables(threads, os.environ)
    os.environ.update(added)
    if "OPENBLAS_NUM_THREADS" in added and find_spec("threadpoolctl") is not None:
        _plugins.load("threadpoolctl:threadpool_limits", "a limit to threads")(threads, user_api="blas")

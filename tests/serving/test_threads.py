from __future__ import annotations

import os
import subprocess
import sys

import pytest

from daytwo.serving.threads import thread_variables

EVERY = sorted(name for name in thread_variables(1, {}) if name.isupper() and not name.startswith("_"))


def test_every_library_is_told() -> None:
    added = thread_variables(3, {"HOME": "/"})
    assert {name: added[name] for name in EVERY} == dict.fromkeys(EVERY, "3")
    assert len(added) == len(EVERY) + 1  # and which of them we set
    assert {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"} <= set(EVERY)


@pytest.mark.parametrize("name", EVERY)
def test_what_the_user_set_stands(name: str) -> None:
    assert name not in thread_variables(3, {name: "7"})


def test_what_we_set_for_one_process_is_not_the_users_word_for_the_next() -> None:
    server = {"MKL_NUM_THREADS": "7"} | thread_variables(4, {"MKL_NUM_THREADS": "7"})
    process = server | thread_variables(1, server)
    assert (process["OMP_NUM_THREADS"], process["MKL_NUM_THREADS"]) == ("1", "7")


def test_what_the_user_set_for_openmp_holds_for_those_who_go_by_it() -> None:
    added = thread_variables(3, {"OMP_NUM_THREADS": "7"})
    assert not {"OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"} & added.keys()
    assert added["RAYON_NUM_THREADS"] == "3"


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has one thread whatever is said")
@pytest.mark.parametrize(("set_by_user", "threads"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "2"}, "2")])
def test_the_blas_that_is_loaded_already_is_told_too(set_by_user: dict[str, str], threads: str) -> None:
    code = (
        "import numpy, threadpoolctl\n"
        "from daytwo.serving.threads import keep_to\n"
        "keep_to(1)\n"
        "print(*{pool['num_threads'] for pool in threadpoolctl.threadpool_info() if pool['user_api'] == 'blas'})"
    )
    environment = {name: value for name, value in os.environ.items() if name not in EVERY} | set_by_user
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.split() == [threads]

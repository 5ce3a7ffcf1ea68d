from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.serving.capacity import BASE_BYTES, LOADED, THREADED_BYTES, WORKER_BYTES, Demand, plan, session_threads
from daytwo.serving.limits import Limits

GB, MB = 1 << 30, 1 << 20
ROOMY = Limits(8.0, "affinity", 64 * GB, "what is free")
SMALL, LARGE, PICKLE = Demand("onnx", MB), Demand("onnx", 500 * MB), Demand("python", 500 * MB)
GPUS = replace(ROOMY, gpus=("0", "1"))


@pytest.mark.parametrize(
    ("limits", "demand", "workers"),
    [
        (ROOMY, SMALL, 8),
        (replace(ROOMY, cpus=2.5), SMALL, 2),
        (replace(ROOMY, cpus=0.5), SMALL, 1),
        (replace(ROOMY, memory_bytes=2 * GB), LARGE, 4),
        (replace(ROOMY, memory_bytes=2 * GB), PICKLE, 1),
        (replace(ROOMY, memory_bytes=4 * GB), PICKLE, 3),
        (replace(ROOMY, memory_bytes=256 * MB), LARGE, 1),
        (GPUS, SMALL, 8),
        (GPUS, PICKLE, 2),
        (replace(ROOMY, gpus=("3",)), PICKLE, 1),
    ],
    ids=["cpus", "whole cpus", "at least one", "shared memory", "memory of their own", "more of it", "too little memory",
         "a model that no GPU runs", "a worker for each GPU", "one GPU"],
)  # fmt: skip
def test_auto_takes_what_the_scarcest_grants(limits: Limits, demand: Demand, workers: int) -> None:
    assert plan("auto", "auto", limits, [demand]).workers == workers


def test_what_was_asked_for_is_not_argued_with() -> None:
    chosen = plan(3, 5, replace(ROOMY, cpus=1.0, memory_bytes=MB), [LARGE])
    assert (chosen.workers, chosen.threads) == (3, 5)


@pytest.mark.parametrize(
    ("cpus", "workers", "threads"), [(8.0, 2, 4), (8.0, 3, 2), (1.0, 4, 1), (2.9, 1, 2), (0.2, 1, 1)]
)
def test_threads_are_the_share_of_the_quota(cpus: float, workers: int, threads: int) -> None:
    assert plan(workers, "auto", replace(ROOMY, cpus=cpus), [SMALL]).threads == threads


def test_auto_says_what_it_went_by() -> None:
    limits = Limits(4.0, "the control group's quota", 2 * GB, "the control group's limit")
    assert plan("auto", "auto", limits, [PICKLE]).why == (
        "2.0 GiB by the control group's limit, which hold no more; there are 4 CPUs by the control group's quota;"
        " 4 threads each"
    )
    assert "4 CPUs by the control group's quota; 2.0 GiB" in plan("auto", "auto", limits, [SMALL]).why
    assert plan("auto", "auto", GPUS, [PICKLE]).why.startswith("one for each of 2 GPUs; ")


def test_several_workers_share_unless_they_cannot_or_must_not() -> None:
    assert plan(2, "auto", ROOMY, [SMALL]).shared
    assert not plan(1, "auto", ROOMY, [SMALL]).shared
    assert not plan(2, "auto", ROOMY, [SMALL], preload=False).shared
    elsewhere, gpu = plan(2, "auto", ROOMY, [SMALL], forks=False), plan(2, "auto", GPUS, [PICKLE])
    assert (elsewhere.shared, elsewhere.unshared_because) == (False, "only Linux has what it needs")
    assert (gpu.shared, gpu.unshared_because) == (False, "a model may use the GPU, which does not survive a fork")
    assert plan(2, "auto", ROOMY, [SMALL], preload=False).unshared_because == ""


def test_each_worker_that_auto_chose_for_a_gpu_sees_its_own() -> None:
    assert plan("auto", "auto", GPUS, [PICKLE]).gpus == ("0", "1")
    assert plan(4, "auto", GPUS, [PICKLE]).gpus == ()
    assert plan("auto", "auto", GPUS, [SMALL]).gpus == ()


@pytest.mark.parametrize(
    ("asked", "workers", "demand", "threads"),
    [
        ("auto", 1, LARGE, 8),
        ("auto", 1, SMALL, 1),
        ("auto", 1, Demand("onnx", THREADED_BYTES), 8),
        ("auto", 1, Demand("sklearn", 500 * MB), 1),
        ("auto", 2, LARGE, 1),
        (3, 2, SMALL, 3),
        (1, 1, LARGE, 1),
    ],
)
def test_a_call_is_split_where_that_pays_and_hinders_nothing(
    asked: int, workers: int, demand: Demand, threads: int
) -> None:
    assert session_threads(asked, plan(workers, asked, ROOMY, [demand]), demand) == threads


@given(
    cpus=st.floats(0.01, 512),
    memory=st.integers(1, 1 << 42),
    sizes=st.lists(
        st.tuples(st.sampled_from(["onnx", "sklearn", "python"]), st.integers(0, 1 << 36)), min_size=1, max_size=4
    ),
    preload=st.booleans(),
)
def test_auto_never_promises_what_is_not_there(
    cpus: float, memory: int, sizes: list[tuple[str, int]], preload: bool
) -> None:
    demands = [Demand(*size) for size in sizes]
    chosen = plan("auto", "auto", Limits(cpus, "a", memory, "b"), demands, preload=preload)
    assert 1 <= chosen.workers <= max(1, cpus)
    assert chosen.workers * chosen.threads <= max(1, cpus)
    if chosen.workers > 1:
        shared = sum(d.size * LOADED for d in demands if preload and d.runtime != "python")
        own = sum(d.size * LOADED for d in demands) - shared + (WORKER_BYTES if preload else BASE_BYTES)
        assert shared + chosen.workers * own <= memory

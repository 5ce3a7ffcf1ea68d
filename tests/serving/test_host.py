from __future__ import annotations

import os
from pathlib import Path

from children import child
from daytwo.metrics import BY_NAME
from daytwo.serving.host import HostSampler, container_samples, process_samples


def test_this_process_has_cpu_time_memory_and_threads(tmp_path: Path) -> None:
    samples = {
        name: (labels, numbers) for name, labels, numbers in HostSampler(lambda: {3: os.getpid()}, tmp_path).samples()
    }
    assert samples["daytwo_process_cpu_seconds_total"][0] == ("3",)
    assert samples["daytwo_process_resident_memory_bytes"][1][0] > 1e6
    assert samples["daytwo_process_threads"][1][0] >= 1
    assert samples.keys() <= BY_NAME.keys()


def test_the_processes_of_its_models_are_part_of_a_worker() -> None:
    alone = {name: numbers[0] for name, _, numbers in process_samples("0", os.getpid())}
    with child("sum(range(10**6)); print('ready', flush=True); time.sleep(60)"):
        together = {name: numbers[0] for name, _, numbers in process_samples("0", os.getpid())}
    after = {name: numbers[0] for name, _, numbers in process_samples("0", os.getpid())}
    assert (
        together["daytwo_process_threads"] == alone["daytwo_process_threads"] + 1 == after["daytwo_process_threads"] + 1
    )
    assert together["daytwo_process_resident_memory_bytes"] > alone["daytwo_process_resident_memory_bytes"]
    cpu = "daytwo_process_cpu_seconds_total"
    assert alone[cpu] < together[cpu] <= after[cpu]


def test_a_process_that_is_gone_has_no_samples() -> None:
    assert list(process_samples("0", 2**22 + 1)) == []


def test_a_container_tells_throttling_and_memory(tmp_path: Path) -> None:
    (tmp_path / "cpu.stat").write_text("usage_usec 5\nnr_periods 100\nnr_throttled 7\nthrottled_usec 2500000\n")
    (tmp_path / "memory.current").write_text("1048576\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert {name: numbers[0] for name, _, numbers in container_samples(tmp_path)} == {
        "daytwo_container_cpu_periods_total": 100,
        "daytwo_container_cpu_throttled_periods_total": 7,
        "daytwo_container_cpu_throttled_seconds_total": 2.5,
        "daytwo_container_memory_bytes": 1048576,
    }


def test_without_a_control_group_there_are_no_series(tmp_path: Path) -> None:
    assert list(container_samples(tmp_path)) == []

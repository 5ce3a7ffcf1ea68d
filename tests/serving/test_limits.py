from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from daytwo.serving.capacity import Demand, plan
from daytwo.serving.limits import read_limits, visible_gpus

MOUNT = "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine without control groups or GPUs."""
    for folder in ("proc/self", "sys/fs/cgroup", "dev"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def contain(root: Path, **files: str) -> None:
    (root / "proc/self/cgroup").write_text("0::/\n")
    (root / "proc/self/mountinfo").write_text(MOUNT + "\n")
    for name, text in files.items():
        (root / "sys/fs/cgroup" / name.replace("_", ".")).write_text(text + "\n")


def test_without_control_groups_affinity_and_free_memory_decide(root: Path) -> None:
    limits = read_limits(root, {})
    assert (limits.cpus, limits.cpus_by) == (len(os.sched_getaffinity(0)), "affinity")
    assert 0 < limits.memory_bytes <= psutil.virtual_memory().total
    assert limits.gpus == ()


def test_the_control_group_decides_where_it_is_tighter(root: Path) -> None:
    contain(root, cpu_max="50000 100000", memory_max="1000000")
    limits = read_limits(root, {})
    assert (limits.cpus, limits.cpus_by) == (0.5, "the control group's quota")
    assert (limits.memory_bytes, limits.memory_by) == (1000000, "the control group's limit")


def test_a_quota_above_the_cores_there_are_grants_no_more(root: Path) -> None:
    contain(root, cpu_max="100000000 100000", memory_max="max")
    assert read_limits(root, {}).cpus == len(os.sched_getaffinity(0))


def test_affinity_is_what_the_scheduler_says() -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from daytwo.serving.limits import read_limits; print(read_limits().cpus)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert float(done.stdout) <= 1.0


def test_auto_under_a_tree_of_control_groups(root: Path) -> None:
    contain(root, cpu_max="100000 100000", memory_max=str(8 << 30))
    chosen = plan("auto", "auto", read_limits(root, {}), [Demand("onnx", 1000)])
    assert (chosen.workers, chosen.threads) == (1, 1)
    assert "1 CPUs by " in chosen.why


@pytest.mark.parametrize(
    ("present", "shown", "visible"),
    [
        (0, None, ()),
        (0, "0", ()),
        (2, None, ("0", "1")),
        (4, "2, 3", ("2", "3")),
        (2, "", ()),
        (2, "-1", ()),
        (4, "1,-1,2", ("1",)),
        (1, "GPU-8f3a", ("GPU-8f3a",)),
    ],
)
def test_gpus_that_are_hidden_are_not_there(present: int, shown: str | None, visible: tuple[str, ...]) -> None:
    assert visible_gpus(present, {} if shown is None else {"CUDA_VISIBLE_DEVICES": shown}) == visible


def test_gpus_are_counted_by_their_devices(root: Path) -> None:
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (root / "dev" / name).touch()
    assert read_limits(root, {}).gpus == ("0", "1")
    assert read_limits(root, {"CUDA_VISIBLE_DEVICES": "1"}).gpus == ("1",)

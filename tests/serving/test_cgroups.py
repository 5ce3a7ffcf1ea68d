"""Control groups as they are met: laptops, containers, pods, services; both versions, and both at once."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from daytwo.serving.cgroups import cpu_quota, folders, memory_limit, mounts

V2 = "29 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate"
V1_CPU = "33 24 0:29 {root} /sys/fs/cgroup/cpu,cpuacct ro,nosuid master:11 - cgroup cgroup rw,cpu,cpuacct"
V1_MEMORY = "34 24 0:30 {root} /sys/fs/cgroup/memory ro,nosuid master:12 - cgroup cgroup rw,memory"
HYBRID = """
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
POD = "/kubepods/burstable/pod1b2c/9f8e"
V1_POD = "\n".join(mount.format(root=POD) for mount in (V1_CPU, V1_MEMORY))
V1_HOST = "\n".join(mount.format(root="/") for mount in (V1_CPU, V1_MEMORY))
UNLIMITED = "9223372036854771712"

CASES = {
    "a laptop, version 2, no limits": (
        "0::/user.slice/user-1000.slice/session-2.scope",
        V2,
        {"/sys/fs/cgroup/user.slice/cpu.max": "max 100000", "/sys/fs/cgroup/user.slice/memory.max": "max"},
        None,
        None,
    ),
    "a container with its own namespace, version 2": (
        "0::/",
        V2,
        {"/sys/fs/cgroup/cpu.max": "150000 100000", "/sys/fs/cgroup/memory.max": "536870912"},
        1.5,
        536870912,
    ),
    "a service whose slice is tighter than itself": (
        "0::/small.slice/daytwo.service",
        V2,
        {
            "/sys/fs/cgroup/small.slice/daytwo.service/cpu.max": "400000 100000",
            "/sys/fs/cgroup/small.slice/cpu.max": "200000 100000",
            "/sys/fs/cgroup/small.slice/daytwo.service/memory.max": "2147483648",
            "/sys/fs/cgroup/small.slice/memory.max": "max",
        },
        2.0,
        2147483648,
    ),
    "a group outside of what is mounted, version 2": (
        "0::/../../kubepods/pod1",
        V2,
        {"/sys/fs/cgroup/cpu.max": "50000 100000"},
        0.5,
        None,
    ),
    "a pod, version 1, which sees its own group at the mount": (
        f"4:memory:{POD}\n3:cpu,cpuacct:{POD}\n1:name=systemd:{POD}\n0::/",
        V1_POD,
        {
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000",
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824",
        },
        2.5,
        1073741824,
    ),
    "a host, version 1, limited one level up": (
        "4:memory:/batch/job\n3:cpu,cpuacct:/batch/job",
        V1_HOST,
        {
            "/sys/fs/cgroup/cpu,cpuacct/batch/job/cpu.cfs_quota_us": "-1",
            "/sys/fs/cgroup/cpu,cpuacct/batch/job/cpu.cfs_period_us": "100000",
            "/sys/fs/cgroup/cpu,cpuacct/batch/cpu.cfs_quota_us": "300000",
            "/sys/fs/cgroup/cpu,cpuacct/batch/cpu.cfs_period_us": "100000",
            "/sys/fs/cgroup/memory/batch/job/memory.limit_in_bytes": UNLIMITED,
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": UNLIMITED,
        },
        3.0,
        None,
    ),
    "both versions at once, the old one in charge": (
        "4:memory:/jobs/a\n1:cpu:/\n9:name=systemd:/\n0::/",
        HYBRID,
        {
            "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
            "/sys/fs/cgroup/memory/jobs/a/memory.limit_in_bytes": "4294967296",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": UNLIMITED,
        },
        None,
        4294967296,
    ),
    "no control groups": ("", "", {}, None, None),
    "files that hold nonsense": (
        "nonsense\n0::/",
        f"too short\n{V2}\n1 2 3 - cgroup2",
        {"/sys/fs/cgroup/cpu.max": "many few", "/sys/fs/cgroup/memory.max": ""},
        None,
        None,
    ),
    "a period of nothing": ("0::/", V2, {"/sys/fs/cgroup/cpu.max": "100000 0"}, None, None),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_smallest_limit_on_the_way_up_wins(
    case: tuple[str, str, dict[str, str], float | None, int | None],
) -> None:
    membership, mountinfo, files, cpus, memory = case

    def read(path: PurePosixPath) -> str:
        return files.get(str(path), "")

    assert cpu_quota(membership, mountinfo, read) == cpus
    assert memory_limit(membership, mountinfo, read) == memory


def test_every_level_is_asked_from_the_innermost_out() -> None:
    asked = [str(folder) for _, folder in folders("cpu", "0::/a/b", V2)]
    assert asked == ["/sys/fs/cgroup/a/b", "/sys/fs/cgroup/a", "/sys/fs/cgroup"]


def test_only_hierarchies_of_groups_are_mounts() -> None:
    other = "25 30 0:23 / /proc rw - proc proc rw"
    assert [(m.version, sorted(m.controllers)) for m in mounts(f"{other}\n{V2}\n{V1_POD}")] == [
        (2, []),
        (1, ["cpu", "cpuacct", "rw"]),
        (1, ["memory", "rw"]),
    ]

"""Real processes, at once, on one registry."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from subprocess import Popen

import pytest

from bundles import names, publish
from children import child
from daytwo.errors import AliasInUse, RegistryError, UnknownReference
from daytwo.registry.local import LocalRegistry

#: Everybody waits for the word, so that all begin at once.
RACE = """
import bundles
from daytwo.errors import DaytwoError
from daytwo.registry.local import LocalRegistry
registry, me, rounds = LocalRegistry(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for n in range(rounds):
    version = bundles.publish(registry, model=f"{me} {n}".encode(), tags={"who": me, "round": str(n)}).version
    registry.promote(f"churn:{version}", "prod", who=me, why=str(n))
    registry.promote(f"churn:{version}", f"mine-{me}", who=me, why=str(n))
    print(version, flush=True)
"""


def go(process: Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def said(process: Popen[str]) -> list[str]:
    assert process.stdout is not None
    return process.stdout.read().split()


def test_many_writers_lose_nothing(tmp_path: Path):
    writers, rounds = 4, 6
    registry = LocalRegistry(tmp_path / "registry")
    with ExitStack() as stack:
        racing = [stack.enter_context(child(RACE, registry.root, n, rounds)) for n in range(writers)]
        for process in racing:
            go(process)
        published = [version for process in racing for version in said(process)]
    everything = {str(n) for n in range(1, writers * rounds + 1)}
    assert len(published) == len(everything)
    assert set(published) == everything
    listed = registry.list("churn")
    assert {item.version for item in listed} == everything
    bundles = [registry.open(item.reference) for item in listed]
    assert Counter(bundle.manifest.tags["who"] for bundle in bundles) == {str(n): rounds for n in range(writers)}
    moves = registry.history("churn")
    assert Counter((move.who, move.why) for move in moves) == {
        (str(w), str(r)): 2 for w in range(writers) for r in range(rounds)
    }
    on_prod = [move for move in moves if move.alias == "prod"]
    assert all(before.version == after.previous for before, after in pairwise(on_prod))
    assert names(registry.root / "churn") == sorted([*everything, ".lock", "aliases.jsonl"])


MID_PUBLISH = """
import bundles, os
from daytwo.registry.local import LocalRegistry
registry = LocalRegistry(sys.argv[1])
def seal(writer, version):
    {before}
    writer.seal("churn", version, **bundles.FIELDS)
    {after}
def wait():
    print("ready", flush=True)
    time.sleep(60)
with registry.stage("churn") as writer:
    bundles.fill(writer)
    registry.publish(writer, lambda version: seal(writer, version))
"""


def killed_while_publishing(registry: LocalRegistry, before: str, after: str) -> None:
    with child(MID_PUBLISH.format(before=before, after=after), registry.root) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_a_writer_that_is_killed_leaves_no_half_version_and_blocks_nobody(tmp_path: Path):
    registry = LocalRegistry(tmp_path / "registry")
    publish(registry)
    for before, after in (("wait()", ""), ("", "wait()")):  # with the lock held, before and after the manifest
        killed_while_publishing(registry, before, after)
        assert [item.version for item in registry.list()] == ["1"]
        assert registry.open("churn").version == "1"
    registry.promote("churn:1", "prod")
    assert publish(registry).version == "2"
    assert names(registry.root / "churn") == [".lock", "1", "2", "aliases.jsonl"]


KILLED = """
import bundles
from daytwo.registry.local import LocalRegistry
registry = LocalRegistry(sys.argv[1])
print("ready", flush=True)
while True:
    version = bundles.publish(registry, model=b"x" * 300_000).version
    registry.promote(f"churn:{version}", "prod")
    if int(version) > 2:
        registry.delete(f"churn:{int(version) - 2}")
"""


@pytest.mark.slow
def test_killed_at_any_moment_all_that_is_listed_is_whole(tmp_path: Path):
    registry = LocalRegistry(tmp_path / "registry")
    for moment in range(6):
        with child(KILLED, registry.root) as process:
            time.sleep(0.05 + moment * 0.027)
            process.send_signal(signal.SIGKILL)
            process.wait()
        listed = registry.list()
        assert [item.problem for item in listed] == [None] * len(listed)
        for item in listed:
            assert registry.open(item.reference).version == item.version
        if listed and registry.aliases("churn"):
            assert registry.open("churn@prod").version in {item.version for item in listed}
    assert publish(registry).version == registry.list()[0].version
    assert not [name for name in names(registry.root / "churn") if name.startswith(".daytwo-staging")]


@pytest.mark.slow
def test_whoever_reads_while_others_write_and_delete_sees_whole_bundles(tmp_path: Path):
    registry = LocalRegistry(tmp_path / "registry")
    publish(registry)
    registry.promote("churn:1", "prod")
    read = 0
    with child(KILLED, registry.root):
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            assert registry.open("churn@prod").name == "churn"
            read += 1
    assert read > 0


def test_threads_of_one_process_are_writers_too(tmp_path: Path):
    registry = LocalRegistry(tmp_path / "registry")
    found: list[str] = []

    def work() -> None:
        for _ in range(3):
            found.append(publish(registry).version)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, found)) == list(range(1, 13))


def test_a_version_is_never_deleted_under_an_alias(tmp_path: Path):
    registry = LocalRegistry(tmp_path / "registry")
    outcomes: Counter[str] = Counter()
    for round_ in range(1, 11):
        publish(registry)
        start = threading.Barrier(2)

        def promote(version: int = round_, start: threading.Barrier = start) -> None:
            start.wait()
            try:
                registry.promote(f"churn:{version}", "prod")
                outcomes["promoted"] += 1
            except (UnknownReference, RegistryError):
                outcomes["refused"] += 1

        mover = threading.Thread(target=promote)
        mover.start()
        start.wait()
        try:
            registry.delete(f"churn:{round_}")
        except AliasInUse:
            assert registry.open("churn@prod").version == str(round_)
        mover.join()
        pointing = registry.aliases("churn").get("prod") if registry.list() else None
        assert pointing is None or registry.open("churn@prod").version == pointing
    assert sum(outcomes.values()) == 10

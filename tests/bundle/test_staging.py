from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bundles import FIELDS, files, fill, is_sentence, make, names
from children import HEAD, child
from daytwo.bundle import open_bundle, place, staged
from daytwo.errors import BundleError, OutsideFailure
from full_disk import run_on_small_disk, run_with_small_files

PACK = (
    HEAD
    + """
import bundles
from daytwo.bundle import place, staged
from daytwo.errors import OutsideFailure
from pathlib import Path
target = Path(sys.argv[1])
try:
    with staged(target.parent) as writer:
        bundles.fill(writer, b"x" * 100_000).seal("churn", "1", **bundles.FIELDS)
        place(writer, target)
except OutsideFailure as error:
    print(error)
    print(*sorted(item.name for item in target.parent.iterdir()))
"""
)


def test_a_bundle_is_there_whole_or_not_at_all(tmp_path: Path):
    target = tmp_path / "bundle"
    with staged(tmp_path) as writer:
        fill(writer).seal("churn", "1", **FIELDS)
        assert not target.exists()
        place(writer, target)
        assert open_bundle(target).name == "churn"
    assert names(tmp_path) == ["bundle"]  # nothing of the stage is left


def test_its_files_are_read_only(tmp_path: Path):
    bundle = make(tmp_path / "bundle")
    modes = {stat.S_IMODE(file.stat().st_mode) & 0o222 for file in bundle.rglob("*") if file.is_file()}
    assert modes == {0}


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), FileNotFoundError("my own file")])
def test_what_fails_on_the_way_leaves_nothing_and_is_told_as_it_is(tmp_path: Path, error: BaseException):
    def pack() -> None:
        with staged(tmp_path / "new" / "folder") as writer:
            fill(writer)
            raise error

    with pytest.raises(type(error)):
        pack()
    assert files(tmp_path) == ["new", "new/folder"]


@pytest.mark.parametrize("there", ["bundle", "file", "folder"])
def test_it_never_overwrites(tmp_path: Path, there: str):
    target = tmp_path / "target"
    if there == "bundle":
        make(target)
    elif there == "file":
        target.write_text("mine")
    else:
        target.mkdir()
    with pytest.raises(BundleError, match=r"target exists, and a bundle never overwrites"):
        make(target, version="2")
    assert [name for name in names(tmp_path) if name != "target"] == []
    assert there != "bundle" or open_bundle(target).version == "1"
    assert there != "file" or target.read_text() == "mine"


def test_a_disk_with_no_room_for_the_model_is_one_sentence(tmp_path: Path):
    done = run_with_small_files(PACK, tmp_path / "bundle")
    sentence, left = done.stdout.splitlines()
    assert sentence.startswith(f"writing a bundle in {tmp_path} failed: File too large")
    assert (left, done.stderr, names(tmp_path)) == ("", "", [])


@pytest.mark.parametrize("size", ["4k", "12k", "64k", "104k", "128k"])
def test_a_full_disk_is_one_sentence_and_nothing_is_left(tmp_path: Path, size: str):
    disk = tmp_path / "disk"
    done = run_on_small_disk(PACK, disk, disk / "bundle", size=size)
    sentence, left = done.stdout.splitlines()
    assert f"in {disk} failed: No space left on device" in sentence
    assert is_sentence(sentence)
    assert (left, done.stderr) == ("", "")


def test_a_target_below_a_file_is_a_failure_outside(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutsideFailure, match=r"writing a bundle in .*file/sub failed: Not a directory"):
        make(tmp_path / "file" / "sub" / "bundle")


STAGE = """
import bundles
from daytwo.bundle import staged
with staged(sys.argv[1]) as writer:
    bundles.fill(writer)
    print("ready", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_is_cleaned_up_and_what_lives_is_left_alone(tmp_path: Path):
    with child(STAGE, tmp_path):
        with child(STAGE, tmp_path):
            assert len(names(tmp_path)) == 4  # two folders, two locks
        make(tmp_path / "bundle")
        left = names(tmp_path)
        assert len(left) == 3
        assert all(name == "bundle" or name.startswith(".daytwo-staging-") for name in left)
    make(tmp_path / "another")
    assert names(tmp_path) == ["another", "bundle"]

from __future__ import annotations

from pathlib import Path

import pytest

from children import child
from daytwo.bundle.locks import Lock
from daytwo.errors import OutsideFailure

HOLD = """
from pathlib import Path
from daytwo.bundle.locks import Lock
with Lock(Path(sys.argv[1])):
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_lock_is_held_once_and_dropped_when_its_holder_is_killed(tmp_path: Path):
    path = tmp_path / "lock"
    with child(HOLD, path):
        assert not Lock(path).try_acquire()
        with (
            pytest.raises(OutsideFailure, match=r"another process has held .*lock for 0.02 s"),
            Lock(path, patience_s=0.02),
        ):
            pass
    with Lock(path):
        assert path.exists()
    assert path.exists()


def test_a_lock_that_is_not_kept_leaves_nothing(tmp_path: Path):
    with Lock(tmp_path / "lock", keep=False):
        assert not Lock(tmp_path / "lock").try_acquire()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_whose_file_was_removed_is_not_held(tmp_path: Path):
    first = Lock(tmp_path / "lock")
    assert first.try_acquire()
    first.path.unlink()
    second = Lock(tmp_path / "lock")
    assert second.try_acquire()  # another file, so another lock
    first.release()
    second.release()

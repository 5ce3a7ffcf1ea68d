from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bundles import FIELDS, files, fill, forge, is_sentence, make, names, publish
from children import HEAD
from daytwo.bundle import staged
from daytwo.errors import (
    AliasInUse,
    CorruptBundle,
    DaytwoError,
    InvalidName,
    OutsideFailure,
    RegistryError,
    UnknownReference,
)
from daytwo.registry import AliasMove
from daytwo.registry.local import LocalRegistry
from full_disk import run_on_small_disk, run_with_small_files


@pytest.fixture
def local(tmp_path: Path) -> LocalRegistry:
    return LocalRegistry(tmp_path / "registry")


@pytest.fixture
def churn(local: LocalRegistry) -> LocalRegistry:
    """Three versions of churn."""
    for _ in range(3):
        publish(local)
    return local


def test_versions_count_from_one(local: LocalRegistry):
    assert [publish(local).reference for _ in range(3)] == ["churn:1", "churn:2", "churn:3"]
    assert publish(local, "other").reference == "other:1"
    assert names(local.root / "churn") == [".lock", "1", "2", "3"]


@pytest.mark.parametrize(
    ("text", "version"), [("churn", "3"), ("churn:latest", "3"), ("churn@latest", "3"), ("churn:2", "2")]
)
def test_what_a_reference_opens(churn: LocalRegistry, text: str, version: str):
    assert churn.open(text).version == version
    assert churn.resolve(text) == churn.root / "churn" / version


def test_a_path_needs_no_registry(local: LocalRegistry, tmp_path: Path):
    folder = make(tmp_path / "anywhere", version="9")
    assert local.open(str(folder)).reference == "churn:9"
    assert not local.root.exists()


def test_the_tenth_version_comes_after_the_ninth(local: LocalRegistry):
    for _ in range(10):
        publish(local)
    assert local.open("churn").version == "10"
    assert [item.version for item in local.list("churn")][:2] == ["10", "9"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("chrun", "unknown reference 'chrun': did you mean churn?"),
        ("zzz", "unknown reference 'zzz': the registry {root} has churn"),
        ("churn:7", "unknown reference 'churn:7': churn has the versions 1, 2, 3"),
        ("churn@prod", "unknown reference 'churn@prod': churn has no aliases"),
        ("/no/such/folder", "unknown reference '/no/such/folder': there is no such folder"),
        ("{root}", "unknown reference '{root}': the folder holds no manifest.json, so it is no bundle"),
        ("{root}/churn/.lock", "unknown reference '{root}/churn/.lock': it is a file, not the folder of a bundle"),
    ],
)
def test_an_unknown_reference_says_what_there_is(churn: LocalRegistry, text: str, said: str):
    for ask in (churn.open, churn.resolve):
        with pytest.raises(UnknownReference) as caught:
            ask(text.format(root=churn.root))
        assert str(caught.value) == said.format(root=churn.root)


def test_an_empty_registry_says_so(local: LocalRegistry):
    with pytest.raises(UnknownReference, match=r"the registry .* is empty"):
        local.open("churn")
    assert local.list() == ()


def test_a_folder_of_that_name_is_pointed_out(local: LocalRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownReference, match=r"it is no model of the registry; for the path, write \./model"):
        local.open("model")
    assert local.open("./model").name == "churn"


def test_many_versions_are_not_all_listed(local: LocalRegistry):
    for _ in range(14):
        publish(local)
    with pytest.raises(UnknownReference, match=r"churn has the versions …, 3, 4, .*13, 14$"):
        local.open("churn:99")


def test_an_alias_moves_and_every_move_is_logged(churn: LocalRegistry):
    churn.promote("churn:1", "prod", why="first", who="ada")
    move = churn.promote("churn", "prod", why="better", who="bob")
    assert (move.version, move.previous, move.who, move.why, move.action) == ("3", "1", "bob", "better", "promote")
    assert move.when.endswith("Z")
    assert churn.open("churn@prod").version == "3"
    churn.promote("churn@prod", "stage")
    assert churn.aliases("churn") == {"prod": "3", "stage": "3"}
    assert [(m.version, m.who) for m in churn.history("churn", "prod")] == [("1", "ada"), ("3", "bob")]
    assert len(churn.history("churn")) == 3
    assert churn.history("churn", "nothing") == ()


def test_who_moved_it_is_the_user_unless_said(churn: LocalRegistry, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOGNAME", "grace")
    assert churn.promote("churn:1", "prod").who == "grace"


def test_promoting_again_changes_and_logs_nothing(churn: LocalRegistry):
    first = churn.promote("churn:1", "prod")
    assert churn.promote("churn:1", "prod") == first
    assert len(churn.history("churn")) == 1


def test_rolling_back_goes_one_back_at_a_time(churn: LocalRegistry):
    for version in "123":
        churn.promote(f"churn:{version}", "prod")
    back = churn.rollback("churn", "prod", why="errors", who="ada")
    assert (back.action, back.version, back.previous, back.why) == ("rollback", "2", "3", "errors")
    assert churn.rollback("churn", "prod").version == "1"
    with pytest.raises(RegistryError, match="churn@prod cannot be rolled back: it never pointed elsewhere than at 1"):
        churn.rollback("churn", "prod")
    churn.promote("churn:3", "prod")
    assert churn.rollback("churn", "prod").version == "1"
    assert [move.version for move in churn.history("churn", "prod")] == ["1", "2", "3", "2", "1", "3", "1"]
    assert churn.open("churn@prod").version == "1"


def test_rolling_back_to_what_was_deleted_is_refused(churn: LocalRegistry):
    churn.promote("churn:1", "prod")
    churn.promote("churn:2", "prod")
    churn.delete("churn:1")
    with pytest.raises(RegistryError, match="churn@prod cannot be rolled back: churn:1 was deleted; promote another"):
        churn.rollback("churn", "prod")
    assert churn.open("churn@prod").version == "2"


def test_what_is_promoted_is_verified_first(churn: LocalRegistry):
    damage(churn, "2")
    with pytest.raises(CorruptBundle):
        churn.promote("churn:2", "prod")
    assert churn.aliases("churn") == {}


def test_behind_an_alias_is_what_was_promoted(churn: LocalRegistry):
    churn.promote("churn:2", "prod")
    forge(churn.resolve("churn:2"), lambda document: document["metrics"].update(accuracy=0.99))
    assert churn.open("churn:2").manifest.metrics == {"accuracy": 0.99}
    with pytest.raises(CorruptBundle, match="its digest is"):
        churn.open("churn@prod")


def test_a_version_in_the_place_of_another_is_refused(churn: LocalRegistry):
    shutil.rmtree(churn.root / "churn/3")
    shutil.copytree(churn.root / "churn/2", churn.root / "churn/3")
    with pytest.raises(CorruptBundle, match="it says that it is churn:2"):
        churn.open("churn:3")


def test_a_version_is_deleted_unless_an_alias_points_there(churn: LocalRegistry):
    churn.promote("churn:2", "prod")
    churn.promote("churn:2", "stage")
    with pytest.raises(AliasInUse, match="churn:2 is in use by @prod, @stage: promote another version"):
        churn.delete("churn:2")
    assert churn.delete("churn:1") == "churn:1"
    assert [item.version for item in churn.list("churn")] == ["3", "2"]
    with pytest.raises(UnknownReference, match="churn has the versions 2, 3"):
        churn.delete("churn:1")


@pytest.mark.parametrize("text", ["churn", "churn:latest", "churn@prod", "./churn"])
def test_what_is_deleted_is_named_by_its_version(churn: LocalRegistry, text: str):
    with pytest.raises(RegistryError, match="deleting needs a"):
        churn.delete(text)


def test_a_number_is_never_used_again(churn: LocalRegistry):
    assert churn.delete("churn:3") == "churn:3"
    assert publish(churn).version == "4"
    for version in ("1", "2", "4"):
        churn.delete(f"churn:{version}")
    assert churn.list() == ()
    with pytest.raises(UnknownReference, match="is empty"):
        churn.open("churn")
    assert publish(churn).version == "5"


def test_nothing_is_left_of_what_was_deleted_but_its_number(churn: LocalRegistry):
    churn.delete("churn:3")
    assert files(churn.root / "churn/.deleted") == ["3"]


@pytest.mark.parametrize("alias", ["", "Prod", "a b", "a/b", "..", "a" * 65])
def test_aliases_that_cannot_be(churn: LocalRegistry, alias: str):
    with pytest.raises(InvalidName, match="cannot be a model alias"):
        churn.promote("churn:1", alias)


def test_latest_cannot_be_moved(churn: LocalRegistry):
    with pytest.raises(RegistryError, match="'latest' is always the highest version"):
        churn.promote("churn:1", "latest")


@pytest.mark.parametrize("name", ["Churn", "../churn", ".", "", "a/b"])
def test_names_are_checked_before_anything_is_made(local: LocalRegistry, name: str):
    with pytest.raises(InvalidName), local.stage(name):
        pass
    assert not local.root.exists()


def test_a_listing_tells_what_a_reader_wants_to_know(churn: LocalRegistry):
    publish(churn, "abc", task="regression")
    churn.promote("churn:2", "prod")
    churn.promote("churn:2", "blue")
    listed = churn.list()
    assert [item.reference for item in listed] == ["abc:1", "churn:3", "churn:2", "churn:1"]
    second = churn.list("churn")[1]
    bundle = churn.open("churn:2")
    assert (second.aliases, second.task, second.digest) == (("blue", "prod"), "classification", bundle.digest)
    assert second.created == bundle.manifest.created
    assert second.size_bytes == sum(f.stat().st_size for f in bundle.path.rglob("*") if f.is_file())
    with pytest.raises(UnknownReference):
        churn.list("nothing")


def damage(registry: LocalRegistry, version: str) -> None:
    file = registry.root / "churn" / version / "manifest.json"
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-9])


def test_a_damaged_version_does_not_hide_the_others(churn: LocalRegistry):
    damage(churn, "2")
    listed = churn.list("churn")
    assert [item.problem is None for item in listed] == [True, False, True]
    assert "does not end with its checksum" in str(listed[1].problem) or "not valid JSON" in str(listed[1].problem)
    assert churn.open("churn").version == "3"


def test_what_others_put_into_the_folder_does_no_harm(churn: LocalRegistry):
    for name in ("notes.txt", "Upper", ".hidden", "empty"):
        (churn.root / name).mkdir()
    (churn.root / "file").write_text("x")
    (churn.root / "churn/007").mkdir()
    (churn.root / "churn/draft").mkdir()
    (churn.root / "churn/5").write_text("a file")
    assert [item.reference for item in churn.list()] == ["churn:3", "churn:2", "churn:1"]


@pytest.mark.parametrize("log", ["{", "[]\n", '{"alias": "prod"}\n', "\xff"])
def test_a_damaged_log_is_told_and_never_guessed(churn: LocalRegistry, log: str):
    (churn.root / "churn/aliases.jsonl").write_bytes(log.encode("latin-1"))
    for ask in (
        lambda: churn.open("churn@prod"),
        lambda: churn.promote("churn:1", "prod"),
        lambda: churn.history("churn"),
    ):
        with pytest.raises(RegistryError, match=r"the log of aliases .*aliases.jsonl was damaged") as caught:
            ask()
        assert is_sentence(str(caught.value))
    assert churn.open("churn:2").version == "2"


def test_sealing_as_something_else_publishes_nothing(local: LocalRegistry):
    def publish_wrongly() -> None:
        with local.stage("churn") as writer:
            fill(writer)
            local.publish(writer, lambda _: writer.seal("churn", "9", **FIELDS))

    with pytest.raises(ValueError, match="sealed as churn:9 instead of churn:1"):
        publish_wrongly()
    assert names(local.root / "churn") == [".lock"]


def test_what_was_not_staged_here_is_refused(local: LocalRegistry, tmp_path: Path):
    with staged(tmp_path) as writer, pytest.raises(RegistryError, match="was not staged in the registry"):
        local.publish(writer, lambda _: None)


def test_what_fails_while_it_is_packed_uses_no_number(local: LocalRegistry):
    def fail() -> None:
        with local.stage("churn") as writer:
            fill(writer)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert publish(local).version == "1"


def test_the_registry_may_be_moved(churn: LocalRegistry, tmp_path: Path):
    churn.promote("churn:2", "prod")
    churn.root.rename(tmp_path / "elsewhere")
    assert LocalRegistry(tmp_path / "elsewhere").open("churn@prod").version == "2"


FULL = """
import bundles, os
from pathlib import Path
from daytwo.errors import OutsideFailure
from daytwo.registry.local import LocalRegistry
registry = LocalRegistry(sys.argv[1])
bundles.publish(registry)
registry.promote("churn:1", "prod")
try:
    {act}
    print("it worked")
except OutsideFailure as error:
    print(error)
print([item.reference for item in registry.list()], registry.aliases("churn"), registry.open("churn@prod").version)
print(sorted(os.listdir(registry.root / "churn")))
"""
BIG = 'bundles.publish(registry, model=b"x" * 200_000)'
MANY = '[registry.promote("churn:1", f"a{n}", why="x" * 900) for n in range(1000)]'


def check_full(said: str, out: str, error: str) -> None:
    assert error == ""
    sentence, state, left = out.splitlines()
    assert said in sentence
    assert is_sentence(sentence)
    assert state.startswith("['churn:1'] {")
    assert state.endswith(" 1")
    assert left == "['.lock', '1', 'aliases.jsonl']"


@pytest.mark.parametrize("act", [BIG, MANY], ids=["publish", "promote"])
def test_with_no_room_for_a_file_all_stays_as_it_was(tmp_path: Path, act: str):
    done = run_with_small_files(HEAD + FULL.format(act=act), tmp_path / "registry")
    check_full("failed: File too large", done.stdout, done.stderr)


@pytest.mark.parametrize("act", [BIG, MANY], ids=["publish", "promote"])
def test_on_a_full_disk_all_stays_as_it_was(tmp_path: Path, act: str):
    done = run_on_small_disk(HEAD + FULL.format(act=act), tmp_path / "disk", tmp_path / "disk/registry", size="160k")
    check_full("failed: No space left on device", done.stdout, done.stderr)


def test_a_registry_in_an_impossible_place_is_a_failure_outside(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    local = LocalRegistry(tmp_path / "file" / "registry")
    with pytest.raises(OutsideFailure, match="Not a directory"):
        publish(local)
    with pytest.raises(DaytwoError):
        local.open("churn")


def test_a_move_reads_back_as_it_was_written(churn: LocalRegistry):
    move = churn.promote("churn:1", "prod", why='größer "und"\nschöner\u2028', who="Ä")
    assert churn.history("churn") == (move,)
    assert isinstance(move, AliasMove)

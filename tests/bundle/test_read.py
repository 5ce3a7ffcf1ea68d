from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundles import forge, forge_file, is_sentence, make
from daytwo.bundle import open_bundle
from daytwo.errors import CorruptBundle, OutsideFailure, UnknownReference, UnsupportedFormat


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make(tmp_path / "bundle")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("pristine") / "bundle")


def write(path: Path, data: bytes) -> None:
    if path.exists():
        path.chmod(0o644)
    path.write_bytes(data)


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    write(path, change(path.read_bytes()))


def test_a_bundle_opens_as_it_was_packed(bundle: Path):
    opened = open_bundle(bundle)
    assert (opened.reference, opened.path) == ("churn:1", bundle)
    assert opened.signature.names == ("age", "plan")
    assert opened.manifest.compiled[0].details == {"opset": 21}
    assert opened.digest == open_bundle(str(bundle), digest=opened.digest).digest


def damage(name: str, act: Callable[[Path], Any], said: str) -> Any:
    return pytest.param(act, said, id=name)


DAMAGES = [
    damage("a file is truncated", lambda b: edit(b / "model/model.pkl", lambda d: d[:-1]), "model.pkl has 479 bytes instead of 480"),
    damage("a file is emptied", lambda b: write(b / "examples.npz", b""), "examples.npz has 0 bytes"),
    damage("a file is longer", lambda b: edit(b / "signature.json", lambda d: d + b" "), "signature.json has"),
    damage("a byte differs", lambda b: edit(b / "model/model.pkl", lambda d: b"N" + d[1:]), "model.pkl does not match its sha256"),
    damage("a file is added", lambda b: write(b / "model/more.pkl", b"x"), "model/more.pkl is not in the manifest"),
    damage("a hidden file is added", lambda b: write(b / ".DS_Store", b"x"), ".DS_Store is not in the manifest"),
    damage("a file is removed", lambda b: (b / "reference.json").unlink(), "reference.json is missing"),
    damage("a folder is removed", lambda b: shutil.rmtree(b / "compiled"), "compiled/onnx/model.onnx is missing"),
    damage("the manifest is removed", lambda b: (b / "manifest.json").unlink(), "manifest.json is missing"),
    damage("the manifest is empty", lambda b: write(b / "manifest.json", b""), "manifest.json is not valid JSON"),
    damage("the manifest is no JSON", lambda b: write(b / "manifest.json", b"{format: 1}"), "manifest.json is not valid JSON"),
    damage("the manifest is no text", lambda b: write(b / "manifest.json", b"\xff\xfe{}"), "manifest.json is not valid JSON"),
    damage("the manifest is a list", lambda b: write(b / "manifest.json", b"[]"), "manifest.json should be an object, not a list"),
    damage("the manifest is deep", lambda b: write(b / "manifest.json", b"[" * 200_000), "manifest.json is nested too deeply"),
    damage("the manifest holds NaN", lambda b: write(b / "manifest.json", b'{"format": NaN}'), "NaN is not JSON"),
    damage("a long number", lambda b: write(b / "manifest.json", b'{"format": ' + b"9" * 5000 + b"}"), "manifest.json is not valid JSON"),
    damage("no format", lambda b: write(b / "manifest.json", b"{}"), "'format' is missing"),
    damage("a format in words", lambda b: write(b / "manifest.json", b'{"format": "1"}'), "'format' should be an integer, not text"),
    damage("a format of true", lambda b: write(b / "manifest.json", b'{"format": true}'), "'format' should be an integer, not true or false"),
    damage("no checksum", lambda b: write(b / "manifest.json", b'{"format": 1}'), "does not end with its checksum"),
    damage("a metric is polished", lambda b: edit(b / "manifest.json", lambda d: d.replace(b"0.93", b"0.99")), "does not match its own checksum"),
    damage("a tag is changed", lambda b: edit(b / "manifest.json", lambda d: d.replace(b"growth", b"groWth")), "does not match its own checksum"),
    damage("the manifest is reformatted", lambda b: edit(b / "manifest.json", lambda d: json.dumps(json.loads(d)).encode()), "checksum"),
    damage("the manifest is huge", lambda b: ((b / "manifest.json").chmod(0o644), os.truncate(b / "manifest.json", 1 << 30)), "more than any true one"),
    damage("the manifest is a folder", lambda b: ((b / "manifest.json").unlink(), (b / "manifest.json").mkdir()), "is not a plain file"),
    damage("the manifest is a link", lambda b: ((b / "manifest.json").rename(b / "m"), (b / "manifest.json").symlink_to("m")), "not a plain file"),
    damage("a file is a link", lambda b: ((b / "reference.json").unlink(), (b / "reference.json").symlink_to("/etc/passwd")), "reference.json is a symbolic link"),
    damage("a folder is a link", lambda b: ((b / "model").rename(b.parent / "m"), (b / "model").symlink_to(b.parent / "m")), "model is a symbolic link"),
    damage("a link more", lambda b: (b / "model/more").symlink_to("model.pkl"), "model/more is a symbolic link"),
    damage("a link to nothing", lambda b: (b / "nothing").symlink_to("nowhere"), "nothing is a symbolic link"),
    damage("a pipe", lambda b: os.mkfifo(b / "pipe"), "pipe is not a plain file"),
    damage("a file became a folder", lambda b: ((b / "reference.json").unlink(), (b / "reference.json").mkdir()), "reference.json is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("act", "said"), DAMAGES)
def test_what_is_damaged_or_changed_is_refused_in_one_sentence(bundle: Path, act: Callable[[Path], Any], said: str):
    act(bundle)
    with pytest.raises(CorruptBundle, match=r"is damaged or was changed") as caught:
        open_bundle(bundle)
    assert said in str(caught.value)
    assert str(bundle) in str(caught.value)
    assert is_sentence(str(caught.value))


def entry(path: str) -> dict[str, Any]:
    return {"path": path, "sha256": "0" * 64, "size": 0}


FORGERIES = [
    *(
        damage(f"path {path!r}", lambda d, path=path: d["files"].append(entry(path)), "is not a path inside a bundle")
        for path in ("../evil", "/etc/passwd", "model/../../evil", "model//x", "./x", "", "a\\b", "c:x", "a\0b", "model/")
    ),
    damage("the manifest in itself", lambda d: d["files"].append(entry("manifest.json")), "not a path inside a bundle"),
    damage("a file twice", lambda d: d["files"].append(d["files"][0]), "a file is listed twice"),
    damage("a file that is not there", lambda d: d["files"].append(entry("ghost")), "ghost is missing"),
    damage("a size below zero", lambda d: d["files"][0].update(size=-1), "no proper sha256 and size"),
    damage("a size of true", lambda d: d["files"][0].update(size=True), "'size' should be an integer"),
    damage("a digest that is none", lambda d: d["files"][0].update(sha256="abc"), "no proper sha256 and size"),
    damage("files are an object", lambda d: d.update(files={}), "'files' should be a list, not an object"),
    damage("an entry is text", lambda d: d["files"].append("x"), "an entry should be an object, not text"),
    damage("no examples listed", lambda d: d.update(files=d["files"][:1]), "the manifest lists no signature.json"),
    damage("no name", lambda d: d.pop("name"), "'name' is missing"),
    damage("a name in capitals", lambda d: d.update(name="Churn"), "cannot be a model name"),
    damage("a name that climbs", lambda d: d.update(name="../churn"), "cannot be a model name"),
    damage("a version that climbs", lambda d: d.update(version="../1"), "cannot be a version"),
    damage("a version that is a number", lambda d: d.update(version=1), "'version' should be text, not an integer"),
    damage("metrics are a list", lambda d: d.update(metrics=[]), "'metrics' should be an object"),
    damage("a metric in words", lambda d: d["metrics"].update(accuracy="good"), "'accuracy' should be a number"),
    damage("a tag that is a number", lambda d: d["tags"].update(team=3), "'team' should be text"),
    damage("what it executes is null", lambda d: d["executes"].update(x=None), "'x' should be text, not null"),
    damage("a runtime that climbs", lambda d: d["compiled"][0].update(runtime="../model"), "not a path inside"),
    damage("accepted is a word", lambda d: d["compiled"][0].update(accepted="yes"), "'accepted' should be true or false"),
    damage("evidence without rows", lambda d: d["compiled"][0].pop("rows"), "'rows' is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "said"), FORGERIES)
def test_a_forged_manifest_with_a_right_checksum_is_read_with_the_same_care(
    bundle: Path, change: Callable[[dict[str, Any]], Any], said: str
):
    forge(bundle, change)
    with pytest.raises(CorruptBundle) as caught:
        open_bundle(bundle)
    assert said in str(caught.value)
    assert is_sentence(str(caught.value))


@pytest.mark.parametrize(
    ("path", "data", "said"),
    [
        ("signature.json", b"[]", "signature.json should be an object, not a list"),
        ("signature.json", b"{}", "does not describe a signature"),
        ("signature.json", b'{"inputs": [{"name": "a", "dtype": "float64"}]}', "does not describe a signature"),
        ("signature.json", b'{"inputs": [{"name": "a", "dtype": "blob"}], "outputs": []}', "dtype must be one of"),
        ("signature.json", b'{"inputs": 3, "outputs": []}', "does not describe a signature"),
        ("signature.json", b'{"a": 1, "a": 2}', "a name occurs twice"),
    ],
)
def test_a_forged_signature_is_refused(bundle: Path, path: str, data: bytes, said: str):
    forge_file(bundle, path, data)
    with pytest.raises(CorruptBundle) as caught:
        open_bundle(bundle)
    assert said in str(caught.value)


@pytest.mark.parametrize("number", [0, 2, -1, 10**30])
def test_another_format_is_named_before_anything_else_is_judged(bundle: Path, number: int):
    write(bundle / "manifest.json", json.dumps({"format": number, "whatever": "comes"}).encode())
    with pytest.raises(UnsupportedFormat, match=rf"has format {number}; this daytwo reads 1: upgrade"):
        open_bundle(bundle)


def test_a_member_that_a_later_release_may_add_does_no_harm(bundle: Path):
    forge(bundle, lambda document: document.update(licence="MIT"))
    assert open_bundle(bundle).name == "churn"


def test_the_digest_that_somebody_wrote_down_must_be_the_bundles(bundle: Path):
    before = open_bundle(bundle).digest
    forge(bundle, lambda document: document["metrics"].update(accuracy=0.99))
    after = open_bundle(bundle).digest  # a forger who knows the format can do this, but not keep the digest
    with pytest.raises(CorruptBundle, match=f"its digest is {after}, not {before}"):
        open_bundle(bundle, digest=before)


def test_a_folder_that_is_none_or_not_there_is_an_unknown_reference(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "nothing", tmp_path / "file"):
        with pytest.raises(UnknownReference, match="there is no such folder"):
            open_bundle(path)


def test_without_verifying_names_and_sizes_are_still_checked(bundle: Path):
    edit(bundle / "model/model.pkl", lambda data: b"N" + data[1:])
    assert open_bundle(bundle, verify=False).name == "churn"
    edit(bundle / "model/model.pkl", lambda data: data + b"x")
    with pytest.raises(CorruptBundle, match="481 bytes instead of 480"):
        open_bundle(bundle, verify=False)


def test_a_link_to_a_bundle_is_as_good_as_the_bundle(bundle: Path, tmp_path: Path):
    (tmp_path / "current").symlink_to(bundle)
    assert open_bundle(tmp_path / "current").path == bundle


def test_an_empty_folder_more_does_no_harm(bundle: Path):
    (bundle / "lost+found").mkdir()
    assert open_bundle(bundle).name == "churn"


@settings(max_examples=300)
@given(data=st.data())
def test_no_byte_can_change_unseen(pristine: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    spoilt = tmp_path_factory.mktemp("spoilt") / "bundle"
    shutil.copytree(pristine, spoilt)
    # the manifest is half of the draws, for it is the one file whose digest nothing holds
    names = sorted(str(p.relative_to(spoilt)) for p in spoilt.rglob("*") if p.is_file())
    file = spoilt / data.draw(st.one_of(st.just("manifest.json"), st.sampled_from(names)))
    before = file.read_bytes()
    at = data.draw(st.integers(0, len(before) - 1))
    if data.draw(st.booleans()):
        edit(file, lambda old: old[:at] + bytes([old[at] ^ (1 << data.draw(st.integers(0, 7)))]) + old[at + 1 :])
    else:
        edit(file, lambda old: old[:at])
    with pytest.raises((CorruptBundle, UnsupportedFormat)) as caught:
        open_bundle(spoilt)
    assert is_sentence(str(caught.value))
    shutil.rmtree(spoilt.parent)


@given(document=st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)),
       name=st.sampled_from(["files", "compiled", "metrics", "executes", "tags", "provenance", "rows", "name", "runtime", "created"]))  # fmt: skip
def test_whatever_stands_in_a_manifest_it_opens_or_is_refused(
    pristine: Path, tmp_path_factory: pytest.TempPathFactory, document: Any, name: str
):
    forged = tmp_path_factory.mktemp("forged") / "bundle"
    shutil.copytree(pristine, forged)
    forge(forged, lambda manifest: manifest.update({name: document}))
    with contextlib.suppress(CorruptBundle, UnsupportedFormat):
        opened = open_bundle(forged)
        assert repr(opened)
        assert opened._repr_html_()
    shutil.rmtree(forged.parent)


def test_opening_a_bundle_imports_no_model_library(bundle: Path):
    code = (
        "import sys; from daytwo.bundle import open_bundle; bundle = open_bundle(sys.argv[1]);"
        "bundle.would_execute(), bundle.examples(), bundle.lock(), bundle.drift_reference(), bundle._repr_html_();"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code, bundle], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "daytwo" in loaded
    assert not loaded & {
        "sklearn",
        "onnxruntime",
        "onnx",
        "skops",
        "cloudpickle",
        "joblib",
        "scipy",
        "pandas",
        "polars",
    }
    assert not loaded & {"fastapi", "pydantic", "packaging"}


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_file_that_may_not_be_read_is_a_failure_outside(bundle: Path):
    (bundle / "model/model.pkl").chmod(0)
    with pytest.raises(OutsideFailure, match=r"reading the bundle .* failed: Permission denied"):
        open_bundle(bundle)

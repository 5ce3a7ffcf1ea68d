"""Every verb says the same thing in three ways: to people, to programs, and in one word to scripts."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import joblib
import pandas as pd
import pytest

import daytwo
import models
from daytwo.settings import ServeSettings


@pytest.fixture
def iris() -> None:
    """iris:1 and, from half the rows, iris:2."""
    model, X, y = models.iris()
    daytwo.pack(model, X, y, name="iris", compile="never")
    daytwo.pack(model, X[::2], y[::2], name="iris", compile="never")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A model file, and a CSV file with its data and the truth."""
    model, X, y = models.iris_named()
    joblib.dump(model, tmp_path / "model.joblib")
    pd.concat([X, y], axis=1).to_csv(tmp_path / "train.csv", index=False)
    return tmp_path / "model.joblib", tmp_path / "train.csv"


class TestPack:
    """``daytwo pack``."""

    def test_the_last_line_is_the_reference(self, program, files):
        said = program("pack", files[0], "--data", files[1], "--target", "species", "--name", "flowers")
        assert (said.code, said.out.splitlines()[-1]) == (0, "flowers:1")
        assert "accuracy" in said.out
        assert "onnx proven on" in said.out

    def test_quiet_is_the_reference_alone(self, program, files):
        said = program("pack", files[0], "--data", files[1], "--target", "species", "--name", "flowers", "--quiet")
        assert (said.code, said.out, said.err) == (0, "flowers:1\n", "")

    def test_json(self, program, files):
        flags = ["--target", "species", "--name", "flowers", "--compile", "never", "--tag", "team=a=b", "--json"]
        said = program("pack", files[0], "--data", files[1], *flags)
        assert (said.code, said.err) == (0, "")
        assert said.json["reference"] == "flowers:1"
        assert program("show", "flowers", "--json").json["manifest"]["tags"]["team"] == "a=b"

    def test_a_folder_instead_of_the_registry(self, program, files, tmp_path: Path):
        flags = ["--name", "flowers", "--compile", "never", "--target", "species", "--output", tmp_path / "out", "-q"]
        said = program("pack", files[0], "--data", files[1], *flags)
        assert said.out.strip() == str(tmp_path / "out")
        assert program("show", tmp_path / "out", "-q").out == "flowers:1\n"
        assert program("list", "-q").out == ""

    @pytest.mark.parametrize(
        ("flags", "words"),
        [
            (["--target", "spezies"], "spezies"),
            (["--tag", "team"], "KEY=VALUE"),
            (["--data", "nothing.csv"], "nothing.csv"),
        ],
    )
    def test_what_cannot_be_packed_is_one_sentence(self, program, files, flags: list[str], words: str):
        said = program("pack", files[0], "--data", files[1], "--name", "flowers", *flags)
        assert said.code == 2
        assert words in said.err
        assert said.err.count("\n") == 1
        assert program("list", "-q").out == ""


@pytest.mark.usefixtures("iris")
class TestRegistry:
    """``list``, ``show``, ``diff``, ``promote``, ``rollback``, ``delete``."""

    def test_list(self, program, registry: Path):
        program("promote", "iris:1", "prod")
        assert program("list", "--quiet").out == "iris:2\niris:1\n"
        human = program("list").out
        assert "@prod" in human
        assert "iris:2" in human
        document = program("list", "iris", "--json").json
        assert document["registry"] == str(registry)
        assert [item["aliases"] for item in document["models"]] == [[], ["prod"]]

    def test_an_empty_registry_says_what_to_do(self, program, tmp_path: Path):
        said = program("list", "--registry", tmp_path / "empty")
        assert said.code == 0
        assert "daytwo pack" in said.out

    def test_show(self, program):
        program("promote", "iris:2", "prod", "--why", "newer", "--who", "me")
        human = program("show", "iris@prod").out
        for words in ("iris:2", "@prod", "sha256:", "classification", "float64", "me: promote @prod to 2 newer"):
            assert words in human
        assert program("show", "iris", "-q").out == "iris:2\n"
        assert program("show", "iris:1", "--json").json["reference"] == "iris:1"

    def test_diff(self, program):
        human = program("diff", "iris:1", "iris:2").out
        assert "callers would not notice" in human
        assert "rows" in human
        assert program("diff", "iris:1", "iris:1").out.endswith("the same signature, metrics, packages and forms\n")
        assert program("diff", "iris:1", "iris:2", "--json").json["breaks_callers"] is False

    def test_an_alias_goes_and_comes_back(self, program):
        assert program("promote", "iris:1", "prod").out == "iris@prod points at iris:1\n"
        assert program("promote", "iris:2", "prod", "-q").out == "iris:2\n"
        said = program("rollback", "iris", "prod")
        assert said.out == "iris@prod points at iris:1, no longer at iris:2\n"
        assert program("rollback", "iris", "prod").code == 2

    def test_delete(self, program):
        program("promote", "iris:1", "prod")
        said = program("delete", "iris:1")
        assert (said.code, said.out) == (2, "")
        assert "@prod" in said.err
        assert program("delete", "iris:2").out == "iris:2 is deleted\n"


@pytest.mark.usefixtures("iris")
class TestCheckAndPredict:
    """``check`` and ``predict``."""

    def test_check(self, program):
        said = program("check", "iris", "--trust")
        assert (said.code, said.err) == (0, "")
        assert "iris:2 is sound" in said.out
        assert "bad inputs are refused" in said.out
        assert program("check", "iris", "--quiet").out == ""
        assert program("check", "iris", "--json").json["passed"] is True

    def test_a_damaged_bundle_is_exit_code_1(self, program, registry: Path):
        signature = registry / "iris" / "2" / "signature.json"
        signature.chmod(0o644)
        signature.write_text(signature.read_text().replace("float64", "float32"))
        said = program("check", "iris:2")
        assert (said.code, said.err) == (1, "")
        assert "signature.json" in said.out
        assert "iris:2 is found wanting" in said.out

    def test_predict_from_a_file(self, program, tmp_path: Path):
        (tmp_path / "body.json").write_text('{"feature_vectors": [[5.1, 3.5, 1.4, 0.2], [6.2, 2.9, 4.3, 1.3]]}')
        assert program("predict", "iris", tmp_path / "body.json", "--quiet").out == "0\n1\n"
        assert len(program("predict", "iris", tmp_path / "body.json", "--json").json["predictions"]) == 2

    def test_predict_from_standard_input(self, program, monkeypatch):
        body = b'{"columns": {"x0": [5.1], "x1": [3.5], "x2": [1.4], "x3": [0.2]}}'
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(body)))
        assert program("predict", "iris", "-", "--quiet").out == "0\n"

    def test_predict_one_row_to_a_person(self, program, tmp_path: Path):
        (tmp_path / "body.json").write_text('{"feature_vector": [5.1, 3.5, 1.4, 0.2]}')
        said = program("predict", "iris", tmp_path / "body.json", "--probabilities")
        assert "probabilities" in said.out
        assert "prediction_id" in said.out

    def test_a_bad_row_is_exit_code_2(self, program, tmp_path: Path):
        (tmp_path / "body.json").write_text('{"feature_vector": [5.1, "x", 1.4, 0.2]}')
        said = program("predict", "iris", tmp_path / "body.json")
        assert (said.code, said.out) == (2, "")
        assert "feature_vector" in said.err
        assert program("predict", "iris", tmp_path / "none.json").code == 2


class TestServe:
    """``serve`` hands on what was said; the server itself is tested elsewhere."""

    @pytest.fixture
    def served(self, monkeypatch) -> list[tuple[list[str], ServeSettings, Path]]:
        calls: list[tuple[list[str], ServeSettings, Path]] = []

        def serve(references, settings, *, registry, opened):
            calls.append((references, settings, registry))
            opened("http://127.0.0.1:8000", [])
            return 0

        monkeypatch.setattr(daytwo, "serve", serve, raising=False)
        return calls

    def test_settings_come_from_flags_and_variables(self, program, served, monkeypatch, registry: Path):
        monkeypatch.setenv("DAYTWO_WORKERS", "3")
        said = program("serve", "a", "b:2", "--port", "9", "--trust", "--drain-delay", "0.5", "--quiet")
        assert (said.code, said.out) == (0, "http://127.0.0.1:8000\n")
        references, settings, home = served[0]
        assert (references, home) == (["a", "b:2"], registry)
        assert (settings.port, settings.workers, settings.trust, settings.drain_delay_s) == (9, 3, True, 0.5)

    def test_a_switch_can_be_switched_off(self, program, served, monkeypatch):
        monkeypatch.setenv("DAYTWO_TRUST", "1")
        program("serve", "a", "--no-trust")
        assert served[0][1].trust is False

    def test_json_says_where(self, program, served):
        assert json.loads(program("serve", "a", "--json").out) == {"url": "http://127.0.0.1:8000", "models": []}

    def test_people_are_told_where_to_look(self, program, served):
        out = program("serve", "a").out
        assert "http://127.0.0.1:8000/docs" in out

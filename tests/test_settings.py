"""One table of settings, four sources, one order."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.errors import InvalidSetting, OutsideFailure
from daytwo.settings import GROUPS, SETTINGS, RegistrySettings, ServeSettings, registry_path, resolve


def test_the_stronger_source_wins(tmp_path: Path):
    file = tmp_path / "daytwo.toml"
    assert resolve(ServeSettings, {}, {}, tmp_path).port == 8000
    file.write_text("port = 1\n")
    assert resolve(ServeSettings, {}, {}, tmp_path).port == 1
    assert resolve(ServeSettings, {}, {"DAYTWO_PORT": "2"}, tmp_path).port == 2
    assert resolve(ServeSettings, {"port": "3"}, {"DAYTWO_PORT": "2"}, tmp_path).port == 3
    assert resolve(ServeSettings, {"port": None}, {"DAYTWO_PORT": "2"}, tmp_path).port == 2


def test_false_is_a_value_and_beats_a_weaker_true(tmp_path: Path):
    assert resolve(ServeSettings, {"trust": False}, {"DAYTWO_TRUST": "1"}, tmp_path).trust is False


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("DAYTWO_PORT", "http", "DAYTWO_PORT: expected an integer from 0 to 65535, got 'http'"),
        ("DAYTWO_PORT", "65536", "DAYTWO_PORT: expected an integer from 0 to 65535, got '65536'"),
        ("DAYTWO_PORT", "-1", "got '-1'"),
        ("DAYTWO_PORT", "80.0", "got '80.0'"),
        ("DAYTWO_WORKERS", "0", "an integer from 1 to 1024, or auto, got '0'"),
        ("DAYTWO_WORKERS", "many", "an integer from 1 to 1024, or auto, got 'many'"),
        ("DAYTWO_TRUST", "maybe", "expected true or false, got 'maybe'"),
        ("DAYTWO_TIMEOUT", "nan", "expected a number from 0.001 up, got 'nan'"),
        ("DAYTWO_DRAIN_DELAY", "inf", "a number from 0 to 3600"),
        ("DAYTWO_LOG_FORMAT", "xml", "expected one of auto, json, text, got 'xml'"),
    ],
)
def test_a_wrong_variable_is_named_with_what_was_expected(variable: str, text: str, words: str, tmp_path: Path):
    with pytest.raises(InvalidSetting) as caught:
        resolve(ServeSettings, {}, {variable: text}, tmp_path)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("port = 'http'", "port in "),
        ("port = true", "got true"),
        ("trust = 2", "expected true or false, got 2"),
        ("prot = 1", "expected 'port', got 'prot'"),
        ("nothing_like_it = 1", "expected one of registry, host, port"),
        ("port = ", "expected TOML"),
        ("host = ''", "expected a text"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(toml: str, words: str, tmp_path: Path):
    (tmp_path / "daytwo.toml").write_text(toml)
    with pytest.raises(InvalidSetting) as caught:
        resolve(ServeSettings, {}, {}, tmp_path)
    assert words in str(caught.value)
    assert "daytwo.toml" in str(caught.value)


def test_a_wrong_flag_is_named_as_it_was_written():
    with pytest.raises(InvalidSetting, match=r"^--drain-delay: expected a number"):
        resolve(ServeSettings, {"drain_delay_s": "long"}, {})


def test_another_file_can_be_named(tmp_path: Path):
    (tmp_path / "other.toml").write_text("port = 5\nregistry = 'models'\n")
    environment = {"DAYTWO_CONFIG": str(tmp_path / "other.toml")}
    assert resolve(ServeSettings, {}, environment).port == 5
    assert resolve(RegistrySettings, {}, environment).registry == tmp_path / "models", "relative to the file"
    with pytest.raises(OutsideFailure, match="does not exist"):
        resolve(ServeSettings, {}, {"DAYTWO_CONFIG": str(tmp_path / "none.toml")})


def test_what_kubernetes_injects_beside_a_service_called_daytwo_is_not_ours(tmp_path: Path):
    assert resolve(ServeSettings, {}, {"DAYTWO_PORT": "tcp://10.0.0.7:8000"}, tmp_path).port == 8000


def test_the_registry_is_in_the_home_unless_said_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DAYTWO_REGISTRY")
    monkeypatch.chdir(tmp_path)
    assert registry_path() == Path.home() / ".daytwo" / "registry"
    assert registry_path("~/models") == Path.home() / "models"
    assert registry_path(tmp_path) == tmp_path


def test_names_are_unique_in_every_source():
    for spelling in ("name", "key", "flag", "variable"):
        names = [getattr(setting, spelling) for setting in SETTINGS]
        assert len(set(names)) == len(names)


def test_defaults_are_values_that_a_user_could_write():
    for setting in SETTINGS:
        assert setting.parse(str(setting.default), "default") == setting.default


def test_a_number_may_also_be_a_word_from_every_source(tmp_path: Path):
    (tmp_path / "daytwo.toml").write_text("workers = 'auto'\nthreads = 2\n")
    found = resolve(ServeSettings, {}, {}, tmp_path)
    assert (found.workers, found.threads) == ("auto", 2)
    assert resolve(ServeSettings, {}, {"DAYTWO_WORKERS": "3", "DAYTWO_THREADS": "auto"}, tmp_path).workers == 3
    assert resolve(ServeSettings, {"threads": "auto"}, {}, tmp_path).threads == "auto"


def test_groups_are_frozen():
    for group in GROUPS:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(group(), dataclasses.fields(group)[0].name, None)


@given(setting=st.sampled_from([s for s in SETTINGS if s.type in ("integer", "number")]), data=st.data())
def test_every_number_within_the_limits_is_taken_and_none_beyond(setting, data):
    top = min(setting.maximum, 1e9)
    inside = st.integers(int(setting.minimum) + 1, int(top))
    value = data.draw(inside)
    assert setting.parse(str(value), "here") == value
    with pytest.raises(InvalidSetting):
        setting.parse(str(setting.minimum - data.draw(st.integers(1, 1000))), "here")

"""Every setting: its name, type, default, unit and meaning, once.

The fields of the classes here are the table from which flags, environment variables, keys of ``daytwo.toml`` and the
reference page are made. The stronger source wins: flag, environment, file, default; :func:`resolve` is the one place
that decides it.
"""

from __future__ import annotations

import difflib
import math
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from daytwo.errors import InvalidSetting, OutsideFailure, brief

S = TypeVar("S")

#: The file in the working directory that settings are read from; ``DAYTWO_CONFIG`` names another.
FILE_NAME = "daytwo.toml"
CONFIG_VARIABLE = "DAYTWO_CONFIG"

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
#: What Kubernetes puts into DAYTWO_PORT of every pod beside a Service that is called daytwo: never meant for us.
_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://")


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table.

    name:    the attribute, with its unit as suffix (``drain_delay_s``)
    default: also decides the type: bool, int, float, str or Path; where it is a word among numbers, ``kind`` does
    unit:    of a number (``s``, ``bytes``, ``rows``), or empty
    minimum, maximum: the limits of a number, both included
    choices: the words that a text may be, or that a number may be instead, or empty
    """

    name: str
    default: bool | int | float | str | Path
    help: str
    unit: str = ""
    minimum: float = 0
    maximum: float = math.inf
    choices: tuple[str, ...] = ()
    kind: type | None = None

    @property
    def key(self) -> str:
        """The key in ``daytwo.toml``: the name without the unit of seconds.

        >>> Setting("drain_delay_s", 5.0, "", unit="s").key
        'drain_delay'
        """
        return self.name.removesuffix("_s") if self.unit == "s" else self.name

    @property
    def flag(self) -> str:
        """The option of the command line, ``--drain-delay``."""
        return "--" + self.key.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable, ``DAYTWO_DRAIN_DELAY``."""
        return "DAYTWO_" + self.key.upper()

    @property
    def type(self) -> str:
        """The type in one word: boolean, integer, number, text or path."""
        return {bool: "boolean", int: "integer", float: "number", str: "text"}.get(
            self.kind or type(self.default), "path"
        )

    @property
    def shown(self) -> str:
        """The default as it is written in help and reference: ``false``, ``10000``, ``5``."""
        if isinstance(self.default, bool):
            return str(self.default).lower()
        return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)

    @property
    def expected(self) -> str:
        """What a value must be, in words that stand after 'expected'."""
        if self.type in ("integer", "number"):
            upper = f" to {self.maximum:g}" if math.isfinite(self.maximum) else " up"
            words = "".join(f", or {word}" for word in self.choices)
            return f"{'an integer' if self.type == 'integer' else 'a number'} from {self.minimum:g}{upper}{words}"
        if self.choices:
            return "one of " + ", ".join(self.choices)
        return {"boolean": "true or false", "text": "a text", "path": "a path"}[self.type]

    def parse(self, raw: object, where: str) -> bool | int | float | str | Path:
        """``raw`` (a text, or a value that TOML gave) as this setting's type. Raises InvalidSetting naming ``where``."""
        if isinstance(raw, str) and raw in self.choices:
            return raw
        try:
            value = _PARSERS[self.type](raw)
        except (ValueError, TypeError):
            raise InvalidSetting(where, self.expected, brief(raw)) from None
        fits = not (self.choices and self.type == "text")
        if isinstance(value, int | float) and not isinstance(value, bool):
            fits = self.minimum <= value <= self.maximum
        if not fits:
            raise InvalidSetting(where, self.expected, brief(raw))
        return value


def _setting(default: Any, help: str, **more: Any) -> Any:  # noqa: A002  the word that click and argparse use too
    """A dataclass field that carries its row of the table."""
    return field(default=default, metadata={"help": help, **more})


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySettings:
    """What every verb that takes a reference needs."""

    registry: Path = _setting(Path("~/.daytwo/registry"), "the folder that holds the registry")  # noqa: RUF009  frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """What a server needs; seconds end in ``_s``, bytes in ``_bytes``."""

    host: str = _setting("127.0.0.1", "the address to listen on; 0.0.0.0 for every interface")
    port: int = _setting(8000, "the port of REST, documentation and metrics; 0 takes a free one", maximum=65535)
    workers: int | Literal["auto"] = _setting(
        1, "worker processes that share the port; auto asks the CPU quota, the memory and the GPUs",
        minimum=1, maximum=1024, choices=("auto",),
    )  # fmt: skip
    threads: int | Literal["auto"] = _setting(
        "auto", "threads of one call of a model; auto shares the CPU quota among the workers",
        kind=int, minimum=1, maximum=1024, choices=("auto",),
    )  # fmt: skip
    preload: bool = _setting(True, "load the models once and fork the workers from there, so that they share memory")
    trust: bool = _setting(False, "allow bundles whose loading runs code, such as a pickle")
    executor: Literal["auto", "thread", "process"] = _setting(
        "auto", "where a slow model runs; auto is processes of its own where it is pure Python and has several CPUs, else a thread",
        choices=("auto", "thread", "process"),
    )  # fmt: skip
    processes: int = _setting(0, "how many such processes a worker has; 0 is one per CPU", maximum=1024)
    max_rows: int = _setting(10_000, "the rows that one request in JSON may carry", unit="rows", minimum=1)
    max_body_bytes: int = _setting(8 << 20, "the size that one body in JSON may have", unit="bytes", minimum=1)
    max_array_rows: int = _setting(
        1_000_000, "the rows that one request in Arrow or NPY may carry", unit="rows", minimum=1
    )
    max_array_bytes: int = _setting(
        256 << 20, "the size that one body in Arrow or NPY may have", unit="bytes", minimum=1
    )
    body_timeout_s: float = _setting(30.0, "how long a caller may take to send its body", unit="s", minimum=0.001)
    timeout_s: float = _setting(
        30.0, "how long a request may take in all; a caller may want less", unit="s", minimum=0.001
    )
    max_batch_rows: int = _setting(
        8192, "the rows that the model is given at once; a larger request is split", unit="rows", minimum=1
    )
    max_queue_rows: int = _setting(1_000_000, "the rows that may wait for a model", unit="rows", minimum=1)
    max_queue_bytes: int = _setting(
        512 * 1024 * 1024,
        "the memory that waiting rows may take; and large bodies on their way",
        unit="bytes",
        minimum=1,
    )
    drain_delay_s: float = _setting(
        5.0, "after SIGTERM, how long to go on serving while load balancers notice", unit="s", maximum=3600
    )
    drain_timeout_s: float = _setting(10.0, "then, how long to wait for what is in flight", unit="s", maximum=3600)
    log_format: Literal["auto", "json", "text"] = _setting(
        "auto", "how to log; auto is text on a terminal, JSON elsewhere", choices=("auto", "json", "text")
    )
    log_requests: bool = _setting(False, "log one line per request")
    runtime: Literal["auto", "native", "onnx"] = _setting(
        "auto", "which form serves; auto takes the compiled one where parity was proven",
        choices=("auto", "native", "onnx"),
    )  # fmt: skip


#: The classes of settings, and with them every setting there is.
GROUPS: tuple[type, ...] = (RegistrySettings, ServeSettings)


def settings_of(group: type) -> tuple[Setting, ...]:
    """The rows of the table that ``group`` holds."""
    return tuple(Setting(item.name, cast("Any", item.default), **item.metadata) for item in fields(group))


#: Every setting, in the order of the reference page.
SETTINGS: tuple[Setting, ...] = tuple(setting for group in GROUPS for setting in settings_of(group))


def resolve(
    group: type[S],
    flags: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> S:
    """``group`` with every setting taken from its strongest source: flag, environment, file, default.

    flags:       by setting name (``drain_delay_s``); None means not given
    environment: ``os.environ`` by default
    folder:      where ``daytwo.toml`` is looked for: the working directory by default

    Raises InvalidSetting naming the flag, variable or key, what was expected and what was there.
    """
    flags = flags or {}
    environment = os.environ if environment is None else environment
    path = Path(environment.get(CONFIG_VARIABLE) or (folder or Path()) / FILE_NAME)
    file = _read(path, required=bool(environment.get(CONFIG_VARIABLE)))
    chosen: dict[str, object] = {}
    for setting in settings_of(group):
        variable = environment.get(setting.variable, "")
        if flags.get(setting.name) is not None:
            value = setting.parse(flags[setting.name], setting.flag)
        elif variable and not _SERVICE_LINK.match(variable):
            value = setting.parse(variable, f"the environment variable {setting.variable}")
        elif setting.key in file:
            value = setting.parse(file[setting.key], f"{setting.key} in {path}")
            value = path.parent / value.expanduser() if isinstance(value, Path) else value
        else:
            value = setting.default
        chosen[setting.name] = value.expanduser() if isinstance(value, Path) else value
    return group(**chosen)


def registry_path(given: str | Path | None = None) -> Path:
    """The registry's folder: ``given``, or what the environment, the file or the default say."""
    return resolve(RegistrySettings, {"registry": given}).registry


def _read(path: Path, *, required: bool) -> dict[str, object]:
    """The keys of a settings file; none where there is no file and none was asked for."""
    try:
        keys = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if required:
            raise OutsideFailure(f"the settings file {path} that {CONFIG_VARIABLE} names does not exist") from None
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSetting(str(path), "TOML", str(error)) from None
    except OSError as error:
        raise OutsideFailure(f"the settings file {path} cannot be read: {error.strerror}") from None
    known = [setting.key for setting in SETTINGS]
    for key in keys:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            raise InvalidSetting(str(path), repr(close[0]) if close else f"one of {', '.join(known)}", repr(key))
    return keys


def _boolean(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower()
    if word not in _TRUE + _FALSE:
        raise ValueError
    return word in _TRUE


def _integer(raw: object) -> int:
    if isinstance(raw, bool | float):
        raise TypeError
    return int(cast("int | str", raw))


def _number(raw: object) -> float:
    if isinstance(raw, bool):
        raise TypeError
    value = float(cast("float | str", raw))
    if not math.isfinite(value):
        raise ValueError
    return value


def _text(raw: object) -> str:
    if not isinstance(raw, str) or not raw:
        raise ValueError
    return raw


_PARSERS: Mapping[str, Callable[[object], bool | int | float | str | Path]] = {
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "text": _text,
    "path": lambda raw: Path(raw) if isinstance(raw, Path) else Path(_text(raw)),
}

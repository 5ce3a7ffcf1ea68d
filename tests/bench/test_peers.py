"""The peers' benchmark: its forms, folders, figures, goals, tables and plots, from documents that are made up here."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))


def peers(name: str) -> Any:
    return importlib.import_module(f"peers.{name}")


def service(
    name: str, *, ceiling: bool = False, behind: dict[str, float] | None = None, problem: str | None = None
) -> Any:
    return {
        "name": name, "title": f"The {name}", "peer": name, "setting": "as it comes", "ceiling": ceiling,
        "behind": behind or {}, "package": f"{name}-package", "version": "1.2", "packages": {}, "python": "3.11.7",
        "installed_bytes": 300 << 20, "problem": problem,
    }  # fmt: skip


def run(
    name: str, rps: float, baseline: tuple[float, ...] = (1000.0, 1000.0), model: str = "iris", **changed: Any
) -> Any:
    """A run whose latencies follow from its throughput."""
    tail = changed.pop("tail", 2.0)
    phases = {
        str(connections): {
            "rps": rps, "p50_s": connections / rps, "p99_s": tail * connections / rps, "p999_s": 4 * connections / rps,
            "requests": 1000, "errors": 0, "cpu_s_per_1000": 0.5, "client_cores": 0.1, "foreign_cores": 0.0,
        }
        for connections in (1, 32, 256)
    }  # fmt: skip
    found = {
        "service": name, "model": model, "problem": None, "ready_s": 1.5, "memory_bytes": 100 << 20, "processes": 1,
        "phases": phases, "baseline_rps": list(baseline),
    }  # fmt: skip
    return found | changed


def document(*runs: Any, services: tuple[Any, ...] = ()) -> Any:
    known = (
        service("article"),
        service("daytwo"),
        service("slow"),
        service("batched", behind={"iris": 4, "forest": 5}),
        service("echo", ceiling=True),
    )
    return {
        "date": "2026-01-02", "command": "make bench-peers", "client": "wrk", "quick": False,
        "machine": {"cores": 2, "processor": "P", "memory_bytes": 24 << 30, "kernel": "6", "python": "3.11.7"},
        "services": [*known, *services], "runs": list(runs),
        "in_process": {"iris": {form: {"p50_s": 1e-5, "p99_s": 1e-4, "rps": 1e5} for form in ("scikit-learn", "onnxruntime")}},
    }  # fmt: skip


GOOD = (
    run("article", 1000.0),
    run("daytwo", 20000.0),
    run("slow", 500.0),
    run("batched", 4000.0),
    run("echo", 24000.0),
)


@pytest.mark.parametrize("name", ["article", "v2", "v1", "mlflow", "bentoml"])
def test_every_form_asks_the_whole_row(name: str) -> None:
    form = importlib.import_module("forms").FORMS[name]
    assert "[1.5, 2.5]" in form.ask([1.5, 2.5]).decode()


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("article", {"class": 2, "prediction_id": "0"}),
        ("article", {"value": 2.0}),
        ("v2", {"outputs": [{"name": "y", "data": [2]}]}),
        ("v2", {"outputs": [{"name": "y", "data": [[2.0]]}]}),
        ("v1", {"predictions": [2]}),
        ("mlflow", {"predictions": [2]}),
        ("bentoml", [2]),
    ],
)
def test_every_form_finds_its_answer(name: str, answer: Any) -> None:
    assert importlib.import_module("forms").FORMS[name].value(json.dumps(answer).encode()) == 2.0


@pytest.mark.parametrize("answer", ["{}", "[]", '{"class": null}', '{"error": "no"}', "not JSON"])
def test_an_answer_without_a_value_is_no_answer(answer: str) -> None:
    with pytest.raises(ValueError, match=r"no value in|Expecting value"):
        importlib.import_module("forms").ARTICLE.value(answer.encode())


def test_every_peer_of_the_repository_is_described() -> None:
    catalog = peers("catalog")
    found = {variant.name: variant for peer in catalog.peers() for variant in peer.variants}
    assert {"article", "daytwo", "echo", "nginx", "bentoml", "litserve", "mlserver", "mlflow", "ray", "kserve"} <= set(
        found
    )
    assert {"torchserve", "torchserve-batched", "triton"} <= set(found)
    forms = importlib.import_module("forms").FORMS
    for variant in found.values():
        assert variant.form in forms
        assert variant.setting
        assert any("{port}" in part for part in variant.command)
    for peer in catalog.peers():
        assert peer.environment is not None or peer.requirements.exists()


def test_a_wrong_description_is_told_with_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "peer.toml").write_text('[[services]]\nname = "odd"\nspeed = "high"\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"odd/peer.toml.*speed"):
        peers("catalog").read(folder)


def test_regressors_are_asked_of_the_baseline_that_does_not_round() -> None:
    catalog = peers("catalog")
    article = catalog.read(BENCH / "peers" / "article")
    assert catalog.filled("{baseline}", article, "iris", {}) == str(BENCH / "baseline")
    assert (
        catalog.filled("{baseline} {port}", article, "boosting", {}) == f"{BENCH / 'baseline' / 'regression'} {{port}}"
    )


def test_a_peer_that_needs_what_is_not_here_says_so(tmp_path: Path) -> None:
    peer = peers("catalog").Peer(tmp_path, needs=("a-program-that-nobody-has",))
    with pytest.raises(peers("environments").Unavailable, match="a-program-that-nobody-has"):
        peers("environments").provide(peer, tmp_path, print)


def test_an_environment_tells_its_versions_and_its_whole_size(tmp_path: Path) -> None:
    packages = tmp_path / "shared" / "lib" / "python3.11" / "site-packages"
    (packages / "foo_bar-1.2.dist-info").mkdir(parents=True)
    (packages / "foo_bar.py").write_bytes(b"x" * 1000)
    (tmp_path / "shared" / "bin").mkdir()
    (tmp_path / "shared" / "bin" / "python").touch()
    (tmp_path / "shared" / "pyvenv.cfg").write_text("home = /x\nversion_info = 3.11.7\n", encoding="utf-8")
    found = peers("environments").provide(peers("catalog").Peer(tmp_path, environment="shared"), tmp_path, print)
    assert (found.size_bytes, found.python_version, found.packages) == (1000, "3.11.7", {"foo-bar": "1.2"})
    with pytest.raises(peers("environments").Unavailable, match="absent"):
        peers("environments").provide(peers("catalog").Peer(tmp_path, environment="absent"), tmp_path, print)


def test_a_service_runs_in_a_folder_of_its_own_and_is_asked_in_its_own_form(tmp_path: Path) -> None:
    catalog, loads, measure = peers("catalog"), importlib.import_module("loads"), peers("measure")
    (tmp_path / "iris").mkdir()
    (tmp_path / "iris" / "model.joblib").write_bytes(b"model")
    (tmp_path / "iris" / "answers.json").write_text("[[[1.5, 2.5], 1]]", encoding="utf-8")
    peer = catalog.read(BENCH / "peers" / "mlserver")
    bench = measure.Bench(tmp_path, None, loads.Plan(), print)
    environment = peers("environments").Environment(tmp_path / "environment")
    ready = measure.service(bench, peer, peer.variants[0], environment, "iris")
    assert json.loads((ready.folder / "body.json").read_bytes())["inputs"][0]["data"] == [1.5, 2.5]
    assert (ready.folder / "model.joblib").read_bytes() == b"model"
    assert ready.command[:3] == (str(tmp_path / "environment/bin/python"), str(peer.folder / "serve.py"), "{port}")
    assert ready.environ["TMPDIR"].startswith(str(tmp_path))
    again = measure.service(bench, peer, peer.variants[0], environment, "iris")
    assert again.environ["TMPDIR"] != ready.environ["TMPDIR"]


def test_what_cannot_be_prepared_is_an_outcome_with_the_reason(tmp_path: Path) -> None:
    catalog, loads, measure = peers("catalog"), importlib.import_module("loads"), peers("measure")
    (tmp_path / "iris").mkdir()
    (tmp_path / "iris" / "model.joblib").write_bytes(b"model")
    (tmp_path / "iris" / "answers.json").write_text("[[[1.5, 2.5], 1]]", encoding="utf-8")
    fails = (sys.executable, "-c", "import os, sys; sys.exit('no ' + os.getcwd())")
    variant = catalog.Variant("one", "One", "as it comes", ("{port}",), "one", prepare=(fails,))
    bench = measure.Bench(tmp_path, None, loads.Plan(), print)
    found = measure.outcome(
        bench, catalog.Peer(tmp_path), variant, peers("environments").Environment(tmp_path / "e"), "iris"
    )
    assert found.problem == "preparing failed: no …/runs/iris-one"
    assert not found.phases


def test_ratios_are_against_the_baselines_before_and_after() -> None:
    found = peers("figures").figures(document(run("slow", 600.0, (1000.0, 2000.0))), "iris")
    assert found["slow"].ratio == pytest.approx(0.4)


def test_several_runs_of_a_service_become_their_medians() -> None:
    runs = [run("daytwo", rps, ready_s=start) for rps, start in ((100.0, 1.0), (900.0, 3.0), (300.0, 2.0))]
    found = peers("figures").figures(document(*runs), "iris")["daytwo"]
    assert (found.phases["32"].rps, found.ratio, found.ready_s) == (300.0, 0.3, 2.0)


def test_a_drifting_machine_cancels_out() -> None:
    figures = peers("figures")
    found = figures.figures(document(run("daytwo", 20000.0), run("slow", 500.0, (500.0, 500.0))), "iris")
    assert figures.ahead(found["daytwo"], found["slow"]) == pytest.approx(20.0)


def test_a_service_without_a_baseline_has_no_ratio() -> None:
    assert peers("figures").figures(document(run("slow", 600.0, ())), "iris")["slow"].ratio is None


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        ({}, set()),
        (
            {"daytwo": run("daytwo", 7000.0)},
            {
                "iris: requests/s at 32 connections",
                "iris: requests/s at 32, The batched",
                "iris: median at 1 connection",
            },
        ),
        ({"daytwo": run("daytwo", 20000.0, tail=3.5)}, {"iris: p99 at 32 connections"}),
        ({"slow": run("slow", 2500.0)}, {"iris: requests/s at 32, the nearest other: The slow"}),
        ({"batched": run("batched", 5500.0)}, {"iris: requests/s at 32, The batched", "iris: median at 1 connection"}),
    ],
    ids=["good", "slow", "long tail", "near peer", "near batched peer"],
)
def test_goals_are_met_or_not(changed: dict[str, Any], missed: set[str]) -> None:
    runs = [changed.get(one["service"], one) for one in GOOD]
    assert {goal.name for goal in peers("targets").goals(document(*runs)) if not goal.met} == missed


def test_one_error_misses_the_goal_about_errors() -> None:
    ours = run("daytwo", 20000.0)
    ours["phases"]["256"]["errors"] = 1
    missed = [goal for goal in peers("targets").goals(document(*GOOD[:1], ours, *GOOD[2:])) if not goal.met]
    assert [goal.name for goal in missed] == ["iris: errors at 256 connections"]


def test_a_target_of_its_own_holds_for_the_models_it_names() -> None:
    runs = [run(one["service"], one["phases"]["32"]["rps"], model="mlp") for one in GOOD]
    assert not [goal for goal in peers("targets").goals(document(*runs)) if "batched" in goal.name]


def test_the_readme_s_table_has_everybody_the_fastest_first() -> None:
    lines = peers("tables").compact(document(*GOOD, run("daytwo", 9000.0, model="forest"))).splitlines()
    names = [line.split("|")[1].strip() for line in lines[2:7]]
    assert names == ["*The echo*", "**The daytwo**", "The batched", "The article", "The slow"]
    assert "| **The daytwo** | 20,000 | 9,000 | 0.05 ms | 3.20 ms | 100 MiB | 1.5 s | 300 MiB |" in lines
    assert "make bench-peers" in lines[-1]
    assert "slow-package 1.2" in lines[-1]


def test_the_footnote_says_when_the_machine_was_busy_with_something_else() -> None:
    assert "Other processes" not in peers("tables").footnote(document(*GOOD))
    noisy = run("slow", 500.0)
    noisy["phases"]["32"]["foreign_cores"] = 0.9
    assert peers("tables").footnote(document(*GOOD[:2], noisy)).endswith("over 0.15 core during 1 of 9 slices.")


def test_a_peer_that_cannot_be_had_stays_in_the_tables_with_the_reason() -> None:
    broken = run("slow", 1.0, problem="slow answered 200 `{}` | right is 1", phases={}, ready_s=None, memory_bytes=None)
    found = document(*GOOD[:2], broken, services=(service("absent", problem="not installed: no wheel"),))
    for table in (peers("tables").compact(found), peers("tables").whole(found)):
        assert "| The slow | –¹ |" in table
        assert "| The absent | –¹ |" in table
        assert "The slow (iris): `slow answered 200 '{}' / right is 1`" in table
        assert "The absent (iris): `not installed: no wheel`" in table


def test_the_page_tells_how_far_ahead_daytwo_is() -> None:
    page = peers("tables").whole(document(*GOOD))
    assert "| The slow | 500 | × 40.0 |" in page
    assert "| **The daytwo** | 20,000 |  |" in page
    assert "| iris | 10.0 µs | 10.0 µs |" in page
    assert "| The batched | batched-package 1.2 | as it comes |" in page


def test_plots_show_what_was_measured_in_order() -> None:
    plots = peers("plots")
    broken = run("slow", 700.0, problem="wrong answers")
    found = document(*GOOD[:2], broken, *GOOD[3:])
    bars = plots.throughput(found, "iris")
    assert [(bar.title, bar.label, bar.kind) for bar in bars] == [
        ("The echo", "24,000", "ceiling"), ("The daytwo", "20,000", "ours"),
        ("The batched", "4,000", "peer"), ("The article", "1,000", "baseline"),
    ]  # fmt: skip
    assert [bar.label for bar in plots.latency(found, "iris")] == ["0.04 ms", "0.05 ms", "0.25 ms", "1.00 ms"]


def test_plots_are_drawn_for_light_and_dark_pages(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the bench group is not installed")
    found = document(*GOOD)
    written = peers("plots").draw(found, tmp_path)
    assert {file.name for file in written} == {
        f"{name}-{theme}.svg" for name in ("throughput", "latency") for theme in ("light", "dark")
    }
    for file in written:
        assert "The batched" in file.read_text(encoding="utf-8")
    first = [file.read_bytes() for file in written]
    assert [file.read_bytes() for file in peers("plots").draw(found, tmp_path)] == first


def test_a_page_is_renewed_between_its_markers() -> None:
    page = "before\n<!-- peers:begin (how) -->\nold\n<!-- peers:end -->\nafter\n"
    wanted = "before\n<!-- peers:begin (how) -->\nnew\n<!-- peers:end -->\nafter\n"
    assert peers("publish").between(page, "new") == wanted
    with pytest.raises(ValueError, match="markers"):
        peers("publish").between("no markers", "new")


def test_the_baseline_is_first_and_daytwo_is_spread_over_the_turn() -> None:
    order = peers("program").order
    names = ["article", "daytwo", "a", "b", "echo", "nginx"]
    assert order(names, "iris", once=False) == ["article", "daytwo", "a", "daytwo", "b", "echo", "nginx", "daytwo"]
    assert order(names, "forest", once=True) == ["article", "daytwo", "a", "b"]


def test_the_document_on_disk_is_whole_after_every_service(tmp_path: Path) -> None:
    loads, measure = importlib.import_module("loads"), peers("measure")
    kept = peers("document").begin(tmp_path / "new" / "run.json", "wrk", loads.Plan(), True, "make bench-peers")
    peer = peers("catalog").read(BENCH / "peers" / "litserve")
    kept.add_service(peer, peer.variants[0], None, "not installed: because")
    entry = kept.add(measure.Outcome("litserve", "iris", "why"))
    entry["baseline_rps"] = [5.0]
    kept.save()
    read = json.loads(kept.file.read_text(encoding="utf-8"))
    assert read["runs"][0]["baseline_rps"] == [5.0]
    assert read["services"][0]["problem"] == "not installed: because"
    assert [entry.name for entry in kept.file.parent.iterdir()] == ["run.json"]


@pytest.mark.slow
def test_a_daemon_that_left_its_session_is_gone_after_the_service(tmp_path: Path) -> None:
    services, machine = importlib.import_module("services"), importlib.import_module("machine")
    program = tmp_path / "server.py"
    program.write_text(
        textwrap.dedent(
            """
            import http.server, pathlib, subprocess, sys
            command = [sys.executable, "-c", "import time; time.sleep(600)"]
            daemon = subprocess.Popen(command, start_new_session=True)
            pathlib.Path("daemon").write_text(str(daemon.pid))
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_POST(self):
                    self.rfile.read(int(self.headers["Content-Length"]))
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(b'{"class": 1}')
            http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
            """
        ),
        encoding="utf-8",
    )
    (tmp_path / "body.json").write_text("{}", encoding="utf-8")
    (tmp_path / "answers.json").write_text("[[[1.0], 1], [[2.0], 1]]", encoding="utf-8")
    with services.running(services.Service("one", (sys.executable, str(program), "{port}"), tmp_path)) as server:
        server.verify_joined()
        daemon = int((tmp_path / "daemon").read_text(encoding="ascii"))
        assert machine.started_at([daemon])
        (tmp_path / "answers.json").write_text("[[[1.0], 2]]", encoding="utf-8")
        with pytest.raises(RuntimeError, match="right is 2"):
            server.verify()
    assert not machine.started_at([daemon, server.pid])


def test_the_command_explains_itself() -> None:
    command = [sys.executable, str(BENCH / "peers" / "run.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"COLUMNS": "100"})
    assert "--publish" in done.stdout

"""``daytwo check``: a bundle's own tests, run here and now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from daytwo.bundle import Bundle, Evidence, Examples, environment
from daytwo.checks import CheckReport, Finding
from daytwo.checks.bad_inputs import bad_inputs, refusal
from daytwo.checks.cost import Cost, measure, tiled
from daytwo.errors import (
    BundleError,
    DaytwoError,
    EnvironmentMismatch,
    MissingLibrary,
    TrustRequired,
    UnsupportedFormat,
    sentence,
)
from daytwo.predictor import Predictor
from daytwo.registry.local import LocalRegistry
from daytwo.settings import ServeSettings, registry_path, resolve

#: What a batch is when its cost is measured.
_BATCH_ROWS = 1000


def check(
    reference: str, *, registry: str | Path | None = None, trust: bool | None = None, budget_s: float = 0.3
) -> CheckReport:
    """Check everything that a bundle claims: digests, environment, examples, parity, refusal of bad input, cost.

    trust:    whether a native form whose loading executes code may be loaded; without it, it is skipped and said so
    budget_s: how long each cost is measured

    Raises UnknownReference and OutsideFailure; whatever is wrong with the bundle itself is a finding.
    """
    home = LocalRegistry(registry_path(registry))
    try:
        bundle = home.open(reference)
    except UnsupportedFormat:
        raise
    except BundleError as error:
        return CheckReport(reference, "", (Finding.of("digests", [str(error)], ""),))
    files = f"{len(bundle.manifest.files)} files are as they were packed"
    findings = [Finding.of("digests", [], files)]
    trusted = resolve(ServeSettings, {"trust": trust}).trust
    predictors = dict(_predictors(bundle, trusted, findings))
    examples = bundle.examples()
    reproduced = {form: _examples(form, predictor) for form, predictor in predictors.items()}
    findings += reproduced.values()
    findings += [_parity(evidence, predictors, examples) for evidence in bundle.manifest.compiled]
    findings.append(_bad_inputs(bundle, examples))
    sound = [form for form, finding in reproduced.items() if finding.status == "passed"]
    costs = tuple(cost for form in sound for cost in _costs(form, predictors[form], examples, budget_s))
    return CheckReport(bundle.reference, bundle.digest, tuple(findings), costs)


def _predictors(bundle: Bundle, trust: bool, findings: list[Finding]) -> Iterator[tuple[str, Predictor]]:
    """Every form of the model that loads here; what does not is a finding."""
    accepted = [evidence.runtime for evidence in bundle.manifest.compiled if evidence.accepted]
    for form in [*accepted, "native"]:
        try:
            predictor = Predictor.load(bundle, trust=trust, runtime=form)
        except (TrustRequired, EnvironmentMismatch, MissingLibrary) as error:
            # Where a compiled form serves, nobody has to trust the original, or to have what it needs.
            spared = form == "native" and accepted
            findings.append(Finding("environment", "skipped" if spared else "failed", str(error), form, (str(error),)))
        except (DaytwoError, ImportError) as error:
            findings.append(Finding.of("environment", [sentence(error)], "", form))
        else:
            findings.append(Finding.of("environment", [], _environment(bundle, predictor), form))
            yield form, predictor


def _environment(bundle: Bundle, predictor: Predictor) -> str:
    """That it loads, and in what this environment differs from the one it was packed in."""
    lock = bundle.lock()
    part = environment.part_of(lock, predictor.runtime)
    found = environment.differences(lock, part) if part else []
    return "; ".join([f"{predictor.runtime} loads here", *found])


def _examples(form: str, predictor: Predictor) -> Finding:
    try:
        rows = predictor.check_examples()
    except DaytwoError as error:
        return Finding("examples", "failed", str(error), form, tuple(getattr(error, "failures", (str(error),))))
    return Finding.of("examples", [], f"{rows} rows come out as they did when packed", form)


def _parity(evidence: Evidence, predictors: dict[str, Predictor], examples: Examples) -> Finding:
    """The evidence of packing, and the two forms beside each other once more, on the examples."""
    form = evidence.runtime
    if not evidence.accepted:
        return Finding("parity", "skipped", f"not proven when packed, the original serves: {evidence.reason}", form)
    rows = evidence.rows + evidence.edge_rows + evidence.threshold_rows
    proven = f"{rows:,} rows when packed: {evidence.label_flips} flips, worst error {evidence.worst_error:.2g}"
    if form not in predictors or "native" not in predictors:
        return Finding.of("parity", [], f"{proven}; the original was not loaded to compare again", form)
    try:
        expected = predictors["native"].run(examples.inputs)
        actual = predictors[form].run(examples.inputs)
    except DaytwoError as error:
        return Finding.of("parity", [str(error)], "", form)
    failures = Examples(examples.inputs, expected, examples.rtol, examples.atol).compare(actual)
    return Finding.of("parity", failures, f"{proven}; {examples.rows} rows again now", form)


def _bad_inputs(bundle: Bundle, examples: Examples) -> Finding:
    if not examples.rows:
        return Finding("bad input", "skipped", "the bundle has no examples to spoil")
    tried = list(bad_inputs(bundle.signature, examples.inputs.take(slice(0, 1))))
    failures = [told for bad in tried if (told := refusal(bundle.signature.conform, bad)) is not None]
    return Finding.of("bad input", failures, f"{len(tried)} bad inputs are refused by the field's name")


def _costs(form: str, predictor: Predictor, examples: Examples, budget_s: float) -> Iterator[Cost]:
    if examples.rows:
        for rows in (1, _BATCH_ROWS):
            yield measure(form, predictor.run, tiled(examples.inputs, rows), budget_s=budget_s)

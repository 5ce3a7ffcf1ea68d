"""What is found when a bundle is checked: findings that pass, fail or are skipped with a reason, and costs.

The checks themselves know a Predictor and nothing above it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from daytwo.checks.cost import Cost

Status = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    subject: ``digests``, ``environment``, ``examples``, ``parity`` or ``bad input``
    form:    the form of the model that it is about (``onnx``, ``native``), or empty
    detail:  one line: what passed, what failed first, or why it was skipped
    lines:   everything that failed
    """

    subject: str
    status: Status
    detail: str
    form: str = ""
    lines: tuple[str, ...] = ()

    @classmethod
    def of(cls, subject: str, failures: Sequence[str], passed: str, form: str = "") -> Finding:
        """Passed where there are no ``failures``; failed with the first of them otherwise."""
        if not failures:
            return cls(subject, "passed", passed, form)
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        return cls(subject, "failed", failures[0] + more, form, tuple(failures))

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        out = {"subject": self.subject, "form": self.form, "status": self.status, "detail": self.detail}
        return out | {"lines": list(self.lines)}


@dataclass(frozen=True)
class CheckReport:
    """Everything that was found about one bundle."""

    reference: str
    digest: str
    findings: tuple[Finding, ...]
    costs: tuple[Cost, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing failed; what was skipped does not count."""
        return all(finding.status != "failed" for finding in self.findings)

    def __str__(self) -> str:
        """One line for each finding, then the verdict."""
        lines = [f"{f.status:<8}{f.subject:<13}{f.form:<8}{f.detail}" for f in self.findings]
        return "\n".join([*lines, f"{self.reference} is {'sound' if self.passed else 'found wanting'}"])

    def to_json(self) -> dict[str, Any]:
        """A JSON object; durations in seconds."""
        return {
            "reference": self.reference,
            "digest": self.digest,
            "passed": self.passed,
            "findings": [finding.to_json() for finding in self.findings],
            "costs": [cost.to_json() for cost in self.costs],
        }

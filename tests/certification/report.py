"""The dated tables in the docs: what came of the cases, and of their mutants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.certification.cases import CASES, Case
from tests.stack import ROOT

CASES_PAGE = ROOT / "docs" / "certification.md"
MUTANTS_PAGE = ROOT / "docs" / "certification-mutants.md"
LONGEST_REASON = 110
MARK = "<!-- from here on written by the run -->"


@dataclass(frozen=True, slots=True)
class Killed:
    """A mutant that turned its case red, and how."""

    case: Case
    does: str
    reason: str


def first_line(error: BaseException) -> str:
    """What an error says, short enough for a table."""
    text = " ".join(str(error).split())
    if not isinstance(error, AssertionError):
        text = f"{type(error).__name__}: {text}"
    text = text.replace("|", "¦").replace("`", "'")
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def write_cases(outcomes: Mapping[str, str]) -> None:
    """The table of docs/certification.md, anew. ``outcomes`` in pytest's words, by number."""
    passed = sum(outcomes.get(case.number) == "passed" for case in CASES)
    rows = [f"**{_today()}: {passed} of {len(CASES)} cases passed.**", ""]
    rows += ["| case | title | profile | result |", "|---|---|---|---|"]
    for case in CASES:
        word = outcomes.get(case.number, "not run")
        rows.append(f"| {case.id} | {case.title} | {case.profile} | {word} |")
    head = CASES_PAGE.read_text().partition(MARK)[0]
    CASES_PAGE.write_text(f"{head}{MARK}\n\n" + "\n".join(rows) + "\n")


def write_mutants(killed: Sequence[Killed]) -> None:
    """The table of docs/certification-mutants.md, anew."""
    rows = [f"**{_today()}: {len(killed)} of {len(CASES)} mutants were found out.**", ""]
    rows += ["| case | a server that … | turns it red with |", "|---|---|---|"]
    rows += [f"| {each.case.id} | {each.does} | `{each.reason}` |" for each in killed]
    head = MUTANTS_PAGE.read_text().partition(MARK)[0]
    MUTANTS_PAGE.write_text(f"{head}{MARK}\n\n" + "\n".join(rows) + "\n")


def _today() -> str:
    return datetime.now(UTC).date().isoformat()

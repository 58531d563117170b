"""Lines that the house does not cross."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES = 500
CORE_LINES = 800


def tracked(*patterns: str) -> list[Path]:
    found = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in found.stdout.split() if (ROOT / name).exists()]


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_a_file_has_one_reason_and_under_five_hundred_lines() -> None:
    long = [p for p in tracked("*.py", "*.js", "*.html", "*.css") if lines(p) > MOST_LINES]
    assert not [str(p) for p in long if "migrations" not in p.parts]


def test_the_ground_stays_small_and_knows_no_app() -> None:
    files = [p for p in tracked("core/*.py") if "migrations" not in p.parts]
    assert sum(lines(p) for p in files) <= CORE_LINES
    upward = re.compile(
        r"^\s*(?:from|import) (users|stations|billing|energy|meaoscp|evbilling)\b", re.M
    )
    assert not [str(p) for p in files if upward.search(p.read_text())]


def test_no_file_is_called_utils_or_helpers() -> None:
    names = {"utils", "helpers", "constants", "common", "misc"}
    assert not [str(p) for p in tracked("*.py") if p.stem in names]


def test_money_never_meets_a_float() -> None:
    """Where amounts are made, nothing is typed or made a ``float``; on papers it is millimetres."""
    found = tracked("billing/*.py", "billing/services/*.py", "billing/models/*.py")
    files = [p for p in found if "papers" not in p.parts]
    assert not [str(p) for p in files if re.search(r"\bfloat\(|[:>] float\b", p.read_text())]


@pytest.mark.parametrize(
    "pattern", [r"style=\"", r"<script(?![^>]*\bsrc=|[^>]*json)", r"\bon(click|load|change)="]
)
def test_templates_hold_no_inline_script_or_style(pattern: str) -> None:
    templates = tracked("templates/*.html", "templates/**/*.html")
    comment = re.compile(r"{#.*?#}|{% comment.*?endcomment %}", re.DOTALL)
    assert not [str(p) for p in templates if re.search(pattern, comment.sub("", p.read_text()))]

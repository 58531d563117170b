"""The list of the test document, the registry and the tests are one."""

from collections import Counter
from pathlib import Path

import pytest

from tests.certification.cases import CASES
from tests.certification.registry import in_order
from tests.certification.report import CASES_PAGE, MUTANTS_PAGE

pytestmark = pytest.mark.pure
# Section 3 of the test document, system under test: central system.
LISTED = """
001 003 004_1 004_2 005_1 007 010 011_1 011_2 012 013 014 017_1 017_2 018_1 019_1 019_2 021
023_1 023_2 023_3 024 026 028 030 031 032_1 037_1 037_3 039 040_1 040_2 042_1 042_2
043_1 043_3 043_4 043_5 044_1 044_2 044_3 045_1 045_2 046 047 048_1 048_2 048_3 048_4 049
051 052 053 054 055 056 057 059 061 064 066 067
073 074 075_1 075_2 076 077 078 079 080 081 083 085 086 087 088
"""
DOCUMENT = LISTED.split()


def test_the_registry_is_the_documents_list() -> None:
    assert len(DOCUMENT) == 77
    assert sorted(case.number for case in CASES) == DOCUMENT


def test_every_case_has_exactly_one_test() -> None:
    counted = Counter(number for number, _ in in_order())
    assert dict(counted) == dict.fromkeys(DOCUMENT, 1)


def test_a_test_stands_in_the_file_of_its_profile() -> None:
    files: dict[str, set[str]] = {}
    profile_of = {case.number: case.profile for case in CASES}
    for number, test in in_order():
        files.setdefault(Path(test.__code__.co_filename).stem, set()).add(profile_of[number])
    assert all(len(profiles) == 1 for profiles in files.values()), files


@pytest.mark.parametrize("page", [CASES_PAGE, MUTANTS_PAGE], ids=lambda page: page.name)
def test_the_page_of_the_last_run_shows_every_case(page: Path) -> None:
    text = page.read_text()
    assert [case.id for case in CASES if f"| {case.id} |" not in text] == []

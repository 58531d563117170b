"""Cases: evidence a person can read, and what came of them."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from core.models import AuditEntry
from evbilling.backoffice.evidence import STORIES, story_of
from stations.models import Case, CaseKind, Charger
from stations.services.cases import open_case
from tests.factories import a_charger, a_company, a_customer, a_session, a_station, an_admin
from tests.pages.people import signed_in, text_of
from users.models import Level

pytestmark = pytest.mark.django_db


@pytest.fixture
def charger() -> Charger:
    return a_charger(a_station(a_company(), name="Suk Jai"), charge_point_id="SJ-01")


def a_case(charger: Charger, kind: CaseKind = CaseKind.UNKNOWN_STOP, **fields: Any) -> Case:
    return open_case(kind, charger, key=str(Case.objects.count()), **fields)


def shown(charger: Charger, query: str = "", level: str = Level.OWNER) -> str:
    client = signed_in(an_admin(charger.station.company, level))
    return text_of(client.get(f"/cases/{query}"))


def test_every_kind_of_case_has_a_story() -> None:
    assert set(STORIES) == set(CaseKind.values)


def test_evidence_is_told_in_words_numbers_and_times(charger: Charger) -> None:
    a_case(
        charger,
        transaction_id=991,
        meter_stop=18_410_220,
        timestamp="2026-11-20T06:48:10Z",
        received_at="2026-11-20T06:48:12+00:00",
        reason="PowerLoss",
        id_tag="",
    )
    page = shown(charger)
    for words in (
        "Stop for a charge we do not know",
        "that we never saw begin",
        "Nothing was billed for it.",
        "18,410.220 kWh",
        "20 Nov 2026 13:48:10",
        "The power failed",
        "991",
        "SJ-01",
        "Suk Jai",
    ):
        assert words in page


def test_evidence_that_nobody_foresaw_is_shown_as_it_came(charger: Charger) -> None:
    case = a_case(charger, strange="<b>x</b>", timestamp="yesterday, I think")
    assert ("strange", "<b>x</b>") in story_of(case).facts
    page = shown(charger)
    assert "<b>x</b>" not in page
    assert "yesterday, I think" in page


def test_a_case_leads_to_its_charge(charger: Charger) -> None:
    session = a_session(
        charger.connectors.get(), customer=a_customer(charger.station.company, name="Kamon")
    )
    a_case(charger, CaseKind.METER_FAULT, session=session)
    page = shown(charger)
    assert f"/sessions/{session.pk}/" in page
    assert "Kamon" in page


def resolve(case: Case, note: str, level: str = Level.OPERATOR) -> Any:
    client = signed_in(an_admin(case.charger.station.company, level, name="Pranee"))
    return client.post(f"/cases/{case.pk}/resolve/", {"note": note})


def test_resolving_keeps_the_note_who_and_when(charger: Charger) -> None:
    case = a_case(charger)
    assert resolve(case, "The clock is set.").status_code == 302
    case.refresh_from_db()
    assert (case.note, case.resolved_by) == ("The clock is set.", "Pranee")
    assert AuditEntry.objects.get(action="resolve_case").new == {"note": "The clock is set."}
    assert "Nothing waits for you" in shown(charger)
    page = shown(charger, "?show=resolved")
    assert "The clock is set." in page
    assert "Pranee" in page


@pytest.mark.parametrize(
    ("note", "sentence"), [("  ", "Say in a few words"), ("x" * 2001, "The note is too long.")]
)
def test_a_note_that_says_nothing_or_too_much_is_not_taken(
    charger: Charger, note: str, sentence: str
) -> None:
    case = a_case(charger)
    response = resolve(case, note)
    assert response.status_code == 422
    assert sentence in text_of(response)
    case.refresh_from_db()
    assert case.resolved_at is None


def test_two_people_cannot_resolve_the_same_case(charger: Charger) -> None:
    case = a_case(charger)
    resolve(case, "first")
    response = resolve(case, "second")
    assert response.status_code == 422
    case.refresh_from_db()
    assert case.note == "first"


def test_cases_are_filtered_by_kind(charger: Charger) -> None:
    a_case(charger, CaseKind.METER_FAULT)
    a_case(charger, CaseKind.NO_STOP)
    page = shown(charger, "?kind=meter_fault")
    assert "ran backwards during" in page
    assert "without a word" not in page


def test_a_viewer_reads_but_does_not_resolve(charger: Charger) -> None:
    case = a_case(charger)
    assert "What came of it" not in shown(charger, level=Level.VIEWER)
    assert resolve(case, "mine", Level.VIEWER).status_code == 403


def test_others_cases_are_not_there(charger: Charger) -> None:
    case = a_case(charger)
    client = signed_in(an_admin())
    assert "SJ-01" not in text_of(client.get("/cases/"))
    assert client.post(f"/cases/{case.pk}/resolve/", {"note": "x"}).status_code == 404


def test_the_page_asks_as_little_for_many_cases(
    charger: Charger, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    plug = charger.connectors.get()
    session = a_session(plug, customer=a_customer(charger.station.company))
    for _ in range(8):
        a_case(charger, session=session)
    client = signed_in(an_admin(charger.station.company))
    with django_assert_max_num_queries(8):
        client.get("/cases/")

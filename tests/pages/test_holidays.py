"""The table of Off-Peak days: shown, added to, changed, settled."""

from datetime import date, timedelta
from typing import Any

import pytest

from billing.models import TouHoliday
from core.models import AuditEntry
from evbilling.backoffice.moments import today
from tests.factories import a_company, an_admin
from tests.pages.people import signed_in, text_of
from users.models import Company, Level

pytestmark = pytest.mark.django_db


def a_day(company: Company, day: date, **fields: Any) -> TouHoliday:
    values: dict[str, Any] = {
        "utility": "MEA",
        "name": "Loi Krathong",
        "name_th": "วันลอยกระทง",
        "source": "holidays 0.108",
    }
    return TouHoliday.objects.create(company=company, date=day, **values | fields)


def soon(days: int = 10) -> date:
    return today() + timedelta(days=days)


def test_days_are_shown_by_utility_and_year_with_their_source() -> None:
    company = a_company()
    a_day(company, soon())
    a_day(company, soon(11), utility="PEA", name="Only there")
    client = signed_in(an_admin(company))
    page = text_of(client.get(f"/holidays/?year={soon().year}"))
    assert "Loi Krathong" in page
    assert "holidays 0.108" in page
    assert "Only there" not in page
    assert "Only there" in text_of(client.get(f"/holidays/?year={soon(11).year}&utility=PEA"))
    assert "วันลอยกระทง" in text_of(
        signed_in(an_admin(company), "th").get(f"/holidays/?year={soon().year}")
    )


def test_days_that_have_begun_are_locked_and_say_why() -> None:
    company = a_company()
    a_day(company, today())
    page = text_of(signed_in(an_admin(company)).get(f"/holidays/?year={today().year}"))
    assert "settled" in page
    assert "charges have been priced" in page
    assert "Make it a usual day" not in page


def put(company: Company, right: str = Level.MANAGER, **posted: str) -> Any:
    sent = {"utility": "MEA", "date": soon().isoformat(), "name": "Loi Krathong", "off_peak": "on"}
    client = signed_in(an_admin(company, right, name="Somsri"))
    return client.post("/holidays/set/", sent | posted)


def test_a_day_is_added_and_on_record() -> None:
    company = a_company()
    response = put(company)
    assert response["Location"] == f"/holidays/?utility=MEA&year={soon().year}"
    row = TouHoliday.objects.get()
    assert (row.name, row.off_peak, row.source, row.changed_by) == (
        "Loi Krathong",
        True,
        "admin",
        "Somsri",
    )
    assert AuditEntry.objects.filter(action="edit_tou_holiday", actor_name="Somsri").exists()


def test_a_day_made_usual_keeps_its_name_in_both_languages() -> None:
    company = a_company()
    a_day(company, soon())
    sent = {"utility": "MEA", "date": soon().isoformat(), "name": "วันลอยกระทง"}
    signed_in(an_admin(company)).post("/holidays/set/", sent)
    row = TouHoliday.objects.get()
    assert (row.name, row.name_th, row.off_peak) == ("Loi Krathong", "วันลอยกระทง", False)
    page = text_of(signed_in(an_admin(company)).get(f"/holidays/?year={soon().year}"))
    assert "as its weekday" in page
    assert "Make it Off-Peak" in page


@pytest.mark.parametrize(
    ("posted", "status", "sentence"),
    [
        ({"date": ""}, 422, "Choose a day."),
        ({"date": "never"}, 422, "Choose a day."),
        ({"name": " "}, 422, "Give the day a name."),
        ({"date": "2020-01-01"}, 409, "Days up to today are settled"),
    ],
)
def test_what_cannot_be_added_is_said(posted: dict[str, str], status: int, sentence: str) -> None:
    response = put(a_company(), **posted)
    assert response.status_code == status
    assert sentence in text_of(response)
    assert not TouHoliday.objects.exists()


def test_an_empty_year_to_come_is_filled_in_by_the_rule() -> None:
    company = a_company()
    year = today().year + 1
    client = signed_in(an_admin(company))
    assert "Fill in the public holidays" in text_of(client.get(f"/holidays/?year={year}"))
    client.post("/holidays/fill/", {"utility": "MEA", "year": str(year)})
    assert TouHoliday.objects.filter(date__year=year, utility="MEA", off_peak=True).count() > 10
    assert AuditEntry.objects.get(action="fill_tou_holidays").new["year"] == year  # type: ignore[index]


def test_a_year_that_runs_is_never_filled_in_afterwards() -> None:
    client = signed_in(an_admin())
    response = client.post("/holidays/fill/", {"utility": "MEA", "year": str(today().year)})
    assert response.status_code == 409
    assert not TouHoliday.objects.exists()


def test_an_operator_may_look_only() -> None:
    company = a_company()
    a_day(company, soon())
    page = text_of(
        signed_in(an_admin(company, Level.OPERATOR)).get(f"/holidays/?year={soon().year}")
    )
    assert "Loi Krathong" in page
    assert "Add a day" not in page
    assert put(company, Level.OPERATOR).status_code == 403


def test_another_companys_days_are_its_own() -> None:
    a_day(a_company(), soon())
    page = text_of(signed_in(an_admin()).get(f"/holidays/?year={soon().year}"))
    assert "Loi Krathong" not in page

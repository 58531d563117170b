"""The door to every page: signed in, allowed, within one company."""

import pytest
from django.urls import reverse

from core.models import AuditEntry
from tests.factories import a_charger, a_company, a_station, an_admin
from tests.pages.people import HTMX, a_visitor, signed_in, text_of
from users.models import Level

pytestmark = pytest.mark.django_db


def test_a_stranger_is_sent_to_sign_in_and_comes_back_to_the_same_page() -> None:
    response = a_visitor().get("/overview/?view=detail")
    assert response.status_code == 302
    assert response["Location"] == "/signin/?next=%2Foverview%2F%3Fview%3Ddetail"


def test_a_part_that_refreshes_after_signing_out_sends_the_whole_page_to_sign_in() -> None:
    response = a_visitor().get("/overview/?part=now", headers=HTMX)
    assert response.status_code == 401
    assert response["HX-Redirect"] == "/signin/?next=%2Foverview%2F%3Fview%3Ddetail"


def test_an_order_by_a_stranger_is_not_repeated_after_signing_in() -> None:
    charger = a_charger()
    response = a_visitor().post(reverse("charger-command", args=[charger.charge_point_id]))
    assert response["Location"] == "/signin/"


def test_a_level_that_may_not_is_told_so_with_the_menu_around_and_it_is_remembered() -> None:
    viewer = an_admin(level=Level.VIEWER)
    response = signed_in(viewer).get("/alarms/")
    assert response.status_code == 403
    page = text_of(response)
    assert "Your level (Viewer) cannot do this. Ask an owner of the company." in page
    assert 'aria-label="Main menu"' in page
    entry = AuditEntry.objects.get()
    assert (entry.refused, entry.action, entry.subject) == (True, "retry_delivery", "/alarms/")


def test_somebody_elses_charger_does_not_exist_and_trying_it_is_remembered() -> None:
    charger = a_charger()
    client = signed_in(an_admin())
    assert client.get(f"/chargers/{charger.charge_point_id}/").status_code == 404
    assert client.get("/chargers/no-such-charger/").status_code == 404
    assert AuditEntry.objects.get().subject == f"/chargers/{charger.charge_point_id}/"


def test_a_disabled_admin_is_out_at_the_next_click() -> None:
    admin = an_admin()
    client = signed_in(admin)
    assert client.get("/overview/").status_code == 200
    admin.enabled = False
    admin.save()
    assert client.get("/overview/").status_code == 302


def test_platform_staff_see_one_company_at_a_time_and_switch() -> None:
    first = a_company(name="Aaa")
    second = a_company(name="Bbb")
    a_charger(a_station(first), charge_point_id="IN-AAA")
    a_charger(a_station(second), charge_point_id="IN-BBB")
    client = signed_in(an_admin(level=Level.PLATFORM))
    page = text_of(client.get("/overview/"))
    assert "IN-AAA" in page
    assert "IN-BBB" not in page
    assert client.get("/chargers/IN-BBB/").status_code == 404
    switched = client.post(reverse("switch-company", args=[second.slug]))
    assert switched["Location"] == "/overview/"
    assert "IN-BBB" in text_of(client.get("/overview/"))
    assert client.get("/chargers/IN-BBB/").status_code == 200
    assert AuditEntry.objects.filter(action="switch_company", company_id=second.pk).exists()


def test_an_owner_cannot_switch_to_another_company() -> None:
    other = a_company()
    response = signed_in(an_admin()).post(reverse("switch-company", args=[other.slug]))
    assert response.status_code == 403


def test_platform_staff_without_any_company_are_told_what_to_do() -> None:
    response = signed_in(an_admin(level=Level.PLATFORM)).get("/overview/")
    assert response.status_code == 404
    assert "There is no company yet" in text_of(response)


def test_an_admin_of_some_stations_sees_only_these() -> None:
    company = a_company()
    mine, other = a_station(company), a_station(company)
    a_charger(mine, charge_point_id="MINE")
    a_charger(other, charge_point_id="OTHER")
    admin = an_admin(company, Level.OPERATOR, all_stations=False)
    mine.limited_admins.add(admin)
    client = signed_in(admin)
    page = text_of(client.get("/overview/"))
    assert "MINE" in page
    assert "OTHER" not in page
    assert client.get("/chargers/OTHER/").status_code == 404


def test_pages_are_kept_by_no_cache() -> None:
    assert signed_in(an_admin()).get("/overview/")["Cache-Control"] == "private, no-store"

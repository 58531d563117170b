"""The caller, tokens, admins, companies and tax entities."""

from typing import Any

import pytest

from core.models import AuditEntry
from tests.api.client import Caller
from tests.factories import PASSWORD, a_company, a_station, a_tax_entity, an_admin
from users.access import RIGHTS
from users.models import Admin, ApiToken, Company, Level

pytestmark = pytest.mark.django_db
GOOD = "a long and winding road"


def test_everybody_sees_who_they_are_and_what_they_may_do(company: Company) -> None:
    station = a_station(company)
    viewer = an_admin(company, Level.VIEWER, all_stations=False)
    viewer.limited_stations.set([station.pk])
    me = Caller(viewer).get("me/")
    assert (me["username"], me["level"], me["company"]) == (viewer.username, "viewer", company.pk)
    assert me["actions"] == sorted(RIGHTS["viewer"])
    assert (me["all_stations"], me["stations"]) == (False, [station.pk])


def test_everybody_may_change_their_own_name_and_language_but_not_their_level(
    company: Company,
) -> None:
    viewer = Caller(an_admin(company, Level.VIEWER))
    changed = viewer.patch("me/", {"name": "สมชาย", "language": "en", "level": "owner"})
    assert (changed["name"], changed["language"], changed["level"]) == ("สมชาย", "en", "viewer")


def test_a_new_password_needs_the_present_one(api: Caller, owner: Admin) -> None:
    for present in ({}, {"present_password": "wrong"}):
        answer = api.patch("me/", {"password": GOOD, **present})
        assert (answer.status, answer["code"]) == (422, "wrong_password")
    short = api.patch("me/", {"password": "short", "present_password": PASSWORD})
    assert (short.status, short["code"]) == (422, "weak_password")
    assert api.patch("me/", {"password": GOOD, "present_password": PASSWORD}).status == 200
    owner.refresh_from_db()
    assert owner.check_password(GOOD)


def test_a_token_is_shown_once_and_works_until_it_is_revoked(api: Caller) -> None:
    made = api.post("tokens/", {"label": "till"})
    assert made.status == 201
    other = Caller()
    other.headers = {"Authorization": f"Token {made['token']}"}
    assert other.get("me/").status == 200
    rows = api.get("tokens/").rows
    assert [row["label"] for row in rows] == ["till", ""]
    assert all("token" not in row for row in rows)
    assert made["token"] not in str(list(ApiToken.objects.values()))
    assert api.delete(f"tokens/{made['id']}/").status == 204
    assert other.get("me/").status == 401
    assert len(api.get("tokens/").rows) == 1
    actions = AuditEntry.objects.filter(subject=f"token:{made['id']}").order_by("pk")
    assert [entry.action for entry in actions] == ["create_token", "revoke_token"]


def test_nobody_revokes_somebody_elses_token(api: Caller, company: Company) -> None:
    other = Caller(an_admin(company, Level.OWNER))
    assert other.admin
    assert api.delete(f"tokens/{other.admin.tokens.get().pk}/").status == 404


def test_an_admin_is_made_changed_and_deleted(api: Caller, company: Company) -> None:
    station = a_station(company)
    made = api.post(
        "admins/",
        {
            "username": "somsak",
            "level": "operator",
            "password": GOOD,
            "all_stations": False,
            "stations": [station.pk],
        },
    )
    assert made.status == 201, made
    assert (made["level"], made["stations"], made["company"]) == (
        "operator",
        [station.pk],
        company.pk,
    )
    assert "password" not in made.json
    path = f"admins/{made['id']}/"
    changed = api.patch(path, {"level": "manager", "stations": [], "all_stations": True})
    assert (changed["level"], changed["stations"]) == ("manager", [])
    entry = AuditEntry.objects.get(action="edit_admin")
    assert entry.old == {"level": "operator", "all_stations": False, "stations": [station.pk]}
    assert api.delete(path).status == 204
    assert api.get(path).status == 404
    assert api.post("admins/", {"username": "SOMSAK", "level": "viewer", "password": GOOD})[
        "code"
    ] == ("username_taken")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"password": "short"}, "weak_password"),
        ({"password": "somchai-somchai", "username": "somchai-somchai"}, "weak_password"),
        ({"level": "platform"}, "level_too_high"),
        ({"level": "king"}, "invalid_choice"),
        ({"username": "with space"}, "invalid"),
        ({"stations": [999_999]}, "does_not_exist"),
    ],
)
def test_an_admin_that_cannot_be_is_refused(api: Caller, fields: dict[str, Any], code: str) -> None:
    body = {"username": "new", "level": "viewer", "password": GOOD, **fields}
    answer = api.post("admins/", body)
    assert (answer.status in (403, 422), answer["code"]) == (True, code), answer
    assert not Admin.objects.filter(username=body["username"]).exists()


def test_the_last_owner_stays(api: Caller, owner: Admin, company: Company) -> None:
    path = f"admins/{owner.pk}/"
    assert api.patch(path, {"level": "manager"})["code"] == "last_owner"
    assert api.patch(path, {"enabled": False})["code"] == "own_account"
    assert api.delete(path)["code"] == "own_account"
    an_admin(company, Level.OWNER)
    assert api.patch(path, {"level": "manager"}).status == 200


def test_platform_staff_make_admins_of_any_company_and_of_none(
    platform_api: Caller, company: Company
) -> None:
    body = {"username": "boss", "level": "owner", "password": GOOD}
    assert list(platform_api.post("admins/", body)["fields"]) == ["company"]
    made = platform_api.post("admins/", {**body, "company": company.pk})
    assert made["company"] == company.pk
    staff = platform_api.post("admins/", {**body, "username": "staff", "level": "platform"})
    assert (staff.status, staff["company"]) == (201, None)


def test_an_owner_limited_to_stations_gives_no_more_than_those(company: Company) -> None:
    mine, other = a_station(company), a_station(company)
    limited = an_admin(company, Level.OWNER, all_stations=False)
    limited.limited_stations.set([mine.pk])
    api = Caller(limited)
    body = {"username": "x1", "level": "viewer", "password": GOOD}
    assert api.post("admins/", body)["code"] == "level_too_high"
    few = {**body, "all_stations": False, "stations": [mine.pk]}
    assert api.post("admins/", few).status == 201
    too_many = {**few, "username": "x2", "stations": [mine.pk, other.pk]}
    assert api.post("admins/", too_many).status == 422  # the other one does not exist for them


def test_a_company_is_renamed_by_its_owner_and_made_by_platform_staff(
    api: Caller, platform_api: Caller, company: Company
) -> None:
    assert [row["slug"] for row in api.get("companies/").rows] == [company.slug]
    changed = api.patch(f"companies/{company.slug}/", {"name_th": "บริษัท", "slug": "stolen"})
    assert (changed["name_th"], changed["slug"]) == ("บริษัท", company.slug)
    made = platform_api.post("companies/", {"slug": "new-one", "name": "New"})
    assert made.status == 201
    taken = platform_api.post("companies/", {"slug": "new-one", "name": "Newer"})
    assert (taken.status, taken["code"]) == (409, "slug_taken")


def test_a_tax_entity_is_entered_once(api: Caller, company: Company) -> None:
    body = {"name": "Entity Ltd.", "tax_id": "0105551234567", "vat_registered_from": "2020-01-01"}
    made = api.post("tax-entities/", body)
    assert (made.status, made["branch_code"]) == (201, "00000")
    again = api.post("tax-entities/", body)
    assert (again.status, again["code"]) == (409, "tax_entity_taken")
    path = f"tax-entities/{made['id']}/"
    assert api.patch(path, {"vat_registered_from": None})["vat_registered_from"] is None
    for field, value in (("tax_id", "123"), ("branch_code", "1")):
        answer = api.patch(path, {field: value})
        assert (answer.status, list(answer["fields"])) == (422, [field])
    assert len(api.get("tax-entities/").rows) == 1
    a_tax_entity(a_company())
    assert len(api.get("tax-entities/").rows) == 1

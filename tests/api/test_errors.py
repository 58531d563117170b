"""What goes wrong is said in one shape, in the caller's language, and never as a 500."""

from typing import Any

import pytest
from django.db import IntegrityError, OperationalError

from core.models import AuditEntry
from evbilling.api import stations
from evbilling.api.errors import refusal_of
from tests.api.client import Answer, Caller
from tests.factories import a_charger, a_customer, a_station, an_admin
from users.models import Company, Customer, Level
from users.services import customers

pytestmark = pytest.mark.django_db


def is_refusal(answer: Answer, status: int, code: str) -> bool:
    assert (answer.status, answer["code"]) == (status, code), answer
    assert set(answer.json) == {"code", "detail", "fields"}
    return bool(answer["detail"])


def test_malformed_json_is_a_400(api: Caller) -> None:
    for raw in (b"{", b"{'name': 1}", b'{"name": NaN}', b"\xff\xfe", b"[1,]", b"{} {}"):
        assert is_refusal(api.post("stations/", raw), 400, "malformed")


def test_json_nested_beyond_reason_is_a_400(api: Caller) -> None:
    assert is_refusal(api.post("stations/", b"[" * 100_000), 400, "malformed")


def test_text_that_no_database_stores_is_a_400(api: Caller) -> None:
    assert is_refusal(api.post("stations/", b'{"name": "a\\u0000b"}'), 400, "malformed")
    assert is_refusal(api.post("stations/", b'{"name": "\\ud800"}'), 400, "malformed")
    assert api.post("stations/", b'{"name": "\\ud83d\\ude00 \\\\u0000"}').status == 201


def test_an_array_where_an_object_belongs_is_refused(api: Caller) -> None:
    assert is_refusal(api.post("stations/", []), 422, "invalid")
    assert is_refusal(api.post("stations/", b"null"), 422, "null")


def test_more_than_a_megabyte_is_refused(api: Caller) -> None:
    assert is_refusal(api.post("stations/", {"name": "x" * 1_100_000}), 413, "too_large")


def test_another_content_type_is_a_415(api: Caller) -> None:
    response = api.client.post("/api/v1/stations/", {"name": "x"}, headers=api.headers)
    assert is_refusal(Answer(response), 415, "unsupported_media_type")


def test_a_missing_field_names_itself(api: Caller) -> None:
    answer = api.post("stations/", {})
    assert is_refusal(answer, 422, "required")
    assert list(answer["fields"]) == ["name"]


def test_several_bad_fields_are_all_named(api: Caller) -> None:
    answer = api.post("stations/", {"billing_cycle_day": 31, "utility": "EGAT"})
    assert is_refusal(answer, 422, "invalid")
    assert set(answer["fields"]) == {"name", "billing_cycle_day", "utility"}


def test_an_element_inside_a_list_is_named_by_its_path(api: Caller, company: Company) -> None:
    station = a_station(company)
    elements = [{"part": "energy", "price": "1"}, {"part": "love", "price": "1"}]
    answer = api.post("tariffs/", {"station": station.pk, "level": "vip", "elements": elements})
    assert is_refusal(answer, 422, "invalid_choice")
    assert list(answer["fields"]) == ["elements.1.part"]


def test_a_query_that_makes_no_sense_is_a_400_that_names_the_parameter(api: Caller) -> None:
    for query in ("customer=abc", "from=yesterday", "status=flying", "cursor=xyz", "customer=%00"):
        answer = api.get(f"sessions/?{query}")
        assert is_refusal(answer, 400, "bad_query")
        assert list(answer["fields"]) == [query.split("=")[0]]


def test_a_made_up_cursor_is_a_400(api: Caller) -> None:
    cursor = "cD1hYmM="  # p=abc
    assert is_refusal(api.get("customers/", cursor=cursor), 400, "bad_query")
    assert is_refusal(api.get("sessions/", cursor=cursor), 400, "bad_query")


def test_an_unknown_address_is_a_404_and_tells_a_stranger_nothing(
    api: Caller, stranger: Caller
) -> None:
    assert is_refusal(api.get("nonsense/"), 404, "not_found")
    assert is_refusal(api.post("chargers/a%00b/commands/Reset/"), 404, "not_found")
    assert is_refusal(stranger.get("nonsense/"), 401, "not_authenticated")


def test_an_address_without_its_last_slash_is_sent_on_with_its_method(api: Caller) -> None:
    response = api.client.post("/api/v1/stations?x=1", headers=api.headers)
    assert (response.status_code, response.headers["Location"]) == (308, "/api/v1/stations/?x=1")


def test_numbers_no_row_can_have_find_nothing(api: Caller) -> None:
    huge = 10**30
    for query in (f"customer={huge}", f"station={huge}", f"company={huge}", f"meter_start={huge}"):
        assert api.get(f"sessions/?{query}").rows == []
    assert api.get(f"ledger/?session={huge}").rows == []
    assert api.get(f"cards/?customer=-{huge}").rows == []
    answer = api.post("chargers/", {"charge_point_id": "X", "station": huge})
    assert is_refusal(answer, 422, "incorrect_type")


def test_numbers_no_row_can_have_are_a_404(api: Caller) -> None:
    assert is_refusal(api.get(f"customers/{10**30}/"), 404, "not_found")
    assert is_refusal(api.post(f"sessions/{10**19}/stop/"), 404, "not_found")


def test_a_wrong_method_is_a_405_that_says_what_is_allowed(api: Caller) -> None:
    answer = api.delete("stations/")
    assert is_refusal(answer, 405, "method_not_allowed")
    assert answer.response.headers["Allow"] == "GET, POST, HEAD"
    assert api.send("OPTIONS", "stations/").status == 405


def test_a_wrong_token_is_a_401(api: Caller) -> None:
    for header in ("Token wrong", "Token", "Token a b"):
        api.headers = {"Authorization": header}
        answer = api.get("stations/")
        assert is_refusal(answer, 401, "authentication_failed")
        assert answer.response.headers["WWW-Authenticate"] == "Token"


def test_the_sentence_follows_accept_language_and_the_code_does_not(api: Caller) -> None:
    english = api.send("POST", "stations/", b"{")
    thai = api.send("POST", "stations/", b"{", Accept_Language="th")
    assert english["code"] == thai["code"] == "malformed"
    assert english.response.headers["Content-Language"] == "en"
    assert thai.response.headers["Content-Language"] == "th"


def test_two_requests_for_one_name_get_a_409_from_the_database(
    api: Caller, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_customer(company, phone="+66812345678")
    monkeypatch.setattr(
        customers,
        "create",
        lambda company, fields, actor: Customer.objects.create(
            company=company, name="B", phone="+66812345678"
        ),
    )
    answer = api.post("customers/", {"name": "B"})
    assert is_refusal(answer, 409, "taken")
    assert list(answer["fields"]) == ["phone"]


def test_a_constraint_nobody_foresaw_is_our_fault() -> None:
    assert refusal_of(IntegrityError("some_check")) is None


def test_while_the_database_is_away_the_answer_is_a_503(
    api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(admin: Any) -> Any:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(stations, "rows", away)
    answer = api.get("stations/")
    assert is_refusal(answer, 503, "unavailable")
    assert answer.response.headers["Retry-After"] == "5"


def test_a_reference_to_another_companys_row_is_refused_like_one_to_nothing_but_remembered(
    api: Caller,
) -> None:
    foreign = a_station()
    told = [
        api.post("chargers/", {"charge_point_id": "X", "station": station})
        for station in (foreign.pk, 999_999_999)
    ]
    assert told[0].json == told[1].json
    assert is_refusal(told[0], 422, "does_not_exist")
    entry = AuditEntry.objects.get(refused=True)
    assert (entry.action, entry.new) == (
        "edit_charger",
        {"code": "does_not_exist", "fields": ["station"]},
    )


def test_a_refused_write_is_remembered_with_who_and_why(api: Caller, company: Company) -> None:
    a_charger(a_station(company), charge_point_id="TWICE")
    station = a_station(company)
    answer = api.post("chargers/", {"charge_point_id": "twice", "station": station.pk})
    assert is_refusal(answer, 409, "charge_point_id_taken")
    entry = AuditEntry.objects.get(refused=True)
    assert entry.actor_kind == "admin"
    assert entry.actor_id == str(api.admin and api.admin.pk)
    assert entry.address == "127.0.0.1"
    assert entry.new == {"code": "charge_point_id_taken", "fields": ["charge_point_id"]}


def test_a_disabled_admins_token_does_not_work(company: Company) -> None:
    admin = an_admin(company, Level.OWNER)
    caller = Caller(admin)
    admin.enabled = False
    admin.save()
    assert caller.get("me/").status == 401

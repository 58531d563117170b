"""Documents on pages: of the office, of the phone that paid, and in the API."""

from datetime import datetime
from typing import Any

import pytest
import time_machine
from django.test import Client

from billing.models import TaxDocument
from billing.services import document_changes as changes
from core.audit import Actor
from evbilling.backoffice.moments import LOCAL
from evbilling.customer.paper_links import token_of
from tests.api.client import Caller
from tests.documents.sales import ACME, a_document, a_market, a_plug
from tests.factories import a_company, an_admin
from tests.pages.people import a_visitor, signed_in, text_of
from users.models import Level, TaxEntity

pytestmark = pytest.mark.django_db
BUYER = {
    "who": "company",
    "name": "บริษัท ผู้ซื้อ ปิ่นทอง จำกัด",
    "tax_id": "0-1075-44000-10-8",
    "branch_code": "00000",
    "address": "12 หมู่ 3 ตำบลน้ำรึม จังหวัดตาก",
    "postcode": "63000",
    "email": "",
    "plate": "",
}


@pytest.fixture
def document() -> TaxDocument:
    return a_document()


def office(document: TaxDocument, level: str = Level.MANAGER) -> Client:
    return signed_in(an_admin(document.company, level))


def full_page(document: TaxDocument) -> str:
    return f"/d/{token_of(document)}/full/"


def test_whoever_has_the_link_opens_the_paper_in_both_sizes(document: TaxDocument) -> None:
    for query in ("", "?paper=80mm"):
        answer = a_visitor().get(f"/d/{token_of(document)}.pdf{query}")
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
        assert answer.content.startswith(b"%PDF")
        assert answer["Cache-Control"] == "private, no-store"


def test_another_number_or_a_forged_link_finds_nothing(document: TaxDocument) -> None:
    token, other = token_of(document), a_document(a_plug(a_market()))
    signature = token.partition(".")[2]
    for wrong in (str(other.pk), f"{other.pk}.{signature}", token[:-1], f"{token}x", "%00"):
        for path in (f"/d/{wrong}.pdf", f"/d/{wrong}/full/"):
            assert a_visitor().get(path).status_code == 404, path


def test_the_phone_asks_for_a_full_one_and_its_old_link_leads_to_it(document: TaxDocument) -> None:
    visitor = a_visitor()
    page = text_of(visitor.get(full_page(document)))
    assert "Issue the full tax invoice" in page
    answer = visitor.post(full_page(document), BUYER, follow=True)
    assert answer.status_code == 200
    assert "It is issued." in text_of(answer)
    made = TaxDocument.objects.get(kind="TAX")
    assert (made.replaces, made.buyer["tax_id"]) == (document, "0107544000108")
    assert made.issued_by == "ผู้ใช้บริการ"
    assert made.number in text_of(visitor.get(full_page(document)))
    again = visitor.post(full_page(document), BUYER | {"name": "ใครอีกคน"})
    assert again.status_code == 409
    assert TaxDocument.objects.count() == 2


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"tax_id": "0107544000109"}, "The last digit does not fit the other twelve"),
        ({"tax_id": "123"}, "A tax id has 13 digits."),
        ({"name": ""}, "Give the name that the invoice is made out to."),
        ({"address": ""}, "Give the address as it is registered."),
        ({"branch_code": "7"}, "A branch has 5 digits"),
        ({"who": "nobody"}, "nobody is not one of the available choices"),
    ],
)
def test_a_slip_is_told_beside_its_field_and_nothing_is_issued(
    document: TaxDocument, wrong: dict[str, str], sentence: str
) -> None:
    answer = a_visitor().post(full_page(document), BUYER | wrong)
    assert answer.status_code == 422
    if "who" not in wrong:
        assert sentence in text_of(answer)
        assert "ปิ่นทอง" in text_of(answer) or not wrong.get("name", "x")
    assert TaxDocument.objects.get() == document


def test_after_the_tax_month_the_phone_is_told_whom_to_ask() -> None:
    with time_machine.travel(datetime(2026, 11, 30, 20, 0, tzinfo=LOCAL), tick=False):
        document = a_document()
    with time_machine.travel(datetime(2026, 12, 1, 0, 5, tzinfo=LOCAL), tick=False):
        page = text_of(a_visitor().get(full_page(document)))
        assert "The tax month is over" in page
        assert "Nov 2026" in page
        assert a_visitor().post(full_page(document), BUYER).status_code == 409


def test_a_receipts_page_speaks_of_no_tax_invoice() -> None:
    document = a_document(a_plug(a_market(vat_registered_from=None)))
    page = text_of(a_visitor().get(full_page(document)))
    assert "Receipt with your name" in page
    assert "tax invoice" not in page.lower()


def test_the_list_shows_filters_and_sums_what_is_valid(document: TaxDocument) -> None:
    """154.00 replaced and 154.00 in its place: one counts, both are listed."""
    made = changes.replace_with(
        document, ACME, purpose="full", reason="", actor=Actor("admin", "1", "x")
    )
    client = office(document, Level.VIEWER)
    page = text_of(client.get("/invoices/"))
    for part in (document.number, made.number, "Replaced", "฿143.93", "฿10.07", "฿154.00"):
        assert part in page, part
    only = text_of(client.get("/invoices/?state=live&kind=TAX&who=0107544&number=TAX"))
    assert made.number in only
    assert document.number not in only.replace(made.note, "")
    assert "there is none" in text_of(client.get("/invoices/?who=nobody"))
    for span in ("cycle", "period", "month", "year"):
        assert client.get(f"/invoices/?span={span}&back=1").status_code == 200
    assert client.get("/invoices/list.xlsx").content.startswith(b"PK")


def test_the_office_issues_corrects_and_voids(document: TaxDocument) -> None:
    client = office(document)
    first = client.post(f"/invoices/{document.pk}/full/", BUYER | {"purpose": "full", "reason": ""})
    full = TaxDocument.objects.get(kind="TAX")
    assert first["Location"] == f"/invoices/{full.pk}/"
    wish = {"correct_total": "100.00", "reason_code": "CDNS03", "reason": "", "who": "company"}
    refused = client.post(f"/invoices/{full.pk}/credit/", wish | {"correct_total": "200"})
    assert refused.status_code == 422
    assert "must be below 154.00 baht" in text_of(refused)
    assert (
        client.post(f"/invoices/{full.pk}/credit/", wish | {"correct_total": "1.001"}).status_code
        == 422
    )
    client.post(f"/invoices/{full.pk}/credit/", wish)
    note = TaxDocument.objects.get(kind="CRN")
    assert (note.total, note.vat) == (54_00, 3_53)
    page = text_of(client.get(f"/invoices/{full.pk}/"))
    assert note.number in page
    assert "Make void" not in page
    other = a_document(a_plug(document.tax_entity))
    assert client.post(f"/invoices/{other.pk}/void/", {"reason": ""}).status_code == 422
    client.post(f"/invoices/{other.pk}/void/", {"reason": "ผิด"})
    assert "Void" in text_of(client.get(f"/invoices/{other.pk}/"))
    outside = a_document(a_plug(document.tax_entity))
    client.post(f"/invoices/{outside.pk}/outside/", {"number": "B12/34", "branch_code": "00000"})
    assert TaxDocument.objects.get(number="B12/34").outside


def test_an_operator_helps_within_the_month_and_a_manager_after_it() -> None:
    with time_machine.travel(datetime(2026, 10, 31, 12, tzinfo=LOCAL), tick=False):
        document = a_document()
    with time_machine.travel(datetime(2026, 11, 1, 12, tzinfo=LOCAL), tick=False):
        wish = BUYER | {"purpose": "full", "reason": ""}
        path = f"/invoices/{document.pk}/full/"
        assert office(document, Level.OPERATOR).post(path, wish).status_code == 403
        assert office(document, Level.MANAGER).post(path, wish).status_code == 302


def test_a_document_is_mailed_once_a_day_to_an_address(
    document: TaxDocument, settings: Any
) -> None:
    from users.models import Message

    client, path = office(document), f"/invoices/{document.pk}/send/"
    off = client.post(path, {"email": "a@example.com"})
    assert off.status_code >= 400
    settings.EMAIL_HOST = "mail.example"
    assert "not an e-mail address" in text_of(client.post(path, {"email": "nobody"}))
    for _ in range(2):
        assert client.post(path, {"email": "a@example.com"}).status_code == 302
    row = Message.objects.get(kind="document")
    assert row.payload["filename"] == f"{document.number}.pdf"


def test_legal_entities_are_entered_with_a_right_number(document: TaxDocument) -> None:
    client = office(document, Level.OWNER)
    wish = {"name": "บริษัท ใหม่ จำกัด", "tax_id": "0107544000109", "branch_code": "00002"}
    assert "The last digit does not fit" in text_of(client.post("/legal-entities/new/", wish))
    wish |= {"tax_id": "0107544000108", "vat_registered_from": "2026-01-01"}
    assert client.post("/legal-entities/new/", wish).status_code == 302
    made = TaxEntity.objects.get(tax_id="0107544000108")
    bad = client.post(f"/legal-entities/{made.pk}/", wish | {"vat_registered_to": "2025-01-01"})
    assert "comes before the first" in text_of(bad)
    ok = client.post(f"/legal-entities/{made.pk}/", wish | {"province": "ตาก", "district": "แม่สอด"})
    assert ok.status_code == 302
    made.refresh_from_db()
    assert made.address_line == "อำเภอแม่สอด จังหวัดตาก"


def test_a_limited_admin_gets_no_report_of_all_stations(document: TaxDocument) -> None:
    limited = signed_in(an_admin(document.company, Level.MANAGER, all_stations=False))
    assert limited.get("/invoices/report/").status_code == 403
    assert "143.93" in text_of(office(document).get("/invoices/report/"))


def test_the_api_lists_and_shows_documents_of_the_caller_only(document: TaxDocument) -> None:
    caller = Caller(an_admin(document.company, Level.VIEWER))
    (row,) = caller.get(f"invoices/?kind=ABB&from={document.tax_point}&state=live").rows
    assert (row["number"], row["total"], row["vat"]) == (document.number, "154.00", "10.07")
    assert caller.get("invoices/?kind=TAX").rows == []
    found = caller.get(f"invoices/{document.pk}/")
    assert found["lines"][0]["base"] == "143.93"
    assert caller.get(f"invoices/{document.pk}/pdf/").response.content.startswith(b"%PDF")
    stranger = Caller(an_admin(a_company(), Level.OWNER))
    assert stranger.get(f"invoices/{document.pk}/").status == 404
    assert stranger.get("invoices/").rows == []

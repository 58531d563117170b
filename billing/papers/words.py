"""What stands on papers, in Thai and English side by side, whatever language the reader's page has."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from billing.documents import BUDDHIST_ERA
from billing.models import DocumentKind, DocumentState, TaxDocument
from users import tax_ids

LOCAL = ZoneInfo(settings.LOCAL_ZONE)
MONTHS = (
    "มกราคม",
    "กุมภาพันธ์",
    "มีนาคม",
    "เมษายน",
    "พฤษภาคม",
    "มิถุนายน",
    "กรกฎาคม",
    "สิงหาคม",
    "กันยายน",
    "ตุลาคม",
    "พฤศจิกายน",
    "ธันวาคม",
)
TITLES: dict[str, tuple[str, str]] = {
    DocumentKind.ABBREVIATED: (
        "ใบกำกับภาษีอย่างย่อ / ใบเสร็จรับเงิน",
        "ABBREVIATED TAX INVOICE / RECEIPT",
    ),
    DocumentKind.FULL: ("ใบกำกับภาษี / ใบเสร็จรับเงิน", "TAX INVOICE / RECEIPT"),
    DocumentKind.CREDIT_NOTE: ("ใบลดหนี้", "CREDIT NOTE"),
    DocumentKind.RECEIPT: ("ใบเสร็จรับเงิน", "RECEIPT"),
    DocumentKind.BILLING_NOTE: ("ใบแจ้งหนี้", "BILLING NOTE"),
}
PAID_WITH = {
    "promptpay": ("พร้อมเพย์", "PromptPay"),
    "card": ("บัตรเครดิต/เดบิต", "Card"),
    "mobile_banking": ("แอปธนาคาร", "Mobile banking"),
    "cash": ("เงินสด", "Cash"),
    "transfer": ("โอนเงิน", "Bank transfer"),
    "wallet": ("กระเป๋าเงินในระบบ", "Wallet"),
}
VAT_INCLUDED = ("ราคารวมภาษีมูลค่าเพิ่มแล้ว", "VAT INCLUDED")
CANCELLED = {DocumentState.VOID: "ยกเลิก", DocumentState.REPLACED: "ยกเลิก"}


def day(found: date) -> str:
    """20 พฤศจิกายน 2569"""
    return f"{found.day} {MONTHS[found.month - 1]} {found.year + BUDDHIST_ERA}"


def short_day(found: date) -> str:
    """20/11/2569"""
    return f"{found.day:02d}/{found.month:02d}/{found.year + BUDDHIST_ERA}"


def month(year: int, number: int) -> str:
    """พฤศจิกายน 2569"""
    return f"{MONTHS[number - 1]} {year + BUDDHIST_ERA}"


def moment(at: datetime) -> str:
    """20/11/2569 20:42, at the station's wall."""
    local = at.astimezone(LOCAL)
    return f"{short_day(local.date())} {local:%H:%M}"


def amount(satang: int) -> str:
    """1,234.50"""
    return f"{Decimal(satang).scaleb(-2):,.2f}"


def price(text: str) -> str:
    """A unit price: two decimals, more only where it has them."""
    value = Decimal(text)
    cents = value.quantize(Decimal("0.01"))
    return f"{cents if cents == value else value.normalize():,f}"


def percent(rate: Decimal) -> str:
    """0.0700 → 7"""
    return f"{(rate * 100).normalize():f}"


def branch(code: str) -> tuple[str, str]:
    if code == tax_ids.HEAD_OFFICE:
        return "สำนักงานใหญ่", "Head office"
    return f"สาขาที่ {code}", f"Branch {code}"


def number_of(party: dict[str, Any]) -> str:
    """A tax id as people read it, or ''."""
    return tax_ids.grouped(party["tax_id"]) if party.get("tax_id") else ""


def charge(document: TaxDocument) -> list[tuple[str, str, str]]:
    """(Thai label, English label, value) about the charge."""
    about = document.about
    if not about.get("charger"):
        return []
    found = [
        ("สถานี", "Station", about.get("station_th") or about["station"]),
        ("เครื่อง", "Charger", f"{about['charger']} / {about['connector']}"),
    ]
    if about.get("started_at") and about.get("stopped_at"):
        start = datetime.fromisoformat(about["started_at"])
        stop = datetime.fromisoformat(about["stopped_at"])
        same = start.astimezone(LOCAL).date() == stop.astimezone(LOCAL).date()
        end = f"{stop.astimezone(LOCAL):%H:%M}" if same else moment(stop)
        found.append(("เวลาชาร์จ", "Charged", f"{moment(start)} – {end}"))
    found.append(("เลขที่การชาร์จ", "Session", str(about.get("transaction", ""))))
    return found

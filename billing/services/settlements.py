"""What a gateway says it has paid out, from its CSV: each line once, differences told, never guessed.

A line of a charge moves its net from the gateway's clearing to the bank; a fee that differs from
what the charge said is corrected. A line nobody knows is kept and posts nothing.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import AccountKind, GatewayName, Payment, SettlementRow, Transfer
from billing.money import to_satang
from billing.services import applying, ledger
from core import audit
from core.errors import DomainError
from users.models import Company, TaxEntity

MOST_ROWS = 20_000
# Names of columns as exports have them, small letters without blanks and marks.
COLUMNS: dict[str, tuple[str, ...]] = {
    "ref": ("transactionid", "transaction", "id", "ref", "transactionref"),
    "charge": ("chargeid", "charge", "origin", "sourceid", "paymentid", "description"),
    "amount": ("amount", "grossamount", "gross", "transactionamount", "chargeamount"),
    "fee": ("fee", "fees", "feeamount", "transactionfee", "gatewayfee"),
    "fee_vat": ("vat", "feevat", "vatamount", "feesvat", "transactionfeevat"),
    "net": ("net", "netamount", "settlementamount", "transferamount"),
    "date": (
        "transferdate",
        "transferredat",
        "transferredon",
        "paiddate",
        "settlementdate",
        "transferabledate",
        "date",
        "createdat",
    ),
}
_NEEDED = ("charge", "amount", "net", "date")
_DAYS = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%Y/%m/%d", "%d %b %Y")


class BadFile(DomainError):
    """The file cannot be read as a settlement at all."""

    code = "bad_file"
    message = gettext_lazy("This is no CSV file with the columns of a settlement.")


@dataclass(frozen=True, slots=True)
class Line:
    """One line as read. Satang. ``problem``: why it cannot be posted; '' where it can."""

    number: int
    ref: str = ""
    charge_ref: str = ""
    amount: int = 0
    fee: int = 0
    fee_vat: int = 0
    net: int = 0
    paid_on: date | None = None
    payment: Payment | None = None
    known: bool = False  # imported before
    problem: str = ""
    difference: str = ""  # unknown, amount, fee: told, and posted where it can be


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do."""

    lines: tuple[Line, ...] = field(default_factory=tuple)

    @property
    def fresh(self) -> tuple[Line, ...]:
        return tuple(x for x in self.lines if not x.problem and not x.known)

    @property
    def problems(self) -> tuple[Line, ...]:
        return tuple(x for x in self.lines if x.problem)

    @property
    def differences(self) -> tuple[Line, ...]:
        return tuple(x for x in self.lines if x.difference)

    @property
    def net(self) -> int:
        """Satang that would go to the bank."""
        return sum(x.net for x in self.fresh if x.payment is not None)


def preview(company: Company, gateway: str, content: bytes) -> Preview:
    """Read a file and say what each line would do; nothing is written. ``BadFile``."""
    lines = list(_read(content))
    refs = [x.charge_ref for x in lines if x.charge_ref]
    payments = {
        p.gateway_ref: p
        for p in Payment.objects.select_related("company", "tax_entity").filter(
            company=company, gateway=gateway, gateway_ref__in=refs
        )
    }
    known = set(
        SettlementRow.objects.filter(
            company=company, gateway=gateway, ref__in=[x.ref for x in lines]
        ).values_list("ref", flat=True)
    )
    seen: set[str] = set()
    found = []
    for x in lines:
        twice = x.ref in seen
        seen.add(x.ref)
        found.append(_judged(x, payments.get(x.charge_ref), x.ref in known, twice))
    return Preview(tuple(found))


def run(
    company: Company,
    gateway: str,
    content: bytes,
    *,
    actor: audit.Actor,
    tax_entity: TaxEntity | None = None,
) -> Preview:
    """Post every line that can be; lines that were imported before change nothing.

    ``tax_entity``: whose account the file is of, for lines whose charge nobody knows.
    """
    with transaction.atomic():
        company = Company.objects.select_for_update().get(pk=company.pk)  # one file at a time
        found = preview(company, gateway, content)
        for x in found.fresh:
            _post(company, gateway, x, actor, tax_entity)
        audit.record(
            actor,
            "import_settlement",
            f"company:{company.pk}",
            company_id=company.pk,
            new={
                "gateway": gateway,
                "lines": len(found.lines),
                "posted": len(found.fresh),
                "net": found.net,
                "differences": len(found.differences),
            },
        )
    return found


def _post(
    company: Company, gateway: str, x: Line, actor: audit.Actor, tax_entity: TaxEntity | None
) -> None:
    payment = x.payment
    row = SettlementRow.objects.create(
        company=company,
        tax_entity=payment.tax_entity if payment else tax_entity,
        gateway=gateway,
        ref=x.ref,
        charge_ref=x.charge_ref,
        payment=payment,
        amount=x.amount,
        fee=x.fee,
        fee_vat=x.fee_vat,
        net=x.net,
        paid_on=x.paid_on or date.min,
        difference=x.difference,
        imported_by=actor.name[:120],
    )
    if payment is None:
        return
    if x.amount > 0:
        applying.correct_fee(payment.pk, x.fee, x.fee_vat)
    row.transfer = _to_bank(company, payment, row, actor)
    row.save(update_fields=["transfer"])


def _to_bank(
    company: Company, payment: Payment, row: SettlementRow, actor: audit.Actor
) -> Transfer | None:
    if row.net == 0:
        return None
    bank = ledger.account(company, AccountKind.BANK)
    clearing = applying.clearing_of(payment)
    return ledger.transfer(
        company,
        f"settled:{company.pk}:{row.gateway}:{row.ref}",
        "settlement",
        [ledger.debit(bank, row.net), ledger.credit(clearing, row.net)],
        reason=f"{row.gateway} {row.ref}",
        actor=actor.name,
        payment_id=payment.pk,
        at=datetime.combine(row.paid_on, time(12), ZoneInfo(settings.LOCAL_ZONE)),
    )


def _judged(x: Line, payment: Payment | None, known: bool, twice: bool) -> Line:
    problem, difference = x.problem, ""
    if not problem and twice:
        problem = _("This line stands in the file twice.")
    if not problem and not known:
        difference = _difference(x, payment)
    return Line(
        x.number,
        x.ref,
        x.charge_ref,
        x.amount,
        x.fee,
        x.fee_vat,
        x.net,
        x.paid_on,
        payment,
        known,
        problem,
        difference,
    )


def _difference(x: Line, payment: Payment | None) -> str:
    if payment is None:
        return "unknown"
    if x.amount > 0 and x.amount != payment.captured:
        return "amount"
    if x.amount < 0 and -x.amount > payment.refunded:
        return "refund"
    if x.amount > 0 and (x.fee, x.fee_vat) != (payment.fee, payment.fee_vat):
        return "fee"
    return ""


def _read(content: bytes) -> Iterator[Line]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp874", errors="replace")  # Thai Windows
    rows = list(csv.reader(io.StringIO(text), _dialect(text)))
    if len(rows) < 2 or len(rows) > MOST_ROWS:
        raise BadFile
    places = _places(rows[0])
    if any(name not in places for name in _NEEDED):
        raise BadFile
    for number, row in enumerate(rows[1:], 2):
        if any(cell.strip() for cell in row):
            yield _line(number, {k: _cell(row, n) for k, n in places.items()})


def _dialect(text: str) -> type[csv.Dialect]:
    first = text.partition("\n")[0]

    class Found(csv.excel):
        delimiter = max(",;\t", key=first.count)

    return Found


def _places(header: Sequence[str]) -> dict[str, int]:
    names = ["".join(c for c in cell.casefold() if c.isalnum()) for cell in header]
    return {
        key: names.index(name)
        for key, known in COLUMNS.items()
        if (name := next((k for k in known if k in names), None)) is not None
    }


def _cell(row: Sequence[str], n: int) -> str:
    return row[n].strip() if n < len(row) else ""


def _line(number: int, cells: dict[str, str]) -> Line:
    charge = cells["charge"]
    paid_on = _day(cells["date"])
    try:
        sums = [_sum(cells.get(name, "")) for name in ("amount", "fee", "fee_vat", "net")]
    except ValueError:
        return Line(number, charge_ref=charge, problem=_("An amount cannot be read."))
    amount, fee, fee_vat, net = sums
    ref = cells.get("ref") or f"{charge}:{'refund' if amount < 0 else 'charge'}:{abs(amount)}"
    if not charge or paid_on is None:
        why = _("The charge is missing.") if not charge else _("The date cannot be read.")
        return Line(number, ref[:120], charge, problem=why)
    fits = amount - fee - fee_vat == net
    return Line(
        number,
        ref[:120],
        charge[:120],
        amount,
        fee,
        fee_vat,
        net,
        paid_on,
        problem="" if fits else _("Amount less fee and VAT is not the net."),
    )


def _sum(text: str) -> int:
    """Baht with two decimals to satang; an empty cell is nothing."""
    plain = text.replace(",", "").replace("฿", "").replace("THB", "").strip()
    return to_satang(plain) if plain else 0


def _day(text: str) -> date | None:
    words = text.strip()
    for form in _DAYS:
        shown = words[:11] if "%b" in form else words[:10]
        try:
            return datetime.strptime(shown.strip(), form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    return None


def gateways_known() -> tuple[str, ...]:
    """Gateways whose files can be read."""
    return (GatewayName.OMISE, GatewayName.SCB)

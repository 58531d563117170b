"""Who a full tax invoice is made out to: checked once, kept as a plain copy (Revenue Code s.86/4)."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from users import tax_ids
from users.models import Customer
from users.services.companies import WRONG_DIGIT

COMPANY, PERSON = "TXID", "NIDN"  # schemes of ETDA: a tax id with its branch, a citizen's number
NO_NUMBER = "OTHR"
LONGEST = {"name": 160, "address": 300, "phone": 40, "email": 200, "plate": 40}


class BadBuyer(DomainError):
    code = "bad_buyer"


@dataclass(frozen=True, slots=True)
class Buyer:
    """As typed. A company has a tax id and a branch; a person may leave the number out."""

    name: str
    address: str
    is_company: bool = True
    tax_id: str = ""
    branch_code: str = tax_ids.HEAD_OFFICE
    postcode: str = ""
    phone: str = ""
    email: str = ""
    plate: str = ""


def checked(buyer: Buyer) -> dict[str, Any]:
    """The copy that a document keeps. ``BadBuyer`` names the field."""
    name, address = _text("name", buyer.name), _text("address", buyer.address)
    if len(name) < 2:
        raise BadBuyer(_("Give the name that the invoice is made out to."), field="name")
    if len(address) < 5:
        raise BadBuyer(_("Give the address as it is registered."), field="address")
    tax_id = _number(buyer)
    branch = tax_ids.plain(buyer.branch_code) or tax_ids.HEAD_OFFICE
    if buyer.is_company and not tax_ids.is_branch(branch):
        raise BadBuyer(_("A branch has 5 digits; 00000 is the head office."), field="branch_code")
    postcode = tax_ids.plain(buyer.postcode)
    if postcode and not tax_ids.is_postcode(postcode):
        raise BadBuyer(_("A postcode has 5 digits."), field="postcode")
    line = address if not postcode or postcode in address else f"{address} {postcode}"
    scheme = COMPANY if buyer.is_company else PERSON
    return {
        "name": name,
        "tax_id": tax_id,
        "id_scheme": scheme if tax_id else NO_NUMBER,
        "branch_code": branch if buyer.is_company else "",
        "address": {"line": line, "postcode": postcode, "country": "TH"},
        "phone": _text("phone", buyer.phone),
        "email": _text("email", buyer.email),
    }


def plate_of(buyer: Buyer) -> str:
    return _text("plate", buyer.plate)


def remembered(customer: Customer | None) -> Buyer | None:
    """What the customer's last full invoice was made out to."""
    return as_typed(customer.buyer) if customer is not None and customer.buyer else None


def as_typed(kept: dict[str, Any], plate: str = "") -> Buyer:
    """A document's copy as the form shows it."""
    address = kept.get("address", {})
    return Buyer(
        name=kept.get("name", ""),
        address=address.get("line", ""),
        is_company=kept.get("id_scheme") == COMPANY,
        tax_id=kept.get("tax_id", ""),
        branch_code=kept.get("branch_code", ""),
        postcode=address.get("postcode", ""),
        phone=kept.get("phone", ""),
        email=kept.get("email", ""),
        plate=plate,
    )


def _number(buyer: Buyer) -> str:
    tax_id = tax_ids.plain(buyer.tax_id)
    if not tax_id and not buyer.is_company:
        return ""
    if not tax_id:
        raise BadBuyer(_("A company’s invoice needs its tax id."), field="tax_id")
    if len(tax_id) != tax_ids.DIGITS or not (tax_id.isascii() and tax_id.isdigit()):
        raise BadBuyer(_("A tax id has 13 digits."), field="tax_id")
    if not tax_ids.is_tax_id(tax_id):
        raise BadBuyer(WRONG_DIGIT, field="tax_id")
    return tax_id


def _text(field: str, typed: str) -> str:
    found = " ".join("".join(c if c.isprintable() else " " for c in typed).split())
    if len(found) > LONGEST[field]:
        raise BadBuyer(_("This is too long."), field=field)
    return found

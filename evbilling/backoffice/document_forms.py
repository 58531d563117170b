"""Forms about tax documents. What the numbers mean is checked by the services, once."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.services.buyers import Buyer
from billing.services.document_changes import CREDIT_REASONS, PURPOSES
from evbilling.forms import Form

WHO = [("company", _("A company")), ("person", _("A person"))]


class BuyerForm(Form):
    """Whom the document is made out to."""

    who = forms.ChoiceField(label=_("For"), choices=WHO, initial="company")
    name = forms.CharField(label=_("Name"), max_length=200, required=False)
    tax_id = forms.CharField(
        label=_("Tax id"),
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text=_("13 digits. A person may leave it out."),
    )
    branch_code = forms.CharField(
        label=_("Branch"),
        max_length=10,
        required=False,
        initial="00000",
        help_text=_("00000 is the head office."),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    address = forms.CharField(
        label=_("Address"),
        max_length=400,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    postcode = forms.CharField(
        label=_("Postcode"),
        max_length=10,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    email = forms.CharField(label=_("E-mail"), max_length=200, required=False)
    plate = forms.CharField(label=_("Number plate"), max_length=60, required=False)

    @staticmethod
    def initial_of(buyer: Buyer | None) -> dict[str, Any]:
        if buyer is None:
            return {}
        return {
            "who": "company" if buyer.is_company else "person",
            "name": buyer.name,
            "tax_id": buyer.tax_id,
            "branch_code": buyer.branch_code or "00000",
            "address": buyer.address,
            "postcode": buyer.postcode,
            "email": buyer.email,
            "plate": buyer.plate,
        }

    def buyer(self) -> Buyer:
        """As typed; ``buyers.checked`` says what is wrong with it."""
        found = self.cleaned_data
        return Buyer(
            name=found["name"],
            address=found["address"],
            is_company=found["who"] == "company",
            tax_id=found["tax_id"],
            branch_code=found["branch_code"],
            postcode=found["postcode"],
            email=found["email"],
            plate=found["plate"],
        )


class FullForm(BuyerForm):
    """A full one in its place, or one with other data."""

    purpose = forms.ChoiceField(
        label=_("Why"), choices=[(key, words) for key, (_code, _thai, words) in PURPOSES.items()]
    )
    reason = forms.CharField(label=_("Remark"), max_length=300, required=False)


class VoidForm(Form):
    reason = forms.CharField(label=_("Why"), max_length=300, required=False)


class OutsideForm(Form):
    number = forms.CharField(label=_("Number on the paper"), max_length=60, required=False)
    name = forms.CharField(label=_("Name of the buyer"), max_length=200, required=False)
    tax_id = forms.CharField(label=_("Tax id"), max_length=30, required=False)
    branch_code = forms.CharField(label=_("Branch"), max_length=10, required=False, initial="00000")
    address = forms.CharField(label=_("Address"), max_length=400, required=False)

    def buyer(self) -> Buyer | None:
        """None where no name is given: then the number alone is kept."""
        found = self.cleaned_data
        if not found["name"]:
            return None
        return Buyer(
            name=found["name"],
            address=found["address"],
            is_company=bool(found["tax_id"]),
            tax_id=found["tax_id"],
            branch_code=found["branch_code"],
        )


class CreditForm(BuyerForm):
    """What should have been billed, and why."""

    correct_total = forms.CharField(
        label=_("Correct amount in baht, VAT included"),
        max_length=20,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    reason_code = forms.ChoiceField(
        label=_("Why"), choices=[(code, words) for code, (_thai, words) in CREDIT_REASONS.items()]
    )
    reason = forms.CharField(label=_("Remark"), max_length=300, required=False)


class LegalForm(Form):
    """A legal person that issues documents."""

    name = forms.CharField(label=_("Registered name"), max_length=160, required=False)
    name_en = forms.CharField(label=_("Name in English"), max_length=160, required=False)
    tax_id = forms.CharField(
        label=_("Tax id"),
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    branch_code = forms.CharField(
        label=_("Branch"),
        max_length=5,
        required=False,
        initial="00000",
        help_text=_("As in the VAT certificate (ภ.พ.20); 00000 is the head office."),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    branch_name = forms.CharField(label=_("Name of the branch"), max_length=120, required=False)
    house_number = forms.CharField(label=_("House number"), max_length=40, required=False)
    building = forms.CharField(label=_("Building, village"), max_length=120, required=False)
    street = forms.CharField(label=_("Lane, street"), max_length=120, required=False)
    subdistrict = forms.CharField(label=_("Subdistrict"), max_length=80, required=False)
    district = forms.CharField(label=_("District"), max_length=80, required=False)
    province = forms.CharField(label=_("Province"), max_length=80, required=False)
    postcode = forms.CharField(
        label=_("Postcode"),
        max_length=5,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    phone = forms.CharField(label=_("Phone"), max_length=40, required=False)
    email = forms.EmailField(label=_("E-mail"), required=False)
    vat_registered_from = forms.DateField(
        label=_("Registered for VAT from"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Empty: not registered. Receipts are issued then, without VAT."),
    )
    vat_registered_to = forms.DateField(
        label=_("until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Empty: still registered."),
    )

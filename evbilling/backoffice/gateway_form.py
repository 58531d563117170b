"""The form of one entity's account at one gateway. Secrets are typed in and never shown again."""

from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from billing.models import GatewayAccount, GatewayName
from billing.money import to_baht, to_satang
from billing.payments.base import Method
from billing.services import gateway_accounts, gateways
from evbilling.forms import Form

LONGEST = 300
KEPT = _("One is set and never shown. Leave the box empty to keep it.")


def _secret(label: Any, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=False,
        max_length=LONGEST,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class OmiseForm(Form):
    """Keys of Omise, and what its contract allows."""

    public_key = forms.CharField(label=_("Public key"), required=False, max_length=LONGEST)
    secret_key = _secret(_("Secret key"))
    webhook_secret = _secret(
        _("Webhook secret"),
        _("Empty: webhooks are taken as a hint only, and Omise is asked each time."),
    )
    promptpay_least = forms.DecimalField(
        label=_("Smallest PromptPay payment, ฿"),
        min_value=Decimal("1"),
        max_value=Decimal("150000"),
        decimal_places=2,
        initial=Decimal("20.00"),
    )
    promptpay_refund = forms.BooleanField(
        label=_("Omise pays PromptPay back, also in parts"), required=False, initial=True
    )
    card_part = forms.BooleanField(
        label=_("The contract allows to take less than was held on a card"),
        required=False,
        initial=True,
    )
    enabled = forms.BooleanField(label=_("In use"), required=False, initial=True)


class ScbForm(Form):
    """Keys of SCB's Open API, and the biller."""

    biller_id = forms.CharField(label=_("Biller id (15 digits)"), required=False, max_length=15)
    ref3 = forms.CharField(
        label=_("Prefix of reference 3"), required=False, max_length=20, initial="SCB"
    )
    api_key = _secret(_("API key"))
    api_secret = _secret(_("API secret"))
    enabled = forms.BooleanField(label=_("In use"), required=False, initial=True)


FORMS: dict[str, type[Form]] = {
    GatewayName.OMISE.value: OmiseForm,
    GatewayName.SCB.value: ScbForm,
}


def form_for(gateway: str, account: GatewayAccount | None, data: QueryDict | None = None) -> Form:
    """The form as it stands, or as it was sent."""
    initial: dict[str, Any] = {}
    if account is not None:
        initial = {**account.settings, "enabled": account.enabled}
        if gateway == GatewayName.OMISE:
            initial |= _of_methods(account)
    form = (
        FORMS[gateway](data, initial=initial)
        if data is not None
        else FORMS[gateway](initial=initial)
    )
    known = gateway_accounts.secrets_known(account) if account else frozenset()
    for name in known & set(form.fields):
        form.fields[name].help_text = KEPT
    return form


def values_of(gateway: str, account: GatewayAccount | None, form: Form) -> dict[str, Any]:
    """What a valid form says, as ``gateway_accounts.save`` takes it."""
    values = dict(form.cleaned_data)
    if gateway != GatewayName.OMISE:
        return values
    changes: dict[str, Any] = dict((account.settings.get("capabilities") or {}) if account else {})
    refund = values.pop("promptpay_refund")
    least = to_satang(values.pop("promptpay_least"))
    said = {
        Method.PROMPTPAY.value: {"least": least, "refund": refund, "partial_refund": refund},
        Method.CARD.value: {"partial_capture": values.pop("card_part")},
    }
    for method, fields in said.items():
        changes[method] = {**(changes.get(method) or {}), **fields}
    return {**values, "capabilities": changes}


def _of_methods(account: GatewayAccount) -> dict[str, Any]:
    table = gateways.capabilities_of(account.gateway, account)
    found: dict[str, Any] = {}
    if promptpay := table.get(Method.PROMPTPAY):
        found["promptpay_least"] = f"{to_baht(promptpay.least):.2f}"
        found["promptpay_refund"] = promptpay.refund
    if card := table.get(Method.CARD):
        found["card_part"] = card.partial_capture
    return found

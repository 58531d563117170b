"""What the page says of money: why it did not come, why it goes back, and where it is."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import (
    Payment,
    Purchase,
    Refund,
    RefundReason,
    RefundRoute,
    RefundState,
)
from billing.payments.base import Method
from evbilling.customer.words import Note
from evbilling.templatetags.ui import moment
from stations.selectors.visits import Place
from stations.services.connectors import offline_since

Text = str | Promise

# The gateway's word for a refusal -> what the payer can do. Omise's codes (docs.omise.co).
_OTHER_CARD = gettext_lazy("Use another card, or pay with PromptPay.")
_ASK_BANK = gettext_lazy("Your bank said no. Ask the bank, or use another way to pay.")
DECLINED: dict[str, Text] = {
    "insufficient_fund": gettext_lazy(
        "The limit or the balance is too low. Choose less, or use another card."
    ),
    "insufficient_balance": gettext_lazy(
        "The balance is too low. Choose less, or pay from another account."
    ),
    "stolen_or_lost_card": _OTHER_CARD,
    "invalid_account_number": gettext_lazy("The card's number is not right. Enter it again."),
    "invalid_account": _OTHER_CARD,
    "invalid_card": gettext_lazy("The card's number is not right. Enter it again."),
    "invalid_security_code": gettext_lazy(
        "The three digits on the back are not right. Enter the card again."
    ),
    "expired_card": _OTHER_CARD,
    "payment_cancelled": gettext_lazy("The payment was cancelled at the bank. Start again."),
    "payment_expired": gettext_lazy("The time at the bank was over. Start again."),
    "timeout": gettext_lazy("The bank did not answer in time. Try again."),
    "failed_fraud_check": _OTHER_CARD,
    "payment_rejected": _ASK_BANK,
    "failed_processing": _ASK_BANK,
}

WHY_BACK: dict[str, Text] = {
    RefundReason.NOT_STARTED: gettext_lazy("The charger did not start."),
    RefundReason.NOT_PLUGGED: gettext_lazy("Nobody plugged in in time."),
    RefundReason.TAKEN: gettext_lazy("Somebody else was faster at this plug."),
    RefundReason.LATE: gettext_lazy("The money came after the time was over."),
    RefundReason.TWICE: gettext_lazy("It was paid twice."),
    RefundReason.ADMIN: gettext_lazy("The station's office gave it back."),
}


def failed(payment: Payment) -> Note:
    """The gateway or the bank said no."""
    why = DECLINED.get(
        payment.failure_code, _("The bank did not say why. Try again or another way.")
    )
    return Note(
        "bad",
        "alert-circle",
        _("The payment did not go through"),
        _("Nothing was charged.") + f" {why}",
    )


def expired(payment: Payment) -> Note:
    """Its time is over; money that comes all the same goes back."""
    if payment.method == Method.PROMPTPAY:
        title = _("The time of this QR is over")
        text = _("Do not pay it any more. If you have just paid, the money comes back by itself.")
    elif payment.method == Method.CARD:
        title = _("The time to enter the card is over")
        text = _("Nothing was charged.")
    else:
        title = _("The time to pay is over")
        text = _("If you have just paid, the money comes back by itself.")
    return Note("plug", "clock-hour-4", title, text)


def returned(purchase: Purchase) -> Text:
    """Why the money goes back."""
    closed, until = purchase.closed_at, purchase.start_by
    if purchase.problem == RefundReason.NOT_PLUGGED and closed and until and closed < until:
        return _("The charge was cancelled before it began.")
    return WHY_BACK.get(purchase.problem, _("The charge was cancelled before it began."))


def where(refund: Refund, payment: Payment) -> Note:
    """Where the money of a refund is, and what the guest has to do, if anything."""
    if refund.state == RefundState.DONE:
        return Note("ok", "circle-check", _("Paid back"), _done(refund, payment))
    if refund.state == RefundState.WAITING:
        until = moment(refund.link_until) if refund.link_until else ""
        text = _("Give us a PromptPay number until %(time)s and it is sent there.") % {
            "time": until
        }
        return Note("wait", "wallet", _("Where may we send it?"), text)
    if refund.route == RefundRoute.GATEWAY:
        return Note("plug", "arrow-back-up", _("On its way back"), _way_back(payment))
    if refund.route == RefundRoute.WALLET:
        return Note("plug", "wallet", _("On its way into your wallet"), "")
    text = _("The station's office sends it to the number you gave.")
    if not refund.promptpay:
        text = _("The station's office pays it back. Show them the reference.")
    return Note("plug", "clock-hour-4", _("Waiting for the station's office"), text)


def _done(refund: Refund, payment: Payment) -> str:
    if refund.route == RefundRoute.WALLET:
        return _("It is in your wallet.")
    if refund.route == RefundRoute.GATEWAY:
        return _way_back(payment)
    return _("It was sent to your PromptPay number.") if refund.promptpay else ""


def _way_back(payment: Payment) -> str:
    if payment.method == Method.CARD:
        return _("Back to the card you paid with. The bank shows it within some days.")
    return _("Back to the account you paid from. The bank shows it within some days.")


def away(place: Place) -> Note:
    """Paid, and the charger is gone: it may come back in time."""
    return Note(
        "off",
        "plug-connected-x",
        _("The charger has lost its connection since %(since)s")
        % {"since": moment(offline_since(place.connector.charger))},
        _("If it comes back, the charge starts by itself. If not, all of the money goes back."),
    )


def not_now_away(place: Place) -> Note:
    """An unpaid QR at a plug that would not start."""
    return Note(
        "bad",
        "plug-connected-x",
        _("Do not pay now: the charger cannot start"),
        _(
            "If you have paid already, the money comes back by itself. As soon as the charger is ready, this page goes on."
        ),
    )


def not_now_taken() -> Note:
    """Somebody else has the plug now."""
    return Note(
        "bad",
        "users",
        _("Do not pay now: somebody else was faster"),
        _("Another car has this plug. If you have paid already, the money comes back by itself."),
    )

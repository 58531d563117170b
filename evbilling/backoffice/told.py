"""What was told to whom, when and how; what could not be delivered, and trying again."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from core import audit
from evbilling.backoffice.chips import chip
from evbilling.backoffice.gate import AdminRequest, actor, needs, one, rows
from evbilling.states import State
from stations.selectors import keyset
from users.access import Action, may
from users.messages import sending, texts
from users.models import Channel, Message, MessageStatus

LOOKS: dict[str, tuple[str, str]] = {
    MessageStatus.QUEUED: ("wait", "loader-2"),
    MessageStatus.SENT: ("ok", "check"),
    MessageStatus.FAILED: ("bad", "alert-triangle"),
    MessageStatus.HELD_BACK: ("wait", "player-pause"),
    MessageStatus.NO_CHANNEL: ("off", "eye"),
}
KINDS: dict[str, str | Promise] = {
    "session_billed": gettext_lazy("Charging finished"),
    "nearly_full": gettext_lazy("Nearly full"),
    "grace_ending": gettext_lazy("Move the car"),
    "charger_fault": gettext_lazy("The charger has a fault"),
    "money_back": gettext_lazy("Your money comes back"),
    "payment_late": gettext_lazy("Money came too late"),
    "refund_done": gettext_lazy("Paid back"),
    "refund_link": gettext_lazy("Where may we pay it back?"),
    "statement_issued": gettext_lazy("Monthly bill"),
    "statement_due": gettext_lazy("Soon to be paid"),
    "statement_overdue": gettext_lazy("Not paid yet"),
    "document": gettext_lazy("Document"),
}
AGAIN = (MessageStatus.FAILED, MessageStatus.HELD_BACK)


@dataclass(frozen=True, slots=True)
class Shown:
    """A message in the list."""

    row: Message

    @property
    def kind(self) -> str:
        return str(KINDS.get(self.row.kind, self.row.kind))

    @property
    def text(self) -> str:
        return texts.text_of(self.row)

    @property
    def state(self) -> State:
        word = self.row.get_status_display()
        return State(*LOOKS[self.row.status], word, word)

    @property
    def channel(self) -> str:
        return self.row.get_channel_display() if self.row.channel else _("on our pages only")

    @property
    def to(self) -> str:
        """An e-mail address is shown; a LINE id tells a person nothing."""
        if self.row.customer is not None:
            return str(self.row.customer)
        return self.row.address if self.row.channel == Channel.EMAIL else _("Guest")

    @property
    def session(self) -> int | None:
        found = self.row.payload.get("session")
        return found if isinstance(found, int) else None

    @property
    def waits(self) -> bool:
        """Has failed, and is tried again by itself."""
        return self.row.status == MessageStatus.QUEUED and self.row.attempts > 0

    @property
    def again(self) -> bool:
        return self.row.status in AGAIN


@needs(Action.VIEW)
def index(request: AdminRequest) -> HttpResponse:
    words = {key: str(word) for key, word in MessageStatus.choices}
    channels = {key: str(word) for key, word in Channel.choices}
    kinds = {key: str(word) for key, word in KINDS.items()}
    found = _visible(request).select_related("customer", "company")
    for name, known in (("status", words), ("channel", channels), ("kind", kinds)):
        if (value := request.GET.get(name, "")) in known:
            found = found.filter(**{name: value})
    page = keyset.page(found, "created_at", keyset.parse(request.GET.get("at", "")))
    chips = [
        chip(request, "status", _("Result"), words),
        chip(request, "channel", _("Channel"), channels),
        chip(request, "kind", _("About"), kinds),
    ]
    context = {
        "page": page,
        "shown": [Shown(row) for row in page.rows],
        "chips": chips,
        "filtered": any(each.active for each in chips),
        "may_retry": may(request.admin, Action.RETRY_DELIVERY),
        "retried": request.GET.get("retried", ""),
        "now": timezone.now(),
    }
    part = "#rows" if request.GET.get("part") == "rows" else ""
    return render(request, f"backoffice/told.html{part}", context)


@require_POST
@needs(Action.RETRY_DELIVERY)
def retry(request: AdminRequest, pk: int) -> HttpResponse:
    """Send it after all, with all its chances back."""
    row = one(request, _visible(request), pk=pk)
    sending.try_again(row)
    audit.record(
        actor(request), "retry_message", f"message:{row.pk}", company_id=request.company.pk
    )
    return redirect(f"{reverse('told')}?retried={row.pk}")


def _visible(request: AdminRequest) -> Any:
    """The company's; for an admin with some stations only what is about theirs."""
    found = rows(request, Message.objects.all())
    if not request.admin.all_stations:
        mine = list(request.admin.limited_stations.values_list("pk", flat=True))
        found = found.filter(payload__station_id__in=mine)
    return found

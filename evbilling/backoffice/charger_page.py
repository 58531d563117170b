"""What the tabs of one charger show."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from billing.selectors import running as running_costs
from billing.selectors import tariffs
from billing.selectors.tariffs import LevelPrice
from evbilling import qr
from evbilling.backoffice import curves
from evbilling.backoffice.curves import Curve
from evbilling.backoffice.gate import AdminRequest, one, rows
from evbilling.backoffice.moments import LOCAL, midnight
from evbilling.backoffice.timeline import happenings
from evbilling.states import State, state_of
from evbilling.templatetags.ui import kw
from stations.configuring import DRIFT
from stations.models import (
    Case,
    Charger,
    CommandStatus,
    ConfigurationTemplate,
    Connector,
    Reservation,
    Session,
)
from stations.models.command import OPEN
from stations.selectors import cases, chargers, configuration, findings, sessions
from stations.selectors.chargers import Plug, online_of
from stations.selectors.reservations import open_at
from stations.selectors.sessions import Sampled
from stations.services.connectors import offline_since
from users.access import Action, may

SHORTEST_CURVE = timedelta(minutes=10)  # so that a young curve does not jump about


@dataclass(frozen=True, slots=True)
class Card:
    """A connector on the live tab."""

    plug: Plug
    state: State
    price: LevelPrice
    satang: int | None = None
    curve: Curve | None = None
    reservation: Reservation | None = None

    @property
    def page_url(self) -> str:
        return page_url(self.plug.connector)


def charger_of(request: AdminRequest, charge_point_id: str) -> Charger:
    """The admin's charger of that name, whatever its case, or 404."""
    found = chargers.with_online(Charger.objects.all()).select_related("station__company")
    return one(request, found, charge_point_id__iexact=charge_point_id)


def network_state(online: bool) -> State:
    """Network status, Normal or Fail: the brochure's words."""
    if online:
        return State("ok", "check", _("Normal"), _("Normal"))
    return State("off", "plug-connected-x", _("Fail"), _("Fail"))


def frame(request: AdminRequest, charger: Charger, tab: str) -> dict[str, Any]:
    """What stands above every tab."""
    online = online_of(charger)
    tabs = (
        ("live", "charger", _("Live")),
        ("sessions", "charger-sessions", _("Charges")),
        ("frames", "charger-frames", _("Frames")),
        ("communication", "charger-communication", _("Communication")),
        ("commissioning", "charger-commissioning", _("Set-up")),
        ("doctor", "charger-doctor", _("Doctor")),
        ("security", "charger-security", _("Security")),
        ("files", "charger-files", _("Files")),
        ("forwarding", "charger-forwarding", _("Forwarding")),
        ("acceptance", "charger-acceptance", _("Acceptance test")),
    )
    return {
        "charger": charger,
        "station": charger.station,
        "online": online,
        "network": network_state(online),
        "network_since": charger.connected_at if online else offline_since(charger),
        "tab": tab,
        "tabs": [
            (key, reverse(name, args=[charger.charge_point_id]), word) for key, name, word in tabs
        ],
        "may_switch": may(request.admin, Action.SWITCH_CHARGER),
        "may_command": may(request.admin, Action.COMMAND_CHARGER),
        "may_edit": may(request.admin, Action.EDIT_CHARGER),
    }


def live(charger: Charger) -> dict[str, Any]:
    """Every plug with what it is doing now."""
    now = timezone.now()
    plugs = chargers.plugs(chargers.connectors_of([charger.pk]), with_last=True)
    running = [p.session for p in plugs if p.session is not None]
    readings = sessions.samples_of([s.pk for s in running]) if running else {}
    costs = _costs(running) if running else {}
    prices = {
        price.level: price for price in tariffs.in_force([charger.station], now)[charger.station_id]
    }
    enabled = charger.enabled and charger.station.enabled
    found = open_at(charger.pk)
    reservations = {row.connector_id: row for row in found if row.connector_id}
    cards = []
    for plug in plugs:
        session = plug.session
        state = state_of(plug.connector.status, online=plug.online, enabled=enabled)
        if session is None:
            kept = reservations.get(plug.connector.pk)
            cards.append(Card(plug, state, prices["guest"], reservation=kept))
            continue
        cards.append(
            Card(
                plug,
                state,
                prices.get(session.level, prices["guest"]),
                costs.get(session.pk),
                power_curve(readings[session.pk], session.started_at, now, plug.connector),
            )
        )
    return {"cards": cards, "now": now, "open_reservations": found}


def _costs(running: list[Session]) -> dict[int, int]:
    """Satang so far, of all plugs at once."""
    found = Session.objects.filter(pk__in=[s.pk for s in running])
    return running_costs.costs(running_costs.with_tariff(found).select_related("live", "station"))


def power_curve(
    readings: list[Sampled], start: datetime, end: datetime, connector: Connector
) -> Curve | None:
    """Power since the start under the plug's most."""
    points = [(r.at, r.power_w / 1000) for r in readings if r.power_w is not None]
    return curves.curve(
        points,
        start,
        max(end, start + SHORTEST_CURVE),
        zone=LOCAL,
        ceiling=connector.max_power_w / 1000,
        ceiling_label=_("at most %(kw)s kW") % {"kw": kw(connector.max_power_w)},
    )


def happened(charger: Charger) -> dict[str, Any]:
    return {"timeline": happenings(chargers.timeline(charger, midnight()))}


def troubles(request: AdminRequest, charger: Charger) -> dict[str, Any]:
    """What needs a person: open cases, somebody at the door with a wrong password."""
    return {
        "cases": cases.of_charger(rows(request, Case.objects.all()), charger.pk)[:5],
        "wrong_password": chargers.wrong_passwords(charger),
        "waits_for_plug": findings.waiting_for_plug(charger),
    }


def communication(charger: Charger) -> dict[str, Any]:
    """How it is connected, its own settings as last read, and the codes on its stickers."""
    return settings_of(charger) | {
        "ocpp_url": ocpp_url(charger.charge_point_id),
        "tls_url": ocpp_tls_url(charger.charge_point_id),
        "boot": sorted(charger.boot_info.items()),
        "stickers": [sticker(c) for c in chargers.connectors_of([charger.pk])],
        "wrong_password": chargers.wrong_passwords(charger),
        "heartbeat_s": settings.OCPP_HEARTBEAT_SECONDS,
    }


def settings_of(charger: Charger) -> dict[str, Any]:
    """Its settings as stored beside what is wanted, and how the last reading stands."""
    newest = charger.commands.filter(action="GetConfiguration", payload={}).order_by("-id").first()
    waiting = newest is not None and newest.status in OPEN
    failed = newest is not None and not waiting and newest.status != CommandStatus.ACCEPTED
    setup = configuration.setup_of(charger)
    found = configuration.settings_of(charger, setup)
    template = configuration.template_of(charger, setup)
    return {
        "setup": setup,
        "settings": found,
        "drifted": [each for each in found if each.state == DRIFT],
        "read_at": setup.read_at if setup else None,
        "reading": waiting,
        "reading_failed": newest if failed else None,
        "template": template,
        "own_template": setup.template_id if setup else None,
        "templates": list(
            ConfigurationTemplate.objects.filter(company_id=charger.station.company_id)
        ),
        "changes": configuration.changes_of(charger),
    }


def sticker(connector: Connector) -> tuple[Connector, str, SafeString]:
    """A connector, where its code leads, and the code as a picture."""
    url = page_url(connector)
    return (
        connector,
        url,
        qr.svg(url, _("QR code of connector %(n)s") % {"n": connector.connector_id}),
    )


def page_url(connector: Connector) -> str:
    """What the QR on the connector opens."""
    return f"{settings.PUBLIC_URL}/c/{connector.code}"


def ocpp_url(charge_point_id: str) -> str:
    """What is typed into the charger. With a TLS port of its own, the plain one stays plain."""
    secure = bool(settings.TLS_CERT) or settings.HTTPS
    scheme = "wss" if secure and not settings.OCPP_TLS_PORT else "ws"
    host = urlsplit(settings.PUBLIC_URL).hostname
    return f"{scheme}://{host}:{settings.OCPP_PORT}/ocpp/1.6/{charge_point_id}"


def ocpp_tls_url(charge_point_id: str) -> str:
    """What is typed into it for profiles 2 and 3; '' where there is no TLS at all."""
    if not settings.OCPP_TLS:
        return ""
    port = settings.OCPP_TLS_PORT or settings.OCPP_PORT
    host = urlsplit(settings.PUBLIC_URL).hostname
    return f"wss://{host}:{port}/ocpp/1.6/{charge_point_id}"

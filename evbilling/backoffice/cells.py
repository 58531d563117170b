"""One plug on the board, as markup: hundreds of them stand on a page, so they are made without a template."""

from typing import TYPE_CHECKING

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from evbilling.templatetags.ui import ago_short, clock, icon, kw, kwh, live, meter, since
from stations.models import ConnectorStatus, Session

if TYPE_CHECKING:
    from evbilling.backoffice.board import Seen


def cell(seen: "Seen") -> SafeString:
    """Tint = state; icon, word and figures; the line at the foot = power.

    Only the figures of a charge can be too old: a state holds until the charger says another.
    """
    state, session = seen.state, seen.session
    css = f"cell {state.css}"
    charging = session is not None and seen.status == ConnectorStatus.CHARGING
    return format_html(
        '<a {} href="{}" title="{} · {} · {}"><b><span class="cut">{}</span>{}</b>{}</a>',
        live(session.live.at, css) if session and charging else format_html('class="{}"', css),
        seen.url,
        seen.name,
        state.word,
        since(seen.since),
        seen.name,
        icon(state.icon),
        _charging(seen, session) if session and charging else _resting(seen),
    )


def _charging(seen: "Seen", session: Session) -> SafeString:
    at, done = session.live.at, seen.ends_at
    progress = (
        _("done %(at)s") % {"at": clock(done)} if done else f"{kwh(session.live.energy_wh, 1)} kWh"
    )
    return format_html(
        '<span>{} kW<span class="vh"> {}</span></span><span class="until">{}</span>'
        '<span class="asof">{}</span>{}',
        kw(session.live.power_w),
        seen.state.word,
        progress,
        _("as of %(at)s") % {"at": clock(at)},
        meter(session.live.power_w, seen.plug.connector.max_power_w),
    )


def _resting(seen: "Seen") -> SafeString:
    return format_html("<span>{}</span><span>{}</span>", seen.state.short, ago_short(seen.since))

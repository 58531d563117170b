"""How a charge begins, is measured and ends, and the messages that tell the server so."""

from functools import partial
from typing import TYPE_CHECKING

from simulators.car import Car
from simulators.connector import Authorisation, Connector, Session
from simulators.journal import Payload
from simulators.ocpp_link import CallFailed
from simulators.outbox import Request
from simulators.profiles import TX
from simulators.samples import read, sampled_values

if TYPE_CHECKING:
    from simulators.charger import ChargePoint

ACCEPTED = "Accepted"


class Sessions:
    """The transactions of one charge point."""

    def __init__(self, point: "ChargePoint") -> None:
        self._point = point

    # The car and the card

    def plug(self, connector: Connector, car: Car) -> None:
        """A cable goes in. Raises ValueError if there is one already."""
        if connector.car is not None:
            raise ValueError(f"connector {connector.number} has a car already")
        connector.car = car
        if connector.session is None and connector.authorisation is not None:
            self._begin(connector, connector.authorisation)
        self._point.refresh()

    def unplug(self, connector: Connector) -> None:
        """The cable comes out; a session ends at once if the charger is set so."""
        connector.meter.settle()
        if self._point.configuration.flag("StopTransactionOnEVSideDisconnect"):
            self.stop(connector, "EVDisconnected", ramp=False)
        connector.car = None
        connector.finishing = False
        self._point.refresh()

    async def tap(self, connector: Connector, id_tag: str) -> str:
        """A card at the reader: it ends its own session, or asks to begin one.

        Returns the idTagInfo status, or ``Stopped``.
        """
        if connector.session is not None:
            return await self._tap_to_stop(connector, connector.session, id_tag)
        info = await self.authorise(id_tag)
        if info["status"] != ACCEPTED:
            self._point.say(f"connector {connector.number}: card {id_tag} is {info['status']}")
            return str(info["status"])
        return self.admit(connector, Authorisation(id_tag, info.get("parentIdTag", "")))

    async def _tap_to_stop(self, connector: Connector, session: Session, id_tag: str) -> str:
        own = id_tag.casefold() == session.id_tag.casefold()
        if own and self._point.hardware.asks_to_stop:
            info = await self.authorise(id_tag)
            if info["status"] != ACCEPTED:
                return str(info["status"])
        if not own:
            info = await self.authorise(id_tag)
            parent = info.get("parentIdTag", "")
            if info["status"] != ACCEPTED or not parent or parent != session.parent_id_tag:
                return "Invalid"
        self.stop(connector, "Local", id_tag=id_tag)
        return "Stopped"

    async def authorise(self, id_tag: str) -> Payload:
        """The idTagInfo of a card: from the server, or the charger's own when that is away."""
        point = self._point
        info = point.cards.pre_authorised(id_tag)
        if info is not None:
            return info
        try:
            result = await point.link.call("Authorize", {"idTag": id_tag}, urgent=True)
        except CallFailed as failure:
            point.say(f"Authorize got no answer ({failure}): deciding alone")
            return point.cards.offline_verdict(id_tag)
        info = result["idTagInfo"]
        point.cards.remember(id_tag, info)
        return dict(info)

    def admit(self, connector: Connector, authorisation: Authorisation) -> str:
        """Somebody may charge here: begin, or wait for the cable for ConnectionTimeOut seconds."""
        if not self.is_free_for(connector, authorisation):
            return "Invalid"
        if connector.car is not None:
            self._begin(connector, authorisation)
        else:
            connector.authorisation = authorisation
            seconds = self._point.configuration.number("ConnectionTimeOut")
            give_up = partial(self._give_up_waiting, connector, authorisation)
            connector.set_timer("cable", self._point.time.call_later(seconds, give_up))
        self._point.refresh()
        return ACCEPTED

    def is_free_for(self, connector: Connector, authorisation: Authorisation) -> bool:
        """Whether this card may begin a session there now, reservations respected."""
        if connector.session is not None or connector.status in ("Faulted", "Unavailable"):
            return False
        reservation = connector.reservation
        if reservation is None:
            return True
        same_card = reservation.id_tag.casefold() == authorisation.id_tag.casefold()
        parent = reservation.parent_id_tag
        return same_card or bool(parent and parent == authorisation.parent_id_tag)

    def _give_up_waiting(self, connector: Connector, authorisation: Authorisation) -> None:
        if connector.authorisation is authorisation:
            self._point.say(f"connector {connector.number}: no cable within ConnectionTimeOut")
            connector.authorisation = None
            self._point.refresh()

    def remote_start(self, connector: Connector, authorisation: Authorisation) -> None:
        """The server asks for a session; the card is asked about first if the key says so."""
        if self._point.configuration.flag("AuthorizeRemoteTxRequests"):
            self._point.spawn(self._authorise_remote(connector, authorisation))
        else:
            self.admit(connector, authorisation)

    async def _authorise_remote(self, connector: Connector, wish: Authorisation) -> None:
        info = await self.authorise(wish.id_tag)
        if info["status"] == ACCEPTED:
            parent = info.get("parentIdTag", "")
            self.admit(connector, Authorisation(wish.id_tag, parent, wish.profile))

    # Begin

    def _begin(self, connector: Connector, authorisation: Authorisation) -> None:
        point = self._point
        now = point.time.seconds()
        session = Session(
            connector=connector.number,
            id_tag=authorisation.id_tag,
            started_at=now,
            meter_start=connector.meter.read_wh(),
            parent_id_tag=authorisation.parent_id_tag,
        )
        payload: Payload = {
            "connectorId": connector.number,
            "idTag": session.id_tag,
            "meterStart": session.meter_start,
            "timestamp": point.clock.stamp(now),
        }
        if connector.reservation is not None:
            payload["reservationId"] = connector.reservation.id
            connector.reservation = None
        if authorisation.profile is not None:
            point.profiles.install(authorisation.profile)
        connector.set_timer("cable", None)
        connector.set_timer("reservation", None)
        connector.begin(session)
        self._remember_sample(connector, session, "Transaction.Begin")
        point.link.post(
            "StartTransaction", payload, kept=True, done=partial(self._started, connector, session)
        )
        self.plan_sample(connector, session, now)

    def _started(self, connector: Connector, session: Session, request: Request) -> None:
        if request.result is None:
            return
        session.transaction_id = request.result["transactionId"]
        info = request.result["idTagInfo"]
        self._point.cards.remember(session.id_tag, info)
        session.parent_id_tag = info.get("parentIdTag", session.parent_id_tag)
        if info["status"] == ACCEPTED or connector.session is not session:
            return
        self._point.say(f"connector {connector.number}: the start is {info['status']}")
        if self._point.configuration.flag("StopTransactionOnInvalidId"):
            self.stop(connector, "DeAuthorized")
        else:
            session.blocked = True
        self._point.refresh()

    # Measure

    def plan_sample(self, connector: Connector, session: Session, last: float) -> None:
        """The next periodic sample, one MeterValueSampleInterval after ``last``."""
        interval = self._point.configuration.number("MeterValueSampleInterval")
        if interval <= 0:
            connector.set_timer("sample", None)
            return
        # A machine that slept takes up the rhythm again instead of catching up.
        missed = max(0.0, self._point.time.seconds() - last) // interval
        due = last + interval * (missed + 1)
        sample = partial(self._sample, connector, session, due)
        connector.set_timer("sample", self._point.time.call_at(due, sample))

    def _sample(self, connector: Connector, session: Session, due: float) -> None:
        self.send_meter_values(connector, "Sample.Periodic", "MeterValuesSampledData")
        self._remember_sample(connector, session, "Sample.Periodic")
        self.plan_sample(connector, session, due)

    def _meter_value(self, connector: Connector, context: str, key: str) -> Payload | None:
        measurands = self._point.configuration.names(key)
        if not measurands:
            return None
        now = self._point.time.seconds()
        values = sampled_values(read(connector, now), measurands, context)
        return {"timestamp": self._point.clock.stamp(now), "sampledValue": values}

    def send_meter_values(
        self, connector: Connector, context: str, key: str, *, early: bool = False
    ) -> None:
        """One MeterValues with what configuration key ``key`` lists; none if it lists nothing."""
        value = self._meter_value(connector, context, key)
        if value is None or not value["sampledValue"]:
            return
        payload: Payload = {"connectorId": connector.number, "meterValue": [value]}
        fill = None if connector.session is None else partial(_fill_in, connector.session)
        self._point.link.post("MeterValues", payload, kept=not early, early=early, fill=fill)

    def _remember_sample(self, connector: Connector, session: Session, context: str) -> None:
        value = self._meter_value(connector, context, "StopTxnSampledData")
        if value is not None and value["sampledValue"]:
            session.samples.append(value)

    def plan_aligned(self) -> None:
        """The next clock-aligned sample of all connectors (ClockAlignedDataInterval)."""
        interval = self._point.configuration.number("ClockAlignedDataInterval")
        if interval <= 0:
            self._point.main.set_timer("aligned", None)
            return
        due = (self._point.time.seconds() // interval + 1) * interval
        self._point.main.set_timer("aligned", self._point.time.call_at(due, self._aligned))

    def _aligned(self) -> None:
        for connector in self._point.connectors:
            self.send_meter_values(connector, "Sample.Clock", "MeterValuesAlignedData")
        self.plan_aligned()

    # End

    def stop(
        self, connector: Connector, reason: str, *, ramp: bool = True, id_tag: str = ""
    ) -> None:
        """End the session of ``connector``, if there is one: ramp down, then StopTransaction."""
        session = connector.session
        if session is None or (session.stop_reason and ramp):
            return
        session.stop_reason = session.stop_reason or reason
        session.stop_id_tag = session.stop_id_tag or id_tag
        ramp_s = self._point.hardware.stop_ramp_s
        if ramp and ramp_s > 0:
            connector.ramp_down(ramp_s)
            end = partial(self._end, connector, session)
            connector.set_timer("stop", self._point.time.call_later(ramp_s, end))
        else:
            self._end(connector, session)

    def _end(self, connector: Connector, session: Session) -> None:
        point = self._point
        now = point.time.seconds()
        session.stopped_at = now
        session.meter_stop = connector.meter.read_wh()
        self._remember_sample(connector, session, "Transaction.End")
        payload: Payload = {
            "transactionId": -1,
            "meterStop": session.meter_stop,
            "timestamp": point.clock.stamp(now),
            "reason": session.stop_reason,
        }
        if session.stop_id_tag:
            payload["idTag"] = session.stop_id_tag
        if session.samples:
            payload["transactionData"] = session.samples
        for timer in ("stop", "sample", "full"):
            connector.set_timer(timer, None)
        connector.end()
        point.profiles.clear(connector=connector.number, purpose=TX)
        point.link.post(
            "StopTransaction",
            payload,
            kept=True,
            fill=partial(_fill_in, session),
            done=partial(self._stop_taken, session),
        )
        point.refresh()

    def _stop_taken(self, session: Session, request: Request) -> None:
        session.acknowledged = request.result is not None

    def by_transaction(self, transaction_id: int) -> Connector | None:
        """The connector on which this transaction runs."""
        return next(
            (
                c
                for c in self._point.connectors
                if c.session is not None and c.session.transaction_id == transaction_id
            ),
            None,
        )


def _fill_in(session: Session, payload: Payload) -> None:
    """The transactionId, known at last; without one a Stop keeps -1, as real chargers send it."""
    if session.transaction_id is not None:
        payload["transactionId"] = session.transaction_id

"""What each request of a charger does: OCPP words in, one service call, the legal answer out.

A handler returns the payload of the CALLRESULT; it has committed by then. What it raises becomes a
CALLERROR (``frames.Refused``) or, when the database is away, no answer at all.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec

from stations.drivers.ocpp import messages as m
from stations.drivers.ocpp.handlers import (
    charging,
    metering,
    notices,
    presence,
    security,
    transfers,
)
from stations.drivers.ocpp.line import Line

Handler = Callable[[Line, Any, datetime], Awaitable[bytes]]
Known = tuple[msgspec.json.Decoder[Any], Handler]


def _known(kind: type[m.Payload], handler: Handler) -> Known:
    return msgspec.json.Decoder(kind), handler


# Raw action word -> its decoder and handler.
ACTIONS: dict[bytes, Known] = {
    b'"MeterValues"': _known(m.MeterValues, metering.meter_values),
    b'"Heartbeat"': _known(m.Heartbeat, presence.heartbeat),
    b'"StatusNotification"': _known(m.StatusNotification, presence.status_notification),
    b'"Authorize"': _known(m.Authorize, charging.authorize),
    b'"StartTransaction"': _known(m.StartTransaction, charging.start_transaction),
    b'"StopTransaction"': _known(m.StopTransaction, charging.stop_transaction),
    b'"BootNotification"': _known(m.BootNotification, presence.boot_notification),
    b'"DataTransfer"': _known(m.DataTransfer, notices.data_transfer),
    b'"FirmwareStatusNotification"': _known(m.StatusOnly, transfers.firmware_status),
    b'"DiagnosticsStatusNotification"': _known(m.StatusOnly, transfers.diagnostics_status),
    b'"LogStatusNotification"': _known(m.TransferStatus, transfers.log_status),
    b'"SignedFirmwareStatusNotification"': _known(
        m.TransferStatus, transfers.signed_firmware_status
    ),
    b'"SecurityEventNotification"': _known(m.SecurityEventNotification, security.security_event),
    b'"SignCertificate"': _known(m.SignCertificate, security.sign_certificate),
}

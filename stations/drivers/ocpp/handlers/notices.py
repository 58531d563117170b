"""Vendor messages."""

from datetime import datetime

from stations.drivers.ocpp import messages as m
from stations.drivers.ocpp.line import Line


async def data_transfer(line: Line, msg: m.DataTransfer, at: datetime) -> bytes:
    """We know no vendor's extensions; the frame log keeps what was said (OCPP 1.6 §4.3)."""
    return b'{"status":"UnknownVendorId"}'

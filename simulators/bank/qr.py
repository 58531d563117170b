"""PromptPay bill payment (EMVCo, tag 30) as text, SVG and PNG."""

import binascii
from io import BytesIO
from typing import Any

from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode

AID = "A000000677010112"


def payload(biller: str, ref1: str, ref2: str, satang: int, ref3: str = "") -> str:
    """``biller`` has 15 digits; references at most 20 letters and digits."""
    merchant = _field("00", AID) + _field("01", biller) + _field("02", ref1)
    merchant += _field("03", ref2) if ref2 else ""
    text = _field("00", "01") + _field("01", "12") + _field("30", merchant)
    text += _field("53", "764") + _field("54", f"{satang // 100}.{satang % 100:02d}")
    text += _field("58", "TH") + (_field("62", _field("07", ref3)) if ref3 else "") + "6304"
    return f"{text}{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def svg(text: str) -> bytes:
    """Black on white with its quiet zone, one path."""
    rows = _matrix(text)
    dark = "".join(
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, cell in enumerate(row) if cell
    )
    size = len(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" width="400" height="400" '
        f'shape-rendering="crispEdges"><rect width="{size}" height="{size}" fill="#fff"/>'
        f'<path fill="#000" d="{dark}"/></svg>'
    ).encode()


def png(text: str) -> bytes:
    file = BytesIO()
    _code(text).make_image().save(file)
    return file.getvalue()


def _code(text: str) -> QRCode[Any]:
    code: QRCode[Any] = QRCode(error_correction=ERROR_CORRECT_M, border=4)
    code.add_data(text)
    code.make(fit=True)
    return code


def _matrix(text: str) -> list[list[bool]]:
    return _code(text).get_matrix()


def _field(tag: str, value: str) -> str:
    return f"{tag}{len(value):02d}{value}"

"""QR codes of any text: inline SVG for pages, SVG and PNG files to save and to print.

Black on white with the quiet zone of four modules that the standard asks for. Error correction M
(15 %) on screens, Q (25 %) on paper that hangs outside and gets scratched.
"""

import hashlib
import io
from collections.abc import Sequence
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from PIL import Image
from qrcode.constants import ERROR_CORRECT_M, ERROR_CORRECT_Q
from qrcode.main import QRCode

QUIET_ZONE = 4
SCREEN, PAPER = ERROR_CORRECT_M, ERROR_CORRECT_Q
PNG_PIXELS = 900  # a phone keeps it as a picture: sharp on every screen, ~5 kB
Matrix = Sequence[Sequence[bool]]


def matrix(text: str, correction: int = SCREEN, quiet: int = QUIET_ZONE) -> Matrix:
    """Dark modules row by row, the quiet zone of ``quiet`` modules included."""
    code: QRCode[Any] = QRCode(error_correction=correction, border=quiet)
    code.add_data(text)
    code.make(fit=True)
    return code.get_matrix()


def svg(text: str, label: str) -> SafeString:
    """For within a page. ``label`` says to a screen reader what the code is for."""
    modules = matrix(text)
    return format_html(
        '<svg class="qr" role="img" aria-label="{}" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        '<rect width="{size}" height="{size}" fill="#fff"/><path fill="#000" d="{}"/></svg>',
        label,
        path(modules),
        size=len(modules),
    )


def svg_file(text: str, label: str = "", correction: int = PAPER) -> bytes:
    """A file of its own, 40 mm wide unless it is stretched."""
    modules = matrix(text, correction)
    size = len(modules)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="40mm" height="40mm" viewBox="0 0 {size} {size}"'
        f' shape-rendering="crispEdges"><title>{escape(label or text)}</title>'
        f'<rect width="{size}" height="{size}" fill="#fff"/><path d="{path(modules)}"/></svg>\n'
    ).encode()


def png(text: str, pixels: int = PNG_PIXELS, correction: int = SCREEN) -> bytes:
    """At least ``pixels`` wide: whole pixels for each module, nothing is blurred. One bit deep."""
    modules = matrix(text, correction)
    size = len(modules)
    scale = -(-pixels // size)
    small = Image.new("1", (size, size), 1)
    small.putdata([0 if dark else 1 for row in modules for dark in row])
    out = io.BytesIO()
    small.resize((size * scale,) * 2, Image.Resampling.NEAREST).save(out, "PNG", optimize=True)
    return out.getvalue()


def image(
    request: HttpRequest,
    text: str,
    kind: Literal["svg", "png"],
    *,
    label: str = "",
    save_as: str = "",
) -> HttpResponse:
    """The picture as an answer. Same text, same picture: a phone fetches it once (ETag).

    Private: a payment's code is nobody else's. ``save_as`` (without the ending): it is downloaded.
    """
    body = svg_file(text, label, SCREEN) if kind == "svg" else png(text)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    same = request.headers.get("If-None-Match") == tag
    media = "image/svg+xml" if kind == "svg" else "image/png"
    response = HttpResponseNotModified() if same else HttpResponse(body, content_type=media)
    response["ETag"] = tag
    response["Cache-Control"] = "private, max-age=3600"
    if save_as and not same:
        response["Content-Disposition"] = f'attachment; filename="{save_as}.{kind}"'
    return response


def path(modules: Matrix) -> str:
    """SVG path of the dark modules, one unit each."""
    return "".join(
        f"M{start} {y}h{length}v1h-{length}z"
        for y, row in enumerate(modules)
        for start, length in runs(row)
    )


def runs(row: Sequence[bool]) -> list[tuple[int, int]]:
    """(start, length) of each run of dark modules."""
    found: list[tuple[int, int]] = []
    for x, dark in enumerate(row):
        if not dark:
            continue
        if found and sum(found[-1]) == x:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((x, 1))
    return found

"""A sheet as an SVG file that needs no font and no network."""

from django.utils.html import escape

from evbilling import qr
from evbilling.sheets import outlines
from evbilling.sheets.shapes import Box, Code, Disc, Polygon, Shape, Sheet, Text


def drawn(sheet: Sheet) -> bytes:
    body = "\n".join(_shape(shape) for shape in sheet.shapes)
    size = f"{sheet.width:g} {sheet.height:g}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{sheet.width:g}mm" height="{sheet.height:g}mm"'
        f' viewBox="0 0 {size}" role="img"><title>{escape(sheet.title)}</title>\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    ).encode()


def _shape(shape: Shape) -> str:
    if isinstance(shape, Text):
        return _text(shape)
    if isinstance(shape, Code):
        scale = shape.size / len(shape.modules)
        return (
            f'<path transform="translate({shape.x:g} {shape.y:g}) scale({scale:.6f})"'
            f' shape-rendering="crispEdges" d="{qr.path(shape.modules)}"/>'
        )
    if isinstance(shape, Disc):
        return (
            f'<circle cx="{shape.x:g}" cy="{shape.y:g}" r="{shape.radius:g}" fill="{shape.fill}"/>'
        )
    if isinstance(shape, Polygon):
        points = " ".join(f"{x:g},{y:g}" for x, y in shape.points)
        return f'<polygon points="{points}" fill="{shape.fill}"/>'
    return _box(shape)


def _box(box: Box) -> str:
    corner = f' rx="{box.radius:g}"' if box.radius else ""
    return (
        f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}"'
        f'{corner} fill="{box.fill}"/>'
    )


def _text(text: Text) -> str:
    """Outlines; the words themselves go along for whoever cannot see them."""
    wide = outlines.width(text.text, text.size, bold=text.bold)
    x = text.x - {"L": 0.0, "C": wide / 2, "R": wide}[text.align]
    path = outlines.outline(text.text, x, text.y, text.size, bold=text.bold)
    return f'<path aria-label="{escape(text.text)}" fill="{text.fill}" d="{path}"/>'

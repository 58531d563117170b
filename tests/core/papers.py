"""Reads the words back out of our PDFs, as a viewer that copies text would."""

import re
import zlib

_STREAM = re.compile(rb"(\d+) 0 obj\s(?:(?!endobj).)*?stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_FONT = re.compile(rb"/F(\d+) (\d+) 0 R")
_SHOWN = re.compile(rb"/F(\d+) [\d.]+ Tf|\(((?:[^()\\]|\\.)*)\) Tj|(\bET\b)", re.DOTALL)
_PAIR = re.compile(rb"<([0-9A-Fa-f]+)>\s+<([0-9A-Fa-f]+)>")
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def pages(pdf: bytes) -> list[str]:
    """The text of each page; each run of text on a line of its own."""
    streams = {int(n): _inflated(body) for n, body in _STREAM.findall(pdf)}
    fonts = {int(name): _letters(pdf, int(ref), streams) for name, ref in _FONT.findall(pdf)}
    drawn = [body for body in streams.values() if b" Tf" in body and b"BT" in body]
    return [_text(body, fonts) for body in drawn]


def _inflated(body: bytes) -> bytes:
    try:
        return zlib.decompress(body)
    except zlib.error:
        return body


def _letters(pdf: bytes, font: int, streams: dict[int, bytes]) -> dict[int, str]:
    """Code → letters, by the font's ToUnicode map."""
    found = re.search(rb"\n%d 0 obj(.*?)endobj" % font, pdf, re.DOTALL)
    named = re.search(rb"/ToUnicode (\d+) 0 R", found[1] if found else b"")
    table = streams[int(named[1])] if named else b""
    return {
        int(code, 16): bytes.fromhex(letters.decode()).decode("utf-16-be")
        for code, letters in _PAIR.findall(table)
    }


def _text(body: bytes, fonts: dict[int, dict[int, str]]) -> str:
    letters: dict[int, str] = {}
    found = []
    for font, shown, end in _SHOWN.findall(body):
        if font:
            letters = fonts[int(font)]
        elif end:
            found.append("\n")
        else:
            codes = _unescaped(shown)
            found += [
                letters.get(codes[n] << 8 | codes[n + 1], "") for n in range(0, len(codes), 2)
            ]
    return "".join(found)


def _unescaped(text: bytes) -> bytes:
    return re.sub(rb"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), text, flags=re.DOTALL)

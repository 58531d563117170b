"""OCPP-J frames: the array around every message, and the errors that answer a bad one.

OCPP-J 1.6 §4.2. The message id is kept as the raw JSON it came in and sent back byte for byte.
"""

import re

import msgspec

CALL, RESULT, ERROR = 2, 3, 4
NO_ID = b'"-1"'
MAX_ID_BYTES = 260
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
MOST_MENDED = 8_000  # longer ones are nobody's honest slip
_SALVAGE = re.compile(r'^\s*\[\s*2\s*,\s*("(?:[^"\\]|\\.){0,64}")')


class Frame(msgspec.Struct, array_like=True, gc=False):
    """``[2, id, action, payload]``, ``[3, id, payload]`` or ``[4, id, code, description, details]``."""

    kind: int
    id: msgspec.Raw
    first: msgspec.Raw = msgspec.Raw(b"")
    second: msgspec.Raw = msgspec.Raw(b"")
    third: msgspec.Raw = msgspec.Raw(b"")


class Refused(Exception):
    """A frame that gets a CALLERROR. ``code`` is one of the names of OCPP-J 1.6 §4.2.3."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(code)
        self.code = code
        self.description = description


class Broken(Refused):
    """Not a frame at all: malformed JSON, not an array, nested beyond reason."""

    def __init__(self, description: str, message_id: bytes = NO_ID) -> None:
        super().__init__("FormationViolation", description)
        self.message_id = message_id


_decoder = msgspec.json.Decoder(Frame)


def parse(text: str) -> Frame:
    """The frame in ``text``, or ``Broken`` with the message id where one can be made out."""
    try:
        frame = _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError, ValueError) as error:
        salvaged = _SALVAGE.match(text)
        raise Broken(_short(error), salvaged.group(1).encode() if salvaged else NO_ID) from None
    raw_id = bytes(frame.id)
    if raw_id[:1] not in b'"-0123456789' or len(raw_id) > MAX_ID_BYTES:
        raise Broken("the message id must be a string")
    return frame


def mend(text: str) -> Frame | None:
    """The frame in a text that is no JSON for reasons that leave no doubt of what was meant: raw
    control characters within, a comma too many before a bracket (quirks 6 and 11)."""
    if len(text) > MOST_MENDED:
        return None
    cleaned = _without_last_commas(_CONTROL.sub("", text))
    if cleaned == text:
        return None
    try:
        return parse(cleaned)
    except Broken:
        return None


def _without_last_commas(text: str) -> str:
    """``[1,2,]`` -> ``[1,2]``, outside of strings."""
    kept: list[str] = []
    quoted = escaped = False
    for c in text:
        if quoted:
            quoted = escaped or c != '"'
            escaped = c == "\\" and not escaped
        elif c == '"':
            quoted = True
        elif c in "]}":
            while kept and kept[-1] == " ":
                kept.pop()
            if kept and kept[-1] == ",":
                kept.pop()
        kept.append(c)
    return "".join(kept)


def result(message_id: bytes, payload: bytes) -> str:
    """A CALLRESULT."""
    return (b"[3," + message_id + b"," + payload + b"]").decode()


def error(message_id: bytes, refused: Refused) -> str:
    """A CALLERROR."""
    body = msgspec.json.encode([refused.code, refused.description[:255], {}])
    return (b"[4," + message_id + b"," + body[1:]).decode()


def call(message_id: str, action: str, payload: bytes) -> str:
    """A CALL of ours."""
    return f'[2,"{message_id}","{action}",{payload.decode()}]'


def violation(problem: Exception) -> Refused:
    """The error name for a payload that does not fit its action."""
    text = _short(problem)
    if "missing required field" in text:
        return Refused("OccurenceConstraintViolation", text)
    if "at `$" not in text and text.startswith("Expected `object`"):
        return Refused("FormationViolation", text)
    if text.startswith("Expected `"):
        return Refused("TypeConstraintViolation", text)
    if isinstance(problem, msgspec.ValidationError):
        return Refused("PropertyConstraintViolation", text)
    return Refused("FormationViolation", text)


def _short(problem: Exception) -> str:
    return (str(problem) or type(problem).__name__)[:200]

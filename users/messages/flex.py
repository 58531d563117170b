"""A message as LINE draws it: one Flex bubble, within LINE's limits. Pure.

Limits (developers.line.biz, Messaging API reference, Flex Message and actions): altText 1,500
characters, a bubble 30 KB of JSON, an action's label 40 and its URI 1,000 characters; we keep to the
older, narrower 400 and 20, which every version of the app shows in full.
"""

import json
from typing import Any

from users.messages.said import Row, Said, Tone

MOST_ALT, MOST_LABEL, MOST_URI, MOST_BUBBLE = 400, 20, 1000, 30_000
INK, INK_2, LINE = "#12211d", "#44524d", "#e0e5e1"
BRAND = "#0f3f38"
# Text on tint of each state, as on our pages; the sign stands beside the word.
TONES: dict[Tone, tuple[str, str, str]] = {
    Tone.DONE: ("#0b6a3c", "#e5f4ea", "✓"),
    Tone.NEWS: ("#1b49b4", "#e7eefc", "⚡"),
    Tone.WAIT: ("#7a4c00", "#fbf0d9", "◷"),
    Tone.BAD: ("#a61e19", "#fce8e6", "!"),
}


class TooLarge(ValueError):
    """A message that LINE would refuse: an error of ours, found before it is sent."""


def message(said: Said, public_url: str, sender: str) -> dict[str, Any]:
    """The message object for LINE. ``sender`` is whose charger it was, in the reader's language."""
    made = {
        "type": "flex",
        "altText": _cut(said.sentence, MOST_ALT),
        "contents": bubble(said, public_url, sender),
    }
    check(made)
    return made


def bubble(said: Said, public_url: str, sender: str) -> dict[str, Any]:
    body: list[dict[str, Any]] = []
    if said.place:
        body.append(_text(said.place, size="sm", color=INK_2))
    if said.figure:
        body.append(_figure(said))
    body += [_row(row) for row in said.rows]
    if said.note:
        body += [{"type": "separator", "color": LINE}, _text(said.note, size="sm", color=INK_2)]
    if not body:
        body.append(_text(said.sentence, size="md", color=INK))
    found: dict[str, Any] = {
        "type": "bubble",
        "size": "mega",
        "header": _header(said, sender),
        "body": {"type": "box", "layout": "vertical", "spacing": "md", "contents": body},
    }
    if said.link:
        found["footer"] = _footer(said, public_url)
    return found


def check(made: dict[str, Any]) -> None:
    """Raise ``TooLarge`` where a limit of LINE's is passed."""
    if len(made["altText"]) > MOST_ALT:
        raise TooLarge("alt text")
    if len(json.dumps(made["contents"], ensure_ascii=False).encode()) > MOST_BUBBLE:
        raise TooLarge("bubble")
    for each in made["contents"].get("footer", {}).get("contents", []):
        action = each["action"]
        if len(action["uri"]) > MOST_URI or len(action["label"]) > MOST_LABEL:
            raise TooLarge(f"button {action['label']}")


def _header(said: Said, sender: str) -> dict[str, Any]:
    ink, tint, sign = TONES[said.tone]
    contents = [_text(f"{sign} {said.title}", size="lg", color=ink, weight="bold")]
    if sender:
        contents.insert(0, _text(sender, size="xs", color=INK_2))
    return {
        "type": "box",
        "layout": "vertical",
        "backgroundColor": tint,
        "paddingAll": "16px",
        "contents": contents,
    }


def _figure(said: Said) -> dict[str, Any]:
    contents = [{"type": "span", "text": said.figure, "size": "3xl", "weight": "bold"}]
    if said.unit:
        contents.append({"type": "span", "text": f" {said.unit}", "size": "md"})
    return {
        "type": "text",
        "text": f"{said.figure} {said.unit}".strip(),
        "color": INK,
        "contents": contents,
    }


def _row(row: Row) -> dict[str, Any]:
    weight = "bold" if row.strong else "regular"
    label = _text(row.label, size="sm", color=INK_2) | {"flex": 4}
    value = _text(row.value, size="sm", color=INK, weight=weight) | {"flex": 5, "align": "end"}
    return {"type": "box", "layout": "horizontal", "spacing": "sm", "contents": [label, value]}


def _footer(said: Said, public_url: str) -> dict[str, Any]:
    button = {
        "type": "button",
        "style": "primary",
        "height": "sm",
        "color": BRAND,
        "action": {
            "type": "uri",
            "label": _cut(said.button, MOST_LABEL),
            "uri": f"{public_url}{said.link}",
        },
    }
    return {"type": "box", "layout": "vertical", "contents": [button]}


def _text(text: str, *, size: str, color: str, weight: str = "regular") -> dict[str, Any]:
    return {
        "type": "text",
        "text": text or "–",
        "size": size,
        "color": color,
        "weight": weight,
        "wrap": True,
    }


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"

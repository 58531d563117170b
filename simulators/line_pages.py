"""What people see of the simulated LINE: the login page, and a phone with its chat."""

from collections.abc import Sequence
from html import escape
from typing import Any, Protocol
from urllib.parse import urlencode

SIZES = {"xxs": 11, "xs": 13, "sm": 14, "md": 16, "lg": 19, "xl": 22, "xxl": 29, "3xl": 35}
GAPS = {"none": 0, "xs": 2, "sm": 4, "md": 8, "lg": 12, "xl": 16}
STYLE = """
*{box-sizing:border-box}body{margin:0;font:16px/1.5 system-ui,"IBM Plex Sans Thai","Noto Sans Thai",sans-serif;
background:#e9edf0;color:#111}main{max-width:410px;margin:0 auto;min-height:100vh;background:#8cabd9;
display:flex;flex-direction:column}header{background:#2c3e57;color:#fff;padding:12px 16px}
header b{display:block}nav{display:flex;gap:6px;flex-wrap:wrap;margin-top:8px}
nav a{color:#fff;text-decoration:none;border:1px solid #7d8fa8;border-radius:99px;padding:2px 12px;font-size:14px}
nav a[aria-current]{background:#fff;color:#2c3e57}ol{list-style:none;margin:0;padding:14px 12px;flex:1;
display:flex;flex-direction:column;gap:12px}.m{max-width:310px;background:#fff;border-radius:14px;overflow:hidden}
.t{padding:9px 13px;white-space:pre-wrap}.mine{align-self:flex-end;background:#8de055}.how{font-size:11px;color:#22344f}
.x{display:flex}.v{flex-direction:column}.x>*{min-width:0}.b{display:block;text-align:center;border-radius:8px;
padding:10px;color:#fff;text-decoration:none;font-weight:600}hr{border:0;border-top:1px solid #e0e5e1;width:100%;margin:0}
footer{background:#fff;padding:10px 12px;display:flex;gap:8px;flex-wrap:wrap}form{display:flex;gap:8px;margin:0}
footer form.w{flex:1 1 100%}input[name=text]{flex:1;min-width:0;padding:9px;border:1px solid #aab;border-radius:8px;font:inherit}
button{font:inherit;border:0;border-radius:8px;padding:9px 14px;background:#06c755;color:#06331a;font-weight:600}
button.q{background:#dde3e8;color:#222}.empty{margin:40px auto;color:#22344f;text-align:center}
.card{margin:40px 16px;background:#fff;border-radius:14px;padding:20px;display:flex;flex-direction:column;gap:12px}
.card form{flex-direction:column}.card label{display:flex;gap:8px;align-items:center}
"""


class Person(Protocol):
    name: str
    id: str
    friend: bool
    messages: list[dict[str, Any]]


def phone(people: Sequence[Person], chosen: Person) -> str:
    """The chat of one person with the official account, newest at the bottom."""
    tabs = "".join(
        f'<a href="/?{urlencode({"user": each.id})}"{" aria-current=true" if each is chosen else ""}>'
        f"{escape(each.name)}{' · ' + str(len(each.messages)) if each.messages else ''}</a>"
        for each in people
    )
    rows = "".join(_message(row) for row in chosen.messages)
    rows = rows or '<li class="empty">ยังไม่มีข้อความ<br>No message yet</li>'
    state = "เป็นเพื่อนแล้ว · a friend" if chosen.friend else "ยังไม่เป็นเพื่อน · not a friend"
    return _page(
        f"<header><b>LINE (จำลอง · simulated)</b><small>{escape(chosen.name)}: {state}</small>"
        f"<nav>{tabs}</nav></header><ol>{rows}</ol><footer>{_foot(chosen)}</footer>",
        refresh=5,
    )


def login(people: Sequence[Person], asked: dict[str, str]) -> str:
    """LINE Login: who are you, may the service know it, add the account as a friend."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(key)}" value="{escape(value)}">'
        for key, value in asked.items()
    )
    names = "".join(
        f'<label><input type="radio" name="user" value="{each.id}"{" checked" if at == 0 else ""}>'
        f" {escape(each.name)}</label>"
        for at, each in enumerate(people)
    )
    add = (
        '<label><input type="checkbox" name="add" value="1" checked> เพิ่มเพื่อน · Add as a friend</label>'
        if asked.get("bot_prompt")
        else ""
    )
    return _page(
        "<header><b>LINE Login (จำลอง · simulated)</b></header><div class=card>"
        f'<form method="post" action="/_login">{hidden}<b>เข้าสู่ระบบเป็น · Log in as</b>{names}{add}'
        "<button>อนุญาต · Allow</button></form>"
        f'<form method="post" action="/_login">{hidden}<button class="q">ยกเลิก · Cancel</button></form></div>'
    )


def say(thai: str, english: str, user_id: str = "") -> str:
    back = f'<a href="/?{urlencode({"user": user_id})}">LINE</a>' if user_id else ""
    return _page(
        f"<header><b>LINE</b></header><div class=card><b>{thai}</b><span>{english}</span>{back}</div>"
    )


def _foot(chosen: Person) -> str:
    def button(do: str, words: str, css: str = "") -> str:
        return (
            f'<form method="post" action="/_tap"><input type="hidden" name="user" value="{chosen.id}">'
            f'<button class="{css}" name="do" value="{do}">{words}</button></form>'
        )

    if not chosen.friend:
        return button("follow", "เพิ่มเพื่อน · Add friend")
    write = (
        f'<form class="w" method="post" action="/_tap"><input type="hidden" name="user" value="{chosen.id}">'
        '<input name="text" aria-label="Message" placeholder="พิมพ์ข้อความ"><button name="do" value="write">ส่ง</button></form>'
    )
    return write + button("block", "บล็อก · Block", "q")


def _message(row: dict[str, Any]) -> str:
    message, mine = row["message"], row["how"] == "mine"
    if message["type"] == "flex":
        inside = _box_of(message["contents"])
        label = f'<small class="how">{escape(row["how"])} · {escape(message["altText"])}</small>'
    else:
        inside, label = f'<div class="t">{escape(message["text"])}</div>', ""
    return f'<li class="m{" mine" if mine else ""}">{inside}</li>' + (
        f"<li>{label}</li>" if label else ""
    )


def _box_of(bubble: dict[str, Any]) -> str:
    parts = []
    for name, padding in (("header", 16), ("body", 18), ("footer", 12)):
        if part := bubble.get(name):
            parts.append(_draw({"paddingAll": f"{padding}px", **part}))
    return "".join(parts)


def _draw(node: dict[str, Any]) -> str:
    kind = node["type"]
    if kind == "box":
        gap = GAPS.get(node.get("spacing", "none"), 0)
        style = f"gap:{gap}px;padding:{node.get('paddingAll', '0')}"
        if colour := node.get("backgroundColor"):
            style += f";background:{colour}"
        css = "x v" if node["layout"] == "vertical" else "x"
        return f'<div class="{css}" style="{escape(style)}">{"".join(map(_draw, node["contents"]))}</div>'
    if kind == "separator":
        return "<hr>"
    if kind == "button":
        action = node["action"]
        return (
            f'<a class="b" style="background:{escape(node.get("color", "#06c755"))}" '
            f'href="{escape(action["uri"])}">{escape(action["label"])}</a>'
        )
    return _text(node)


def _text(node: dict[str, Any]) -> str:
    inside = "".join(
        f'<span style="{escape(_font(span))}">{escape(span["text"])}</span>'
        for span in node.get("contents", [])
    ) or escape(node["text"])
    flex = f";flex:{node['flex']}" if "flex" in node else ""
    align = ";text-align:right" if node.get("align") == "end" else ""
    return f'<div style="{escape(_font(node) + flex + align)}">{inside}</div>'


def _font(node: dict[str, Any]) -> str:
    weight = 700 if node.get("weight") == "bold" else 400
    colour = f";color:{node['color']}" if "color" in node else ""
    return f"font-size:{SIZES.get(node.get('size', 'md'), 16)}px;font-weight:{weight}{colour}"


def _page(inside: str, refresh: int = 0) -> str:
    again = f'<meta http-equiv="refresh" content="{refresh}">' if refresh else ""
    return (
        '<!doctype html><html lang="th"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>LINE (simulated)</title>{again}<style>{STYLE}</style></head><body><main>{inside}</main></body></html>"
    )

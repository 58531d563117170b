"""What the official account answers in the chat: a greeting with the offer to link, and short help.

Whoever is linked is answered in their language; to anybody else we speak both.
"""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from users.messages import line
from users.models import LineGuest, LineLink

LINK_PATH = "/me/line/link"
Messages = list[dict[str, Any]]


def greeting(line_user_id: str) -> Messages:
    """They have become a friend."""
    language = _language_of(line_user_id)
    if language:
        with translation.override(language):
            return [_text(_("From now on you get messages about your charges here."))]
    return [_offer(line_user_id, first=True)]


def help_for(line_user_id: str, text: str) -> Messages:
    """They wrote something; nobody reads this chat."""
    language = _language_of(line_user_id)
    if language:
        with translation.override(language):
            return [_text(_help())]
    return [_offer(line_user_id, first=False)]


def linked(language: str) -> Messages:
    with translation.override(language):
        words = _("Your account is linked. You get messages about your charges here.")
    return [_text(words)]


def _offer(line_user_id: str, *, first: bool) -> dict[str, Any]:
    """Words in both languages, and a button that links the account (LINE's token: 10 minutes, once)."""
    url = f"{settings.PUBLIC_URL}{LINK_PATH}?{urlencode({'token': line.link_token(line_user_id)})}"
    blocks, buttons = [], []
    for language in ("th", "en"):
        with translation.override(language):
            words = _hello() if first else _help()
            blocks.append(_block(words))
            buttons.append(_button(_("Link my account"), url))
    return {
        "type": "flex",
        "altText": blocks[0]["text"][:400],
        "contents": {
            "type": "bubble",
            "body": {"type": "box", "layout": "vertical", "spacing": "lg", "contents": blocks},
            "footer": {
                "type": "box",
                "layout": "vertical",
                "spacing": "sm",
                "contents": buttons[:1] if buttons[0] == buttons[1] else buttons,
            },
        },
    }


def _hello() -> str:
    return _(
        "Thank you for adding us. Link your account, and you get a message here when charging ends."
    )


def _help() -> str:
    return _(
        "This account only sends messages about your charges. "
        "For anything else, call the number on the charger."
    )


def _language_of(line_user_id: str) -> str:
    """Of the member, '' where nobody is linked; a guest keeps the offer."""
    link = LineLink.objects.filter(line_user_id=line_user_id).select_related("customer").first()
    if link is not None:
        return link.customer.language
    guest = LineGuest.objects.filter(line_user_id=line_user_id).order_by("-pk").first()
    return guest.language if guest else ""


def _text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def _block(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words, "size": "md", "color": "#12211d", "wrap": True}


def _button(label: str, url: str) -> dict[str, Any]:
    return {
        "type": "button",
        "style": "primary",
        "height": "sm",
        "color": "#0f3f38",
        "action": {"type": "uri", "label": label[:20], "uri": url},
    }

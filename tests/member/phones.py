"""A member's phone: a browser with its cookies and the messages that reach its number."""

import re
from typing import Any

from django.test import Client

from tests.customer.phones import Seen
from users.messages.sms import SmsFailed
from users.models import Company

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile Safari/604.1"
_HANDLER = Client().handler


class Outbox(list[tuple[str, str]]):
    """(number, text) of each message; ``failing`` makes the provider say no."""

    failing = ""

    def send(self, phone: str, text: str) -> str:
        if self.failing:
            raise SmsFailed(self.failing)
        self.append((phone, text))
        return "1"

    @property
    def code(self) -> str:
        """The digits of the newest message."""
        found = re.search(r"\d{6}", self[-1][1])
        assert found is not None
        return found[0]


class MemberPhone:
    """Signs in and walks through ``/me/``."""

    def __init__(
        self, company: Company, outbox: Outbox, *, address: str = "10.0.0.1", language: str = "en"
    ) -> None:
        self.company, self.outbox = company, outbox
        self.client = Client(REMOTE_ADDR=address, HTTP_USER_AGENT=IPHONE)
        self.client.handler = _HANDLER
        self.client.cookies["lang"] = language

    @property
    def home(self) -> str:
        return f"/me/{self.company.slug}/"

    def ask(self, number: str, to: str = "") -> Any:
        return self.client.post(f"/me/sign-in?at={self.company.slug}&to={to}", {"phone": number})

    def say(self, code: str, to: str = "") -> Any:
        return self.client.post(f"/me/sign-in/code?at={self.company.slug}&to={to}", {"code": code})

    def accept(self, to: str = "") -> Any:
        return self.client.post(f"{self.home}notice?to={to}")

    def sign_in(self, number: str, to: str = "") -> Any:
        """Number, code, notice; the last answer."""
        assert self.ask(number, to).status_code == 303
        answer = self.say(self.outbox.code, to)
        return self.accept(to) if "notice" in answer["Location"] else answer

    def get(self, path: str = "") -> Any:
        return self.client.get(f"{self.home}{path}")

    def see(self, path: str = "") -> Seen:
        answer = self.get(path)
        assert answer.status_code == 200, (answer.status_code, answer.headers)
        return Seen(answer)

    def post(self, path: str, **form: str) -> Any:
        return self.client.post(f"{self.home}{path}", form)

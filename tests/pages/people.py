"""Signed-in browsers without the browser."""

from typing import Any

from django.test import Client

from tests.factories import PASSWORD
from users.models import Admin

BACKEND = "users.signin.AdminBackend"
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/overview/?view=detail"}


def signed_in(admin: Admin, language: str = "en") -> Client:
    """A browser in which the admin has signed in; English, so that tests read like the code."""
    client = Client()
    client.cookies["lang"] = language
    client.force_login(admin, backend=BACKEND)
    return client


def a_visitor(language: str = "en") -> Client:
    client = Client()
    client.cookies["lang"] = language
    return client


def sign_in(client: Client, name: str, password: str = PASSWORD, **more: str) -> Any:
    return client.post("/signin/", {"username": name, "password": password, **more})


def text_of(response: Any) -> str:
    """The page with its spaces as a reader sees them."""
    return " ".join(response.content.decode().split())

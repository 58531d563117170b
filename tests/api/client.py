"""Somebody who calls the API."""

import json
from typing import Any

from django.test import Client

from users import tokens
from users.models import Admin

# One for all: making one loads the middleware, which lists every static file.
CLIENT = Client()


class Answer:
    """A status and its JSON."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.status = response.status_code
        kind = response.headers.get("Content-Type", "")
        whole = "json" in kind and not response.streaming
        self.json: Any = json.loads(response.content) if whole else None

    def __getitem__(self, key: str) -> Any:
        return self.json[key]

    def __repr__(self) -> str:
        return f"<{self.status} {self.json}>"

    @property
    def rows(self) -> list[Any]:
        found: list[Any] = self.json["results"]
        return found


class Caller:
    """Calls ``/api/v1/…`` as an admin with a token, or as a stranger."""

    def __init__(self, admin: Admin | None = None) -> None:
        self.admin = admin
        self.client = CLIENT
        self.headers = {"Authorization": f"Token {tokens.create(admin)}"} if admin else {}

    def get(self, path: str, **params: Any) -> Answer:
        url = path if path.startswith("http") else f"/api/v1/{path}"
        return Answer(self.client.get(url, params or None, headers=self.headers))

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.send("PATCH", path, body, **headers)

    def delete(self, path: str) -> Answer:
        return self.send("DELETE", path)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """``headers`` by their names with _ for -; a body that is bytes is sent as it is."""
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        extra = {name.replace("_", "-"): value for name, value in headers.items()}
        found = self.client.generic(
            method,
            f"/api/v1/{path}",
            raw,
            "application/json",
            headers={**self.headers, **extra},
        )
        return Answer(found)

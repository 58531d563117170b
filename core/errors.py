"""What can go wrong, said in words.

A ``DomainError`` is an answer, not an accident: it has a code for programs, a sentence for people
(translated when it is shown) and, where a field is to blame, the field. The edges (pages, API)
turn it into a 4xx; nothing else happens.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise


class DomainError(Exception):
    """A rule said no. ``str(error)`` is the sentence in the current language."""

    code = "invalid"
    status = 422
    message: str | Promise = ""

    def __init__(
        self,
        message: str | Promise = "",
        *,
        code: str = "",
        field: str = "",
        status: int = 0,
        **params: Any,
    ) -> None:
        self.message = message or self.message
        self.code = code or self.code
        self.status = status or self.status
        self.field = field
        self.params = params
        super().__init__(self.code)

    def __str__(self) -> str:
        text = str(self.message)
        return text % self.params if self.params else text

    @property
    def fields(self) -> Mapping[str, list[str]]:
        """The sentence under the name of the field that caused it, as forms and the API show it."""
        return {self.field: [str(self)]} if self.field else {}


class NotAllowed(DomainError):
    """The actor's level does not permit the action."""

    code = "not_allowed"
    status = 403


class NotFound(DomainError):
    """There is no such object, or it is somebody else's: the answer is the same."""

    code = "not_found"
    status = 404


class Conflict(DomainError):
    """The state of things does not allow it now."""

    code = "conflict"
    status = 409

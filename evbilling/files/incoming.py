"""A body on its way to the disk: counted as it comes, never held, cut at the limit."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

FLUSH_BYTES = 256 * 1024
FRAMING_BYTES = 16 * 1024  # what multipart may add to the file: boundaries, headers, small fields


class TooLarge(Exception):
    """More came than may come."""


class NoFile(Exception):
    """The body holds no file, or cannot be read as what it says it is."""


class Incoming:
    """Takes a body piece by piece; ``ready`` pieces are written out with ``flush`` (which blocks).

    A multipart body gives its first file; everything else in it is skipped but counted.
    """

    def __init__(self, path: Path, most: int, content_type: str = "") -> None:
        self.size = 0
        self.file_name = ""
        self._most = most
        self._seen = 0
        self._digest = hashlib.sha256()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        kind, options = parse_options_header(content_type)
        self._parts = (
            _Parts(options.get(b"boundary", b""), self._keep)
            if kind.lower() == b"multipart/form-data"
            else None
        )
        self._file = path.open("wb")

    @property
    def ready(self) -> bool:
        return self._waiting_bytes >= FLUSH_BYTES

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def take(self, data: bytes) -> None:
        """A piece of the body. ``TooLarge`` or ``NoFile`` end it."""
        self._seen += len(data)
        if self._seen > self._most + (FRAMING_BYTES if self._parts else 0):
            raise TooLarge
        if self._parts is None:
            self._keep(data)
        else:
            self._parts.take(data)
            self.file_name = self._parts.file_name

    def finish(self) -> None:
        """The body is whole. ``NoFile`` where nothing of use was in it."""
        if not self.size or (self._parts is not None and not self._parts.whole):
            raise NoFile

    def flush(self) -> None:
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        for piece in waiting:
            self._digest.update(piece)
            self._file.write(piece)

    def close(self) -> None:
        self._file.close()

    def _keep(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self._most:
            raise TooLarge
        self._waiting.append(data)
        self._waiting_bytes += len(data)


class _Parts:
    """The first file of a multipart body, as it comes."""

    def __init__(self, boundary: bytes, keep: Callable[[bytes], None]) -> None:
        self.file_name = ""
        self.whole = False  # the file's end was seen
        self._keep = keep
        self._header = b""
        self._value = b""
        self._inside = False
        if not boundary:
            raise NoFile
        callbacks: Any = {
            "on_header_begin": self._header_begins,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_ends,
            "on_part_data": self._part_data,
            "on_part_end": self._part_ends,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except MultipartParseError:
            raise NoFile from None

    def take(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except MultipartParseError:
            raise NoFile from None

    def _header_begins(self) -> None:
        self._header = self._value = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        if self._header.lower() != b"content-disposition":
            return
        name = parse_options_header(self._value)[1].get(b"filename")
        if name is not None and not self.whole:
            self.file_name = name.decode("utf-8", "replace")
            self._inside = True

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self._keep(data[start:end])

    def _part_ends(self) -> None:
        self.whole = self.whole or self._inside
        self._inside = False

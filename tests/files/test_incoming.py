"""A body on its way to the disk."""

import hashlib
from pathlib import Path

import pytest

from evbilling.files.incoming import Incoming, NoFile, TooLarge

pytestmark = pytest.mark.pure
FORM = "multipart/form-data; boundary=XYZ"


def form(content: bytes, *, before: bytes = b"", end: bytes = b"\r\n--XYZ--\r\n") -> bytes:
    head = b'--XYZ\r\nContent-Disposition: form-data; name="f"; filename="log 1.txt"\r\n\r\n'
    return before + head + content + end


def received(path: Path, body: bytes, kind: str, step: int, most: int = 10_000) -> Incoming:
    incoming = Incoming(path, most, kind)
    try:
        for n in range(0, len(body), step):
            incoming.take(body[n : n + step])
        incoming.finish()
        incoming.flush()
    finally:
        incoming.close()
    return incoming


@pytest.mark.parametrize("step", [1, 7, 4096])
def test_a_raw_body_is_the_file(tmp_path: Path, step: int) -> None:
    body = bytes(range(256)) * 20
    found = received(tmp_path / "f", body, "application/zip", step)
    assert (tmp_path / "f").read_bytes() == body
    assert (found.size, found.sha256) == (len(body), hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("step", [1, 7, 4096])
def test_of_a_form_only_its_first_file_is_kept(tmp_path: Path, step: int) -> None:
    content = b"line\r\n--XY not a boundary\r\n" * 50
    field = b'--XYZ\r\nContent-Disposition: form-data; name="serial"\r\n\r\n12\r\n'
    second = form(b"other", before=b"\r\n")
    body = form(content, before=field, end=second)
    found = received(tmp_path / "f", body, FORM, step)
    assert (tmp_path / "f").read_bytes() == content
    assert found.file_name == "log 1.txt"


@pytest.mark.parametrize("kind", ["application/octet-stream", FORM])
def test_more_than_the_limit_ends_at_the_limit(tmp_path: Path, kind: str) -> None:
    body = form(b"x" * 10_001) if kind == FORM else b"x" * 10_001
    with pytest.raises(TooLarge):
        received(tmp_path / "f", body, kind, 100)
    assert (tmp_path / "f").stat().st_size <= 10_000


def test_fields_beside_the_file_count_too(tmp_path: Path) -> None:
    field = b'--XYZ\r\nContent-Disposition: form-data; name="x"\r\n\r\n' + b"y" * 40_000 + b"\r\n"
    with pytest.raises(TooLarge):
        received(tmp_path / "f", form(b"z", before=field), FORM, 100)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "text/plain"),
        (form(b""), FORM),
        (form(b"cut off", end=b""), FORM),
        (b"no form at all, but it says it is one", FORM),
        (form(b"x"), "multipart/form-data"),
        (b'--XYZ\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--XYZ--\r\n', FORM),
    ],
)
def test_what_holds_no_whole_file_is_refused(tmp_path: Path, body: bytes, kind: str) -> None:
    with pytest.raises(NoFile):
        received(tmp_path / "f", body, kind, 5)

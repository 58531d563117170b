"""The scripts that set a checkout up: what they copy, compile and stamp."""

import hashlib
import json
from pathlib import Path

import pytest

from evbilling.supervisor.config import BASE_DIR
from scripts import assets, bootstrap, data_files, messages

pytestmark = pytest.mark.pure


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A node_modules with one script and one font, and the list that names them."""
    contents = {
        "htmx.org/dist/htmx.min.js": b"var htmx;\n//# sourceMappingURL=htmx.min.js.map\n",
        "@fontsource/thai/files/thai-400.woff2": b"wOF2",
    }
    lines = []
    for path, content in contents.items():
        (tmp_path / "node_modules" / path).parent.mkdir(parents=True)
        (tmp_path / "node_modules" / path).write_bytes(content)
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {path}\n")
    (tmp_path / "list").write_text("".join(lines))
    monkeypatch.setattr(assets, "MODULES", tmp_path / "node_modules")
    monkeypatch.setattr(assets, "LIST", tmp_path / "list")
    monkeypatch.setattr(assets, "VENDOR", tmp_path / "vendor")
    return tmp_path


def test_browser_files_are_copied_once_without_their_map_and_others_removed(shop: Path) -> None:
    assert assets.copy() == 2
    assert (shop / "vendor/htmx.min.js").read_bytes() == b"var htmx;\n"
    assert (shop / "vendor/fonts/thai-400.woff2").read_bytes() == b"wOF2"
    (shop / "vendor/old.js").touch()
    assert assets.copy() == 1
    assert assets.copy() == 0
    assert not (shop / "vendor/old.js").exists()


def test_a_browser_file_that_is_not_the_listed_one_is_refused(shop: Path) -> None:
    (shop / "node_modules/htmx.org/dist/htmx.min.js").write_bytes(b"var other;")
    with pytest.raises(assets.AssetError, match="is not the file of scripts"):
        assets.copy()
    assert not (shop / "vendor").exists()


def test_the_real_list_names_only_packages_of_package_json() -> None:
    package = json.loads((BASE_DIR / "package.json").read_text())
    owners = {"/".join(path.split("/")[: 2 if path[0] == "@" else 1]) for path in assets.listed()}
    assert owners == set(package["dependencies"])
    names = [assets.destination(path) for path in assets.listed()]
    assert len(names) == len(set(names))


def test_the_lock_file_names_no_registry_but_the_public_one() -> None:
    lock = json.loads((BASE_DIR / "package-lock.json").read_text())
    packages = [each for path, each in lock["packages"].items() if path]
    assert all(each["resolved"].startswith("https://registry.npmjs.org/") for each in packages)
    assert all(each["integrity"].startswith("sha512-") for each in packages)


def test_only_older_messages_are_compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    po = _catalogue(tmp_path, "ยินดีต้อนรับ %(name)s")
    assert messages.stale() == [po]
    messages.compile_catalogue(po)
    assert "ยินดีต้อนรับ".encode() in po.with_suffix(".mo").read_bytes()
    assert messages.stale() == []


def test_a_translation_that_loses_its_placeholder_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    po = _catalogue(tmp_path, "ยินดีต้อนรับ %(nam)s")
    with pytest.raises(messages.CatalogueError, match=r"django\.po:6: "):
        messages.compile_catalogue(po)


def _catalogue(root: Path, translation: str) -> Path:
    po = root / "locale/th/LC_MESSAGES/django.po"
    po.parent.mkdir(parents=True)
    head = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n#, python-format\n'
    po.write_text(f'{head}msgid "Welcome %(name)s"\nmsgstr "{translation}"\n')
    return po


def test_a_stamp_holds_until_a_file_or_its_name_changes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    one, stamp = tmp_path / "one", tmp_path / "stamp"
    one.write_text("x")
    stamp.write_text(bootstrap.digest([one]))
    assert bootstrap.stamped(stamp, bootstrap.digest([one]))
    two = one.rename(tmp_path / "two")
    assert not bootstrap.stamped(stamp, bootstrap.digest([two]))


def test_a_failed_command_is_one_sentence_with_its_last_lines() -> None:
    with pytest.raises(bootstrap.SetupError) as failure:
        bootstrap.run("Counting", "sh", "-c", "seq 100; exit 1")
    lines = str(failure.value).splitlines()
    assert (lines[0], lines[1], lines[-1]) == ("Counting failed:", "  89", "  100")


@pytest.mark.parametrize(("name", "text"), [("a.json", "{"), ("a.yaml", "a: ["), ("a.toml", "a")])
def test_broken_data_files_are_named(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert str(data_files.problem(tmp_path / name)).startswith(f"{tmp_path / name}: ")

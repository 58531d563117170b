"""Thai alphabetical order, as dictionaries have it, made into a plain string.

The database is ``C.UTF-8`` and compares bytes. A name that people sort by carries a key made
here: a leading vowel (เ แ โ ใ ไ) stands after its consonant, tone marks and other signs count
only when all else is equal (Royal Institute Dictionary, order of headwords).
"""

import re
import unicodedata

_LEADING = re.compile(r"([เแโใไ])([ก-ฮ])")
_MARKS = "็่้๊๋์ํฺ๎"  # mai taikhu … yamakkan: decide only between otherwise equal words
_STRIP = {ord(mark): None for mark in _MARKS}
_DIGITS = {ord("๐") + n: str(n) for n in range(10)}


def sort_key(name: str) -> str:
    """The key under which ``name`` is sorted, at most 300 characters."""
    text = unicodedata.normalize("NFC", name).replace("ํา", "ำ").casefold().translate(_DIGITS)
    text = _LEADING.sub(r"\2\1", " ".join(text.split()))
    base = text.translate(_STRIP)
    # \x01 sorts before every letter, so the marks break ties and nothing else.
    return f"{base}\x01{text}"[:300]

"""One stylesheet for one request: puts the tokens that ``customer.css`` uses into it.

``tokens.css`` stays the only place where they are decided; a test says when this has to run again:
``python -m evbilling.customer.styles``.
"""

import re
from pathlib import Path

CSS = Path(__file__).resolve().parents[2] / "static" / "css"
_BLOCK = re.compile(r"(/\* tokens: begin \*/\n).*?(/\* tokens: end \*/)", re.DOTALL)
_TOKEN = re.compile(r"(--[\w-]+):\s*([^;]+);")
_USE = re.compile(r"var\((--[\w-]+)")


def built(source: str, tokens: str) -> str:
    """``source`` with exactly the tokens it uses, those that other tokens use included."""
    rest = _BLOCK.sub("", source)
    own = dict(_TOKEN.findall(rest))  # what the sheet says itself counts more
    values = {name: value for name, value in _TOKEN.findall(tokens) if name not in own}
    wanted: set[str] = set()
    new = set(_USE.findall(rest)) & values.keys()
    while new:
        wanted |= new
        new = {name for t in new for name in _USE.findall(values[t])} & values.keys() - wanted
    lines = "".join(f"  {name}: {value};\n" for name, value in values.items() if name in wanted)
    return _BLOCK.sub(lambda found: f"{found[1]}:root {{\n{lines}}}\n{found[2]}", source)


def main() -> None:
    sheet = CSS / "customer.css"
    sheet.write_text(built(sheet.read_text(), (CSS / "tokens.css").read_text()))


if __name__ == "__main__":
    main()

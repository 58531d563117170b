"""Checks that every YAML, JSON and TOML file of the checkout can be read."""

import json
import os
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
NOT_OURS = {"node_modules", "staticfiles", "var", "vendor"}
ENDINGS = (".json", ".yaml", ".yml", ".toml")


def problem(path: Path) -> str | None:
    """What is wrong with the file, in one line."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            json.loads(text)
        elif path.suffix == ".toml":
            tomllib.loads(text)
        else:
            list(yaml.safe_load_all(text))
    except (ValueError, yaml.YAMLError) as error:
        return f"{path}: {' '.join(str(error).split())}"
    return None


def data_files() -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS and name[0] != "."]
        yield from (Path(folder) / name for name in names if name.endswith(ENDINGS))


if __name__ == "__main__":
    sys.exit("\n".join(filter(None, map(problem, data_files()))) or None)

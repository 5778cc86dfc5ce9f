"""The front end is plain modules that ship with the package."""

from __future__ import annotations

import re

import pytest

from widgets import assets

MODULES = sorted((assets.FOLDER / "js").glob("*.js"))


ENTRIES = ("main", "catalogue")


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_joined_module_has_its_modules_once_and_one_default_export(entry: str) -> None:
    text = assets.joined_module(entry)
    for path in MODULES:
        first_line = path.read_text(encoding="utf-8").splitlines()[0]
        assert text.count(first_line) <= 1
    assert re.findall(r"^export .*", text, re.MULTILINE) == ["export default { render };"]
    assert not re.search(r"^import ", text, re.MULTILINE)


def test_every_module_is_used() -> None:
    together = "".join(assets.joined_module(entry) for entry in ENTRIES)
    assert len(MODULES) >= 8
    for path in MODULES:
        assert path.read_text(encoding="utf-8").splitlines()[0] in together


def test_what_is_used_stands_before_its_user() -> None:
    text = assets.joined_module("main")
    assert text.index("function makeFrame") < text.index("function drawLevels") < text.index("function mount")


def test_a_circle_of_imports_is_said(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = assets.FOLDER.__class__(str(tmp_path))
    (folder / "js").mkdir()
    (folder / "js" / "a.js").write_text('import { b } from "./b.js";\n')
    (folder / "js" / "b.js").write_text('import { a } from "./a.js";\n')
    monkeypatch.setattr(assets, "FOLDER", folder)
    with pytest.raises(ImportError, match="a -> b -> a"):
        assets.joined_module("a")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_the_front_end_neither_parses_markup_nor_reaches_out(path: object) -> None:
    text = path.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|\bfetch\(|https?://(?!www\.w3\.org/2000/svg)",
        text,
    )
    assert len(text.splitlines()) < 400

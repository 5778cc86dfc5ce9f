"""The browser's side of the widgets: plain ES modules, joined into the one module a widget may have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent

# Every import and export is written on one line of its own, so that joining needs no parser.
_IMPORT: Final = re.compile(r'^import \{ (?P<names>[^}]*) \} from "\./(?P<module>\w+)\.js";\n', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async )?function |const |let |class )", re.MULTILINE)


def joined_module(entry: str) -> str:
    """One ES module from an entry module and all it imports, dependencies first.

    A widget's front end arrives as a single text without an address of its own, so ``import "./view.js"`` has nothing
    to resolve against. Joining is enough while no two modules share a top-level name, which the browser itself checks
    (a name declared twice is a syntax error).

    Parameters
    ----------
    entry : str
        Name of the module in ``widgets/js`` without its ending, such as ``'main'``; only this one has a default export.

    Returns
    -------
    str

    Examples
    --------
    >>> text = joined_module("main")
    >>> text.count("export default"), "import {" in text
    (1, False)
    """
    texts: dict[str, str] = {}
    _collect(entry, texts)
    return "\n".join(texts.values())


def stylesheet(name: str) -> str:
    """The text of a style sheet of the package."""
    return (FOLDER / f"{name}.css").read_text(encoding="utf-8")


def _collect(module: str, texts: dict[str, str], importing: tuple[str, ...] = ()) -> None:
    if module in texts:
        return
    if module in importing:
        raise ImportError(f"The modules {' -> '.join((*importing, module))} import each other in a circle.")
    text = (FOLDER / "js" / f"{module}.js").read_text(encoding="utf-8")
    for found in _IMPORT.finditer(text):
        _collect(found["module"], texts, (*importing, module))
    texts[module] = _EXPORT.sub("", _IMPORT.sub("", text))

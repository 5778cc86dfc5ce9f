"""Licences that forbid commercial use are shown and have to be accepted, once per user and model."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Final

from retina_tools import schema
from retina_tools.segmentation.adapters.cards import Licence

__all__ = ["CONFIG_VARIABLE", "config_folder", "require_consent"]

#: Environment variable that names another folder for a user's settings.
CONFIG_VARIABLE: Final = "RETINA_CONFIG"
_FILE: Final = "accepted_licences.json"


def config_folder() -> Path:
    """Where a user's settings lie; nothing is made there before something has to be remembered."""
    if given := os.environ.get(CONFIG_VARIABLE):
        return Path(given)
    if sys.platform == "win32":
        base = os.environ.get("APPDATA") or str(Path.home() / "AppData" / "Roaming")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Application Support")
    else:
        base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "retina_tools"


def require_consent(model: str, licence: Licence, *, accept: bool) -> None:
    """Let a model with a noncommercial licence through only once its user has accepted that licence.

    Parameters
    ----------
    model : str
        Whose licence it is.
    licence : Licence
        One that allows commercial use needs no consent.
    accept : bool
        True accepts it, now and for later; it is remembered in :func:`config_folder`.

    Raises
    ------
    EyeError
        It has not been accepted; the message shows it. Or what was accepted cannot be read or remembered.
    """
    if licence.commercial_use:
        return
    file = config_folder() / _FILE
    accepted = _read(file)
    if accepted.get(model) == licence.name:
        return
    if not accept:
        raise schema.EyeError(
            f"The weights of {model} are under {licence} If that suits what you do with them, load them once with "
            f"accept_licence=True; it is remembered in {str(file)!r}."
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**accepted, model: licence.name}, indent=1, sort_keys=True)
        file.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise schema.EyeError(
            f"The licence of {model} cannot be remembered in {str(file)!r} ({error.strerror}); name a folder that you "
            f"may write in the environment variable {CONFIG_VARIABLE}."
        ) from error


def _read(file: Path) -> dict[str, str]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {str(model): str(name) for model, name in content.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError):
        raise schema.EyeError(f"The accepted licences in {str(file)!r} cannot be read; delete that file.") from None

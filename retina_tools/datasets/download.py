"""Downloads from the publishers' own hosts, checked against a checksum and unpacked."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import zipfile
from functools import partial
from pathlib import Path
from typing import Final

from retina_tools.datasets.card import ENVIRONMENT_VARIABLE, Archive, Card, DatasetError, cache_folder

_LOCK: Final = "checksums.json"
_UNPACKED: Final = ".unpacked"
_TIMEOUT_S: Final = 60
_CHUNK_BYTES: Final = 2**20


def fetch(card: Card, folder: str | os.PathLike[str] | None = None, *, progress: bool = True) -> Path:
    """Download a dataset from its publisher, once.

    Every archive is compared with its checksum. Where none is known in advance, that of the first download is noted in
    ``checksums.json`` of the cache folder and later downloads, to whichever folder, are compared with it.

    Parameters
    ----------
    card : Card
    folder : path, optional
        Where to keep it; the user's cache folder unless given. Made when needed.
    progress : bool
        Show a bar.

    Returns
    -------
    Path
        The folder to hand to the loader.

    Raises
    ------
    DatasetError
        There is no direct download, the host cannot be reached, or the file is not the one expected.
    """
    if not card.archives:
        raise DatasetError(
            f"{card.title} cannot be downloaded by a program. {card.obtain} Unpack it into a folder and name that "
            f"folder in the environment variable {ENVIRONMENT_VARIABLE}, or pass it: datasets.{card.name}(folder)."
        )
    home = cache_folder() / card.name if folder is None else Path(folder).expanduser()
    complete = card.search(home) is not None  # marks left behind count only where the content still is
    for archive in card.archives:
        if not (complete and _mark(home, archive).is_file()):
            _fetch_archive(card, archive, home, progress)
    return home


def _mark(home: Path, archive: Archive) -> Path:
    """An empty file that says an archive has been unpacked; the archive itself is not kept."""
    return home / f"{archive.filename}{_UNPACKED}"


def _fetch_archive(card: Card, archive: Archive, home: Path, progress: bool) -> None:
    import pooch

    noted = _read_lock().get(archive.url)
    expected = archive.sha256 or noted
    try:
        home.mkdir(parents=True, exist_ok=True)
        path = Path(
            pooch.retrieve(
                archive.url,
                known_hash=expected and f"sha256:{expected}",
                fname=archive.filename,
                path=home,
                downloader=partial(_stream, progress=progress),
            )
        )
    except ValueError:
        raise DatasetError(_changed(card, archive, expected, noted)) from None
    except OSError as error:  # requests' errors are among them
        raise DatasetError(
            f"{card.title} could not be downloaded from {archive.url} into {str(home)!r} ({_reason(error)}). "
            f"Check the connection and try again, or get it by hand: {card.obtain}"
        ) from None
    checksum = pooch.file_hash(str(path), alg="sha256")
    _unpack(card, path, home / archive.folder)
    if expected is None:
        _write_lock(archive.url, checksum)
    _mark(home, archive).touch()
    path.unlink()


def _stream(url: str, output_file: str, _: object, *, progress: bool) -> None:
    """Write what an address gives to a file; unlike pooch's own downloader, no connection stays open on an error."""
    import requests
    from tqdm.auto import tqdm

    with requests.get(url, stream=True, timeout=_TIMEOUT_S) as response, Path(output_file).open("wb") as file:
        response.raise_for_status()
        size = int(response.headers.get("content-length", 0)) or None
        with tqdm(total=size, unit="B", unit_scale=True, desc=Path(url).name, disable=not progress) as bar:
            for chunk in response.iter_content(_CHUNK_BYTES):
                bar.update(file.write(chunk))


def _changed(card: Card, archive: Archive, expected: str | None, noted: str | None) -> str:
    whose = "on record" if archive.sha256 else "noted at the first download"
    remedy = (
        f"delete its line in {str(cache_folder() / _LOCK)!r}"
        if noted and not archive.sha256
        else f"get it by hand: {card.obtain}"
    )
    return (
        f"{archive.filename} from {archive.url} is not the file expected: its sha256 differs from the one {whose}, "
        f"{expected}. It is damaged or has been replaced; nothing was kept. Try again, and if the publisher tells of a "
        f"new version, {remedy}"
    )


def _reason(error: Exception) -> str:
    """One line of an error that may hold a page of text."""
    kind = type(error).__name__
    first = str(error).splitlines()[0] if str(error) else ""
    return f"{kind}: {first[:120]}" if first and len(first) <= 120 else kind


def _unpack(card: Card, path: Path, target: Path) -> None:
    try:
        if path.suffix == ".zip":
            shutil.unpack_archive(path, target)
        else:
            shutil.unpack_archive(path, target, filter="data")
    except (shutil.ReadError, tarfile.TarError, zipfile.BadZipFile, OSError, EOFError) as error:
        path.unlink(missing_ok=True)
        raise DatasetError(
            f"{path.name} of {card.title} could not be unpacked into {str(target)!r} ({_reason(error)}); "
            "the file was removed, fetch again."
        ) from None


def _read_lock() -> dict[str, str]:
    try:
        content = json.loads((cache_folder() / _LOCK).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise DatasetError(
            f"The noted checksums in {str(cache_folder() / _LOCK)!r} cannot be read; repair or delete that file."
        ) from None
    return {str(url): str(checksum) for url, checksum in content.items()}


def _write_lock(url: str, checksum: str) -> None:
    lock = cache_folder() / _LOCK
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(json.dumps({**_read_lock(), url: checksum}, indent=1, sort_keys=True) + "\n", encoding="utf-8")

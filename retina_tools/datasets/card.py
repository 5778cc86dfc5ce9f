"""What is known of a public dataset before it is read: content, licence, where it comes from, how to recognise it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retina_tools.schema import EyeError

ENVIRONMENT_VARIABLE: Final = "RETINA_DATA"
# A dataset may lie in the folder given, in one of its folders, or one deeper, as archives often unpack to A/A/.
_DEEPEST: Final = 2


class DatasetError(EyeError):
    """A dataset that is not where it was looked for, or not as its publisher has it; the message says what to do."""


@dataclass(frozen=True)
class Archive:
    """One file of a direct download.

    Attributes
    ----------
    url : str
        At the publisher's own host.
    filename : str
        Name it is kept under.
    sha256 : str or None
        Checksum; None where none is known, then the first download is noted and later ones are compared with it.
    folder : str
        Where its content belongs inside the dataset's folder; empty for the folder itself.
    """

    url: str
    filename: str
    sha256: str | None = None
    folder: str = ""


@dataclass(frozen=True)
class Card:
    """The facts of one dataset.

    Attributes
    ----------
    name, title : str
        Name of the loader, and the name people use.
    images : int
        Photographs in the official set.
    structures : tuple of str
        Names of the taxonomy that are drawn on the photographs, all or some of them.
    labels : tuple of str
        Label columns of the table.
    pixels : str
        Official width x height.
    field_angle_deg : float
        Field angle of the camera, NaN where it is not stated.
    licence : str
        SPDX identifier, or the publisher's terms in words.
    redistribution, commercial_use : bool
        Whether the terms grant it; False also where they do not say.
    citation, doi, homepage : str
        What to cite, and where the set is published.
    obtain : str
        How a person gets it, in one sentence.
    markers : tuple of str
        Patterns of files or folders, relative to the dataset's folder, one of which every copy has.
    archives : tuple of Archive
        The direct download; empty where the publisher wants a registration or refuses programs.
    """

    name: str
    title: str
    images: int
    structures: tuple[str, ...]
    labels: tuple[str, ...]
    pixels: str
    field_angle_deg: float
    licence: str
    redistribution: bool
    commercial_use: bool
    citation: str
    doi: str
    homepage: str
    obtain: str
    markers: tuple[str, ...]
    archives: tuple[Archive, ...] = ()

    @property
    def reference(self) -> str:
        """What to cite, with its DOI."""
        return f"{self.citation}, doi:{self.doi}" if self.doi else self.citation

    def find(self, root: str | os.PathLike[str] | None = None) -> Path:
        """The folder of the dataset: the one given, or one inside it.

        Parameters
        ----------
        root : path, optional
            The dataset's folder or a folder above it, at most two levels. Without it the environment variable
            ``RETINA_DATA``, then the download folder, is searched.

        Returns
        -------
        Path

        Raises
        ------
        DatasetError
            It is not there; the message says what was looked for, what was found, and where to get the set.
        """
        if root is None:
            found = next(filter(None, (self.search(folder) for folder in default_folders(self.name))), None)
            if found is None:
                given = os.environ.get(ENVIRONMENT_VARIABLE)
                state = f"({given!r}) does not hold it" if given else "is not set"
                raise DatasetError(
                    f"{self.title} is not at hand: the environment variable {ENVIRONMENT_VARIABLE} {state}, and it has "
                    f"not been downloaded. {self._where()}"
                )
            return found
        folder = Path(root).expanduser()
        if not folder.is_dir():
            raise DatasetError(f"There is no folder {str(folder)!r} to look for {self.title} in. {self._where()}")
        if (home := self.search(folder)) is None:
            raise DatasetError(
                f"{str(folder)!r} is not {self.title}: looked there, and two folders deep, for "
                f"{' or '.join(map(repr, self.markers))}, found {_content(folder)}. {self._where()}"
            )
        return home

    def search(self, folder: Path) -> Path | None:
        """The dataset's folder in or under a folder, or None."""
        return next((place for place in _places(folder) if self._is_at(place)), None)

    def error(self, what: str) -> DatasetError:
        """An error about this dataset: its title, what is the matter, and where to get it."""
        return DatasetError(f"{self.title} {what}. {self._where()}")

    def choose(self, what: str, options: Mapping[str, str], given: object) -> str:
        """One of some options, however it is spelt.

        Parameters
        ----------
        what : str
            Kind of option in the plural, for the message.
        options : mapping of str to str
            Option by name, and by further names; capitals, signs, blanks and -isation or -ization do not matter.
        given : object
            What was asked for.

        Returns
        -------
        str

        Raises
        ------
        DatasetError
            It is none of them.
        """
        spelt = {_plain(name): option for name, option in options.items()} | {_plain(o): o for o in options.values()}
        if (plain := _plain(given)) in spelt:
            return spelt[plain]
        *others, last = dict.fromkeys(options.values())
        raise self.error(f"has the {what} {', '.join(others)} and {last}, got {given!r}")

    def _is_at(self, folder: Path) -> bool:
        return any(next(folder.glob(marker), None) is not None for marker in self.markers)

    def _where(self) -> str:
        direct = f" datasets.fetch_{self.name}() downloads it." if self.archives else ""
        return f"{self.obtain}{direct}"


def _plain(word: object) -> str:
    return re.sub(r"[\W_]+", "", str(word).lower()).replace("ization", "isation")


def cache_folder() -> Path:
    """Where downloads are kept, which need not exist: the user's cache folder of the operating system."""
    import pooch

    return Path(pooch.os_cache("retina_tools"))


def default_folders(name: str) -> Iterator[Path]:
    """Folders to look in when none is given: the one in ``RETINA_DATA``, then the download of that name."""
    if given := os.environ.get(ENVIRONMENT_VARIABLE):
        yield Path(given).expanduser()
    yield cache_folder() / name


def _places(folder: Path) -> Iterator[Path]:
    """A folder, then those inside it, level by level, each level in the order of names."""
    level = [folder] if folder.is_dir() else []
    for _ in range(_DEEPEST + 1):
        yield from level
        level = [inner for outer in level for inner in _folders(outer)]


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(inner for inner in folder.iterdir() if inner.is_dir() and not inner.name.startswith((".", "__")))
    except OSError:  # a folder that may not be opened has nothing for us
        return []


def _content(folder: Path) -> str:
    try:
        names = sorted(entry.name + "/" * entry.is_dir() for entry in folder.iterdir())
    except OSError:
        return "a folder that may not be opened"
    if not names:
        return "an empty folder"
    return ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")

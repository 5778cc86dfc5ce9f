"""What has to be known about a model of others before and after it draws: its card and its licence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["APACHE", "CC_BY_NC", "MIT", "POLYFORM", "UNSTATED", "AdapterCard", "Licence"]


@dataclass(frozen=True)
class Licence:
    """A licence, in the few words that matter before use.

    Attributes
    ----------
    name : str
        Its SPDX identifier where it has one.
    url : str
        Its text.
    commercial_use : bool
        Where False, it has to be accepted once before the model is loaded.
    terms : str
        What it asks, in a sentence. The text at the address decides, not this.
    """

    name: str
    url: str = ""
    commercial_use: bool = True
    terms: str = ""

    def __str__(self) -> str:
        """The licence as a line of text."""
        return " ".join(part for part in (self.name + (f" ({self.url})." if self.url else "."), self.terms) if part)


MIT: Final = Licence("MIT", "https://opensource.org/license/mit", True, "Free use with the copyright notice kept.")
APACHE: Final = Licence(
    "Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0", True, "Free use with the notices kept."
)
CC_BY_NC: Final = Licence(
    "CC-BY-NC-4.0",
    "https://creativecommons.org/licenses/by-nc/4.0/",
    False,
    "Name the authors; no use for commercial advantage or payment.",
)
POLYFORM: Final = Licence(
    "PolyForm-Noncommercial-1.0.0",
    "https://polyformproject.org/licenses/noncommercial/1.0.0",
    False,
    "Research, study and other noncommercial purposes only.",
)
UNSTATED: Final = Licence("unstated", "", True, "The file's owner decides; ask before you publish with it.")


@dataclass(frozen=True)
class AdapterCard:
    """What has to be known about a model that is not ours.

    Attributes
    ----------
    name, title : str
        Short, and in words for people.
    structures : tuple of str
        What it draws, names of the taxonomy.
    size_px : int
        Side of the square it is shown.
    view : str
        What of the eye that square holds: the whole field of view, or the disc with its surroundings.
    normalisation : str
        What is done to the colours, in words.
    thresholds : mapping of str to float or None
        Probability from which a pixel belongs to the structure; None where it belongs to the class that is largest.
    data : tuple of str
        What it was trained on, as far as its authors say.
    licence : Licence
        Of the weights.
    citation, source : str
        Who to cite, and where it comes from.
    files : mapping of str to str
        Name and sha256 of each file that was read.
    limits : str
        What it is not good at, and where this adapter departs from its authors' programme.
    """

    name: str
    title: str
    structures: tuple[str, ...]
    size_px: int
    normalisation: str
    thresholds: Mapping[str, float | None]
    licence: Licence
    view: str = "the field of view"
    data: tuple[str, ...] = ()
    citation: str = ""
    source: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    limits: str = ""

    @property
    def sha256(self) -> str:
        """Of the file, or of each file of an ensemble, separated by commas."""
        return ",".join(self.files.values())

    def __str__(self) -> str:
        """The card as text."""
        lines = [
            f"{self.name}: {self.title}",
            f"draws      {', '.join(self.structures)}",
            f"is shown   {self.view} on {self.size_px} x {self.size_px} px; {self.normalisation}",
            f"trained on {', '.join(self.data) or 'not stated'}",
            f"licence    {self.licence}",
        ]
        lines += [f"file       {name}, sha256 {digest}" for name, digest in self.files.items()]
        for word, text in (("cite", self.citation), ("source", self.source), ("limits", self.limits)):
            lines += [f"{word:<10} {text}"] if text else []
        return "\n".join(lines)

"""Every name that may be drawn on an eye: structures, phenotypes and lesions, with labels and colours."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["structure", "phenotype", "lesion"]


class EyeError(ValueError):
    """An eye, or a part meant for one, that breaks the data model; the message is one sentence."""


@dataclass(frozen=True)
class Term:
    """One name of the taxonomy.

    Attributes
    ----------
    name : str
        Identifier used as ``structure`` coordinate, in column names and in files.
    kind : {'structure', 'phenotype', 'lesion'}
        What sort of thing it is.
    label : str
        Name shown to people.
    colour : str
        ``#rrggbb``. Every colour differs from every other in lightness too, so a grey print can still be read.
    """

    name: str
    kind: Kind
    label: str
    colour: str

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The colour as three numbers from 0 to 255."""
        return int(self.colour[1:3], 16), int(self.colour[3:5], 16), int(self.colour[5:7], 16)


_TERMS: Final[tuple[Term, ...]] = (
    Term("artery", "structure", "Artery", "#e64a34"),
    Term("vein", "structure", "Vein", "#005fb2"),
    Term("vessel", "structure", "Vessel", "#37c6ff"),
    Term("optic_disc", "structure", "Optic disc", "#f3e649"),
    Term("optic_cup", "structure", "Optic cup", "#00b786"),
    Term("macula", "structure", "Macula", "#ef52bf"),
    Term("tessellation", "phenotype", "Tessellation", "#f66d66"),
    Term("arc_atrophy", "phenotype", "Peripapillary (arc) atrophy", "#00bec3"),
    Term("diffuse_atrophy", "phenotype", "Diffuse chorioretinal atrophy", "#bfe471"),
    Term("patchy_atrophy", "phenotype", "Patchy chorioretinal atrophy", "#8e61c6"),
    Term("microaneurysm", "lesion", "Microaneurysm", "#d82561"),
    Term("haemorrhage", "lesion", "Haemorrhage", "#8c0a86"),
    Term("hard_exudate", "lesion", "Hard exudate", "#ffe6b8"),
    Term("cotton_wool_spot", "lesion", "Cotton-wool spot", "#00eae0"),
    Term("laser_scar", "lesion", "Laser scar", "#25ca6d"),
    Term("drusen", "lesion", "Drusen", "#ffb682"),
    Term("patchy_haemorrhage", "lesion", "Patchy haemorrhage", "#a90061"),
    Term("neovascularisation", "lesion", "Neovascularisation", "#857af5"),
    Term("epiretinal_membrane", "lesion", "Epiretinal membrane", "#85eaff"),
    Term("macular_hole", "lesion", "Macular hole", "#004c74"),
    Term("retinal_scar", "lesion", "Retinal scar", "#5aa72a"),
    Term("macular_oedema", "lesion", "Macular oedema", "#00967e"),
    Term("av_nicking", "lesion", "Arteriovenous nicking", "#f7783d"),
    Term("venous_beading", "lesion", "Venous beading", "#4ca9ff"),
    Term("venous_tortuosity", "lesion", "Venous tortuosity", "#4374ec"),
    Term("vascular_sheathing", "lesion", "Vascular sheathing", "#00c5ef"),
    Term("pigment_change", "lesion", "Pigment change", "#653b00"),
    Term("fibrous_proliferation", "lesion", "Fibrous proliferation", "#e8f868"),
    Term("vitreous_degeneration", "lesion", "Vitreous degeneration", "#06e0ec"),
    Term("choroidal_atrophy", "lesion", "Choroidal atrophy", "#ffa4a7"),
    Term("myelinated_nerve_fibre", "lesion", "Myelinated nerve fibre", "#fff2c0"),
    Term("artifact", "lesion", "Artifact", "#686868"),
    Term("other", "lesion", "Other finding", "#c1c1c1"),
)

TAXONOMY: Final[Mapping[str, Term]] = {term.name: term for term in _TERMS}


def names(kind: Kind | None = None) -> tuple[str, ...]:
    """Names of the taxonomy in their fixed order.

    Parameters
    ----------
    kind : {'structure', 'phenotype', 'lesion'}, optional
        Restrict to one kind.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> names("phenotype")
    ('tessellation', 'arc_atrophy', 'diffuse_atrophy', 'patchy_atrophy')
    """
    return tuple(term.name for term in _TERMS if kind is None or term.kind == kind)


def term(name: str) -> Term:
    """Look a name up in the taxonomy.

    Parameters
    ----------
    name : str
        For example ``'artery'``.

    Returns
    -------
    Term

    Raises
    ------
    EyeError
        The name is not in the taxonomy; the message offers the nearest one.

    Examples
    --------
    >>> term("optic_disc").label
    'Optic disc'
    """
    try:
        return TAXONOMY[name]
    except KeyError:
        near = difflib.get_close_matches(str(name), TAXONOMY, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"wanted one of {', '.join(TAXONOMY)}."
        raise EyeError(f"{name!r} is not a name of the taxonomy; {hint}") from None

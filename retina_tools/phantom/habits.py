"""What kinds of lesions there are to draw: how large, how long, how ragged, and where each is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Range = tuple[float, float]


@dataclass(frozen=True)
class Habit:
    """How a kind of lesion looks and where it is found.

    Attributes
    ----------
    diameter_um : tuple of float
        Least and largest; small ones are more common.
    from_fovea_um : tuple of float
        Distances of its centre from the fovea.
    roughness : float
        How ragged the outline is.
    clustered : bool
        Whether most lie near others of their kind.
    length : tuple of float
        Least and largest amplitude of the second wave of the outline, which makes it long in the direction of the
        nerve fibres.
    from_disc : tuple of float, optional
        Distances of its centre from the disc's in disc radii, for what belongs to the disc.
    backdrop : bool
        Large and behind others, so that lesions of other kinds may lie on it.
    most : int
        No more than so many in an eye.
    """

    diameter_um: Range
    from_fovea_um: Range
    roughness: float = 0.05
    clustered: bool = False
    length: Range = (0.0, 0.0)
    from_disc: Range | None = None
    backdrop: bool = False
    most: int = 500


# The order decides each kind's stream of chance: add new ones at the end.
HABITS: Final[dict[str, Habit]] = {
    "cotton_wool_spot": Habit((300.0, 750.0), (1500.0, 5200.0), 0.22, length=(0.05, 0.3)),
    "haemorrhage": Habit((100.0, 520.0), (700.0, 6000.0), 0.20, length=(0.0, 0.40)),
    "hard_exudate": Habit((60.0, 300.0), (500.0, 3300.0), 0.16, clustered=True),
    "drusen": Habit((60.0, 160.0), (300.0, 2800.0)),
    "microaneurysm": Habit((55.0, 105.0), (450.0, 5500.0), 0.03),
    "laser_scar": Habit((320.0, 560.0), (2900.0, 7000.0), 0.04),
    "patchy_haemorrhage": Habit((900.0, 2400.0), (1200.0, 5500.0), 0.12, length=(0.0, 0.3), backdrop=True),
    "neovascularisation": Habit((500.0, 1300.0), (2200.0, 6000.0), 0.12),
    "epiretinal_membrane": Habit((1800.0, 3600.0), (0.0, 900.0), 0.12, backdrop=True, most=1),
    "macular_hole": Habit((300.0, 600.0), (0.0, 0.0), 0.02, most=1),
    "retinal_scar": Habit((500.0, 1600.0), (900.0, 5500.0), 0.14, backdrop=True),
    "macular_oedema": Habit((1500.0, 3000.0), (0.0, 500.0), 0.06, backdrop=True, most=1),
    "pigment_change": Habit((80.0, 330.0), (250.0, 2600.0), 0.22, clustered=True),
    "fibrous_proliferation": Habit((700.0, 2000.0), (2600.0, 5200.0), 0.16, length=(0.25, 0.45), backdrop=True),
    "choroidal_atrophy": Habit((900.0, 2600.0), (500.0, 2600.0), 0.12, backdrop=True),
    "myelinated_nerve_fibre": Habit(
        (900.0, 1700.0), (0.0, 9000.0), 0.14, length=(0.15, 0.35), from_disc=(1.35, 2.1), backdrop=True, most=3
    ),
    "diffuse_atrophy": Habit((1800.0, 3600.0), (0.0, 5000.0), 0.14, backdrop=True),
    "patchy_atrophy": Habit((500.0, 1900.0), (900.0, 4800.0), 0.16, backdrop=True),
    "artifact": Habit((250.0, 700.0), (0.0, 6000.0), 0.02, backdrop=True),
}

#: Lesions of the vessel graph itself, placed along vessels.
VASCULAR: Final = ("av_nicking", "venous_beading", "vascular_sheathing")

#: Every kind that can be asked for. Not drawn: venous tortuosity, which is the parameter ``venous_tortuosity``;
#: vitreous degeneration, which moves in front of the retina and has no outline on it; and other findings.
LESIONS: Final = (
    "microaneurysm", "haemorrhage", "hard_exudate", "cotton_wool_spot", "drusen", "laser_scar", "patchy_haemorrhage",
    "neovascularisation", "epiretinal_membrane", "macular_hole", "retinal_scar", "macular_oedema", "av_nicking",
    "venous_beading", "vascular_sheathing", "pigment_change", "fibrous_proliferation", "choroidal_atrophy",
    "myelinated_nerve_fibre", "artifact", "diffuse_atrophy", "patchy_atrophy",
)  # fmt: skip

#: Parts of the retina in which a kind can be made to lie, as seen from the fovea.
PLACES: Final = (
    "temporal", "nasal", "superior", "inferior", "superotemporal", "superonasal", "inferotemporal", "inferonasal",
    "macular", "peripapillary", "quadrants",
)  # fmt: skip

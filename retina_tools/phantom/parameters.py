"""What can be said about a synthetic eye: its anatomy, its lesions, the camera, each with a norm and a range."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from retina_tools.phantom.habits import HABITS, LESIONS, PLACES
from retina_tools.schema import EyeError

# Retinal arc per degree of visual angle in the standard emmetropic eye (Drasdo and Fowler 1974).
UM_PER_DEGREE: Final = 288.0


@dataclass(frozen=True)
class Parameters:
    """Everything that makes one synthetic eye, apart from its seed; lengths on the retina in micrometres.

    Parameters
    ----------
    disc_diameter_um : float
        Diameter of the circle with the area of the optic disc (norm 1800).
    disc_ovality : float
        Short over long axis of the disc; the long one is vertical before tilting.
    disc_tilt_deg : float
        Angle of the long axis to the vertical, its upper end tilted temporally.
    cup_disc_ratio : float
        Cup over disc along the disc's long axis, which is the vertical cup-disc ratio of an untilted disc (norm 0.4).
    cup_ovality : float
        Ratio of the cup-disc ratios along the short and along the long axis.
    cup_offset_temporal, cup_offset_superior : float
        How far the cup's centre lies off the disc's, in disc radii; the cup never leaves the disc.
    notch_depth : float
        Share of the rim that is gone in the middle of a notch: 0 without one, 1 down to the disc's margin.
    notch_angle_deg, notch_width_deg : float
        Where the notch is as seen from the cup's centre, 0 temporal, 90 superior, 270 inferior, and how wide.
    arc_atrophy_um : float
        Greatest width of peripapillary atrophy, 0 without any.
    arc_atrophy_angle_deg, arc_atrophy_span_deg : float
        Where it is widest, 0 temporal, 90 superior, and the angle it covers: 360 is a ring of even width.
    disc_fovea_distance_um : float
        Centre to centre (norm 4750, which is 2.6 disc diameters).
    disc_fovea_angle_deg : float
        How far the disc lies above the fovea, as an angle at the fovea (norm 6.5).
    macula_diameter_um : float
        Diameter of the circle around the fovea that the mask ``macula`` shows.
    faz_diameter_um : float
        Foveal avascular zone: no vessel comes nearer to the fovea than half of it (norm 550).
    arteriole_calibre_um, venule_calibre_um : float
        Central retinal artery and vein equivalent (CRAE, CRVE): the trees are scaled so that Knudtson's formula gives
        exactly this (norms 150 and 220).
    vessel_density : float
        How finely the branches fill the retina: 1 is a typical eye, 0 leaves the trunks alone.
    tortuosity : float
        Waviness of the vessels: 1 is a typical eye, 0 smooth arcs.
    venous_tortuosity : float
        Factor on the waviness of the veins alone.
    murray_exponent : float
        x in ``r0**x = r1**x + r2**x``, which every bifurcation obeys exactly.
    asymmetry : float
        How much thinner side branches are than their length alone makes them: 0 as grown, 1 very unequal daughters.
    taper_per_mm : float
        Share of its calibre that a vessel loses per millimetre between two bifurcations.
    lesions : mapping of str to int
        How many of each kind of `LESIONS`; an eye asked for 0 of a kind has an empty mask of it. There may be fewer,
        where there is no room for more.
    lesion_places : mapping of str to str
        Where a kind has to lie, as seen from the fovea: temporal, nasal, superior, inferior, superotemporal,
        superonasal, inferotemporal, inferonasal, macular (within a disc diameter), peripapillary, or quadrants (evenly
        in all four).
    lesion_sizes : mapping of str to float
        Factor on the diameter of a kind.
    lesion_scale : float
        Factor on the diameter of every lesion.
    nicking_depth, beading_depth : float
        Share of its calibre that a vein loses in a nicking and between beads.
    field_angle_deg : float
        Angle the round field of view covers.
    view_centre : float
        Where the camera looks: 0 at the fovea, 1 at the optic disc.
    pigmentation : float
        0 blond to 1 dark fundus.
    tessellation : float
        How far choroidal vessels show through, 0 to 1; from 0.5 on the eye has a mask of it.
    illumination : float
        Brightness of the flash, 1 is usual.
    uneven_illumination : float
        How much of the light is lost towards one side and the margin, 0 to 1.
    haze : float
        Veiling light of an opaque lens, 0 to 1.
    blur_um : float
        Standard deviation of the optical blur on the retina.
    noise : float
        Standard deviation of the sensor's noise in grey levels.
    jpeg_quality : int
        10 to 100; 0 leaves the picture uncompressed.
    """

    disc_diameter_um: float = 1800.0
    disc_ovality: float = 0.92
    disc_tilt_deg: float = 0.0
    cup_disc_ratio: float = 0.4
    cup_ovality: float = 0.95
    cup_offset_temporal: float = 0.0
    cup_offset_superior: float = 0.0
    notch_depth: float = 0.0
    notch_angle_deg: float = 290.0
    notch_width_deg: float = 60.0
    arc_atrophy_um: float = 0.0
    arc_atrophy_angle_deg: float = 0.0
    arc_atrophy_span_deg: float = 170.0
    disc_fovea_distance_um: float = 4750.0
    disc_fovea_angle_deg: float = 6.5
    macula_diameter_um: float = 1500.0
    faz_diameter_um: float = 550.0
    arteriole_calibre_um: float = 150.0
    venule_calibre_um: float = 220.0
    vessel_density: float = 1.0
    tortuosity: float = 1.0
    venous_tortuosity: float = 1.0
    murray_exponent: float = 3.0
    asymmetry: float = 0.0
    taper_per_mm: float = 0.008
    lesions: Mapping[str, int] = field(default_factory=dict)
    lesion_places: Mapping[str, str] = field(default_factory=dict)
    lesion_sizes: Mapping[str, float] = field(default_factory=dict)
    lesion_scale: float = 1.0
    nicking_depth: float = 0.5
    beading_depth: float = 0.4
    field_angle_deg: float = 45.0
    view_centre: float = 0.35
    pigmentation: float = 0.4
    tessellation: float = 0.2
    illumination: float = 1.0
    uneven_illumination: float = 0.35
    haze: float = 0.0
    blur_um: float = 9.0
    noise: float = 2.5
    jpeg_quality: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            object.__setattr__(self, name, _checked(name, getattr(self, name), low, high))
        object.__setattr__(self, "lesions", _checked_lesions(self.lesions))
        object.__setattr__(self, "lesion_places", _checked_places(self.lesion_places))
        object.__setattr__(self, "lesion_sizes", _checked_sizes(self.lesion_sizes))

    @property
    def field_um(self) -> float:
        """Diameter of the field of view on the retina."""
        return self.field_angle_deg * UM_PER_DEGREE

    def as_dict(self) -> dict[str, Any]:
        """All parameters by name, ready for JSON."""
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}


RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "disc_diameter_um": (1000.0, 2600.0),
    "disc_ovality": (0.6, 1.0),
    "disc_tilt_deg": (-90.0, 90.0),
    "cup_disc_ratio": (0.05, 0.95),
    "cup_ovality": (0.7, 1.05),
    "cup_offset_temporal": (-0.5, 0.5),
    "cup_offset_superior": (-0.5, 0.5),
    "notch_depth": (0.0, 1.0),
    "notch_angle_deg": (-180.0, 360.0),
    "notch_width_deg": (10.0, 180.0),
    "arc_atrophy_um": (0.0, 1500.0),
    "arc_atrophy_angle_deg": (-180.0, 360.0),
    "arc_atrophy_span_deg": (20.0, 360.0),
    "disc_fovea_distance_um": (3600.0, 6000.0),
    "disc_fovea_angle_deg": (-10.0, 20.0),
    "macula_diameter_um": (300.0, 6000.0),
    "faz_diameter_um": (200.0, 1200.0),
    "arteriole_calibre_um": (60.0, 300.0),
    "venule_calibre_um": (80.0, 400.0),
    "vessel_density": (0.0, 1.6),
    "tortuosity": (0.0, 2.5),
    "venous_tortuosity": (0.0, 3.0),
    "murray_exponent": (2.0, 4.0),
    "asymmetry": (0.0, 1.0),
    "taper_per_mm": (0.0, 0.1),
    "lesion_scale": (0.3, 3.0),
    "nicking_depth": (0.0, 0.9),
    "beading_depth": (0.0, 0.8),
    "field_angle_deg": (20.0, 60.0),
    "view_centre": (-0.5, 1.5),
    "pigmentation": (0.0, 1.0),
    "tessellation": (0.0, 1.0),
    "illumination": (0.2, 2.0),
    "uneven_illumination": (0.0, 1.0),
    "haze": (0.0, 1.0),
    "blur_um": (0.0, 200.0),
    "noise": (0.0, 60.0),
    "jpeg_quality": (0, 100),
}


def parameters(**values: Any) -> Parameters:
    """What makes an eye, from keywords, with a list of the known ones for a name that is none.

    Parameters
    ----------
    **values
        See `Parameters`.

    Raises
    ------
    EyeError
        An unknown name, or a value out of range.

    Examples
    --------
    >>> parameters(cup_disc_ratio=0.6).cup_disc_ratio
    0.6
    >>> parameters(cup_disc_ratio=1.4)
    Traceback (most recent call last):
    ...
    retina_tools.taxonomy.EyeError: cup_disc_ratio is 1.4, wanted 0.05 to 0.95.
    """
    known = [f.name for f in dataclasses.fields(Parameters)]
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise EyeError(f"{name!r} is not a parameter of a synthetic eye. {hint}Known: {', '.join(known)}.")
    return Parameters(**values)


def _checked(name: str, value: Any, low: float, high: float) -> float | int:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise EyeError(f"{name} is {value!r}, wanted a number from {low:g} to {high:g}.") from None
    if not (math.isfinite(number) and low <= number <= high):
        raise EyeError(f"{name} is {number:g}, wanted {low:g} to {high:g}.")
    return int(number) if isinstance(low, int) else number


def _checked_lesions(lesions: Mapping[str, int]) -> dict[str, int]:
    _check_kinds("lesions", lesions, "counts like {'microaneurysm': 12}")
    for name, count in lesions.items():
        most = HABITS[name].most if name in HABITS else 50
        if isinstance(count, bool) or int(count) != count or not 0 <= count <= most:
            raise EyeError(f"The count of {name} is {count!r}, wanted a whole number from 0 to {most}.")
    return {str(name): int(count) for name, count in lesions.items()}


def _checked_places(places: Mapping[str, str]) -> dict[str, str]:
    _check_kinds("lesion_places", places, "places like {'drusen': 'macular'}")
    for name, place in places.items():
        if place not in PLACES:
            raise EyeError(f"The place of {name} is {place!r}, wanted one of {', '.join(PLACES)}.")
    return dict(places)


def _checked_sizes(sizes: Mapping[str, float]) -> dict[str, float]:
    _check_kinds("lesion_sizes", sizes, "factors like {'drusen': 1.5}")
    return {str(name): float(_checked(f"lesion_sizes of {name}", size, 0.2, 5.0)) for name, size in sizes.items()}


def _check_kinds(name: str, given: Mapping[str, Any], wanted: str) -> None:
    if not isinstance(given, Mapping):
        raise EyeError(f"{name} is {given!r}, wanted a mapping of names to {wanted}.")
    for kind in given:
        if kind not in LESIONS:
            near = difflib.get_close_matches(str(kind), LESIONS, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise EyeError(f"{kind!r} is not a lesion that can be painted; {hint}wanted one of {', '.join(LESIONS)}.")


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value

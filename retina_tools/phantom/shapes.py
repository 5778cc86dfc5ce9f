"""Bare figures whose answers are known in closed form, for laws that a measurement has to obey.

Every function returns a mask, a bool array of shape (size, size), unless it says otherwise. A pixel belongs to a figure
when its centre does. Lengths are in pixels, angles in degrees counter-clockwise from image right. Figures are centred.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ellipe

from retina_tools import schema
from retina_tools.phantom.painting import View, paint_vessels
from retina_tools.phantom.vessels import Floats, Segment
from retina_tools.schema import EyeError

Mask = NDArray[np.bool_]

__all__ = [
    "arc",
    "concentric_discs",
    "crossing",
    "ellipse",
    "koch_curve",
    "line",
    "path",
    "radial_vessels",
    "ring",
    "sierpinski_carpet",
    "sinusoid",
    "sinusoid_arc_chord",
    "y_junction",
]


def path(points_yx: Floats, width: float | Floats, size: int = 256) -> Mask:
    """A line of given width, or widths, along a polyline, with round ends.

    Parameters
    ----------
    points_yx : array_like, shape (n, 2)
        In pixels.
    width : float or array_like, shape (n,)
        Full width in pixels, at least 1.
    size : int

    Raises
    ------
    EyeError
        The width is below one pixel, which would be painted wider than asked for, or the points make no line.
    """
    points = np.asarray(points_yx, float)
    if points.ndim != 2 or points.shape[1:] != (2,) or len(points) < 2:
        raise EyeError(f"The points have shape {points.shape}, wanted (n, 2) with at least two points (y, x).")
    widths = np.broadcast_to(np.asarray(width, float), len(points))
    if not (widths >= 1.0).all():
        raise EyeError(f"The width is {np.min(widths):g} pixels, wanted 1 or more; make the figure larger.")
    view = View(size, 1.0, np.full(2, (size - 1) / 2), 2.0 * size)
    return paint_vessels([Segment("artery", points, widths / 2, -1, ())], view, looks=False).mask


def _centred(dy: Floats, dx: Floats, angle_deg: float, size: int) -> Floats:
    """Points given as (up, right) around the middle, turned counter-clockwise."""
    turn = math.radians(angle_deg)
    right = dx * math.cos(turn) - dy * math.sin(turn)
    up = dx * math.sin(turn) + dy * math.cos(turn)
    middle = (size - 1) / 2
    return np.column_stack([middle - up, middle + right])


def line(angle_deg: float = 0.0, width: float = 8.0, length: float | None = None, size: int = 256) -> Mask:
    """A straight line.

    Truth: width as given, length 0.7 ``size`` if not given, arc/chord 1, curvature 0, area
    ``length * width + pi * width**2 / 4`` (the ends are round).

    Parameters
    ----------
    angle_deg : float
        Counter-clockwise from image right.
    width : float
        Full width in px.
    length : float, optional
    size : int
        Pixels along one side of the mask.

    Examples
    --------
    >>> round(line(30.0, width=10, length=100).sum() / (100 * 10 + 3.14159 * 25), 1)
    np.float64(1.0)
    """
    length = 0.7 * size if length is None else length
    half = np.array([-0.5, 0.5]) * length
    return path(_centred(np.zeros(2), half, angle_deg, size), width, size)


def arc(
    radius: float = 80.0, span_deg: float = 90.0, width: float = 6.0, angle_deg: float = 0.0, size: int = 256
) -> Mask:
    """A piece of a circle around the middle, from ``angle_deg`` on.

    Truth, with ``a`` the span in radians: length ``a * radius``, chord ``2 * radius * sin(a / 2)``, arc/chord
    ``(a / 2) / sin(a / 2)``, curvature ``1 / radius`` everywhere.

    Parameters
    ----------
    radius : float
        In px.
    span_deg : float
    width : float
        Full width in px.
    angle_deg : float
        Where the arc begins.
    size : int
        Pixels along one side of the mask.
    """
    theta = np.radians(np.linspace(0.0, span_deg, max(8, int(radius * math.radians(span_deg)))))
    return path(_centred(radius * np.sin(theta), radius * np.cos(theta), angle_deg, size), width, size)


def sinusoid(
    amplitude: float = 12.0,
    wavelength: float = 60.0,
    periods: float = 3.0,
    width: float = 6.0,
    angle_deg: float = 0.0,
    size: int = 256,
) -> Mask:
    """A sine wave along a straight axis.

    Truth: chord ``periods * wavelength``; arc/chord for whole half periods `sinusoid_arc_chord`; inflections at every
    half wavelength; greatest curvature ``amplitude * (2 * pi / wavelength)**2``; integral of the absolute curvature
    ``4 * atan(2 * pi * amplitude / wavelength)`` per period, half of it over each half wave.

    Parameters
    ----------
    amplitude, wavelength : float
        In px.
    periods : float
    width : float
        Full width in px.
    angle_deg : float
        Direction of the axis.
    size : int
        Pixels along one side of the mask.
    """
    length = periods * wavelength
    along = np.linspace(0.0, length, max(16, int(2 * length)))
    up = amplitude * np.sin(2 * np.pi * along / wavelength)
    return path(_centred(up, along - length / 2, angle_deg, size), width, size)


def sinusoid_arc_chord(amplitude: float, wavelength: float) -> float:
    """Arc over chord of whole half periods of a sine wave, a complete elliptic integral of the second kind.

    Examples
    --------
    >>> sinusoid_arc_chord(0.0, 50.0)
    1.0
    """
    slope = (2 * np.pi * amplitude / wavelength) ** 2
    return float(2 / np.pi * np.sqrt(1 + slope) * ellipe(slope / (1 + slope)))


def y_junction(
    width: float = 10.0,
    daughters: tuple[float, float] = (8.0, 8.0),
    opening_deg: float = 75.0,
    length: float = 90.0,
    angle_deg: float = 0.0,
    size: int = 256,
) -> Mask:
    """A parent that splits in the middle into two straight daughters, each at half the opening from its direction.

    Truth: one bifurcation in the middle, three ends, branching angle ``opening_deg``, branching coefficient
    ``(d1**2 + d2**2) / width**2``, junctional exponent the solution x of ``width**x = d1**x + d2**x``.

    Parameters
    ----------
    width : float
        Width of the parent in px.
    daughters : tuple of float
        Widths of the daughters.
    opening_deg : float
        Angle between the daughters.
    length : float
        Of each of the three arms.
    angle_deg : float
        Direction in which the parent runs.
    size : int
        Pixels along one side of the mask.
    """
    parent = path(_centred(np.zeros(2), np.array([-length, 0.0]), angle_deg, size), width, size)
    total = parent
    for daughter, sign in zip(daughters, (1.0, -1.0), strict=True):
        turn = angle_deg + sign * opening_deg / 2
        total = total | path(_centred(np.zeros(2), np.array([0.0, length]), turn, size), daughter, size)
    return total


def crossing(
    angle_deg: float = 90.0, widths: tuple[float, float] = (8.0, 10.0), length: float = 180.0, size: int = 256
) -> tuple[Mask, Mask]:
    """Two straight lines, horizontal and turned by ``angle_deg``, as two masks that overlap in the middle.

    Truth: no bifurcation, one crossing, four ends; overlap ``widths[0] * widths[1] / sin(angle)``.

    Parameters
    ----------
    angle_deg : float
        Between the lines.
    widths : tuple of float
    length : float
    size : int
        Pixels along one side of the mask.
    """
    return line(0.0, widths[0], length, size), line(angle_deg, widths[1], length, size)


def ring(radius: float = 80.0, width: float = 8.0, size: int = 256) -> Mask:
    """A closed ring of mean radius ``radius``.

    Truth: area ``2 * pi * radius * width``, centreline ``2 * pi * radius``, one hole, no end, no bifurcation.

    Parameters
    ----------
    radius, width : float
        In px.
    size : int
        Pixels along one side of the mask.
    """
    distance = np.hypot(*_offsets(size))
    return np.abs(distance - radius) <= width / 2


def ellipse(
    height: float = 120.0,
    width: float = 100.0,
    angle_deg: float = 0.0,
    centre_yx: tuple[float, float] | None = None,
    size: int = 256,
) -> Mask:
    """A filled ellipse; ``height`` and ``width`` are full axes before it is turned counter-clockwise.

    Truth: area ``pi * height * width / 4``; minor over major axis; vertical extent
    ``sqrt(height**2 * cos(angle)**2 + width**2 * sin(angle)**2)``, horizontal with sine and cosine exchanged.

    Parameters
    ----------
    height, width : float
        Full axes in px before it is turned.
    angle_deg : float
    centre_yx : tuple of float, optional
    size : int
        Pixels along one side of the mask.
    """
    dy, dx = _offsets(size, centre_yx)
    turn = math.radians(angle_deg)
    right, up = dx * math.cos(turn) - dy * math.sin(turn), -dx * math.sin(turn) - dy * math.cos(turn)
    inside: Mask = (2 * right / width) ** 2 + (2 * up / height) ** 2 <= 1.0
    return inside


def concentric_discs(
    disc_diameter: float = 160.0, ratio: float = 0.5, ovality: float = 1.0, size: int = 256
) -> tuple[Mask, Mask]:
    """A disc and a cup around the same centre, of the same shape.

    Truth: vertical, horizontal and smallest-over-largest cup-disc ratio ``ratio``, by area ``ratio**2``; vertical
    diameter ``disc_diameter``, horizontal ``ovality * disc_diameter``; rim ``(1 - ratio) / 2`` disc diameters all
    round where ``ovality`` is 1.

    Parameters
    ----------
    disc_diameter : float
        Vertical, in px.
    ratio : float
        Cup over disc.
    ovality : float
        Horizontal over vertical diameter of both.
    size : int
        Pixels along one side of the mask.
    """
    disc = ellipse(disc_diameter, ovality * disc_diameter, size=size)
    return disc, ellipse(ratio * disc_diameter, ratio * ovality * disc_diameter, size=size)


def _offsets(size: int, centre_yx: tuple[float, float] | None = None) -> tuple[Floats, Floats]:
    middle = (size - 1) / 2
    y0, x0 = (middle, middle) if centre_yx is None else centre_yx
    axis = np.arange(size, dtype=float)
    return (axis - y0)[:, None], (axis - x0)[None]


def koch_curve(level: int = 5, width: float = 1.0, size: int = 729) -> Mask:
    """The Koch curve over nine tenths of the frame's width, drawn with lines.

    Truth: fractal dimension ``log(4) / log(3)`` = 1.2619 between the scales ``width`` and ``0.9 * size``; length
    ``(4 / 3)**level`` times its base.

    Parameters
    ----------
    level : int
        How often each line is replaced by four.
    width : float
        Full width in px.
    size : int
        Pixels along one side of the mask.
    """
    points = np.array([-0.45 + 0j, 0.45 + 0j])
    for _ in range(level):
        step = np.diff(points) / 3
        turned = points[:-1] + step + step * np.exp(1j * np.pi / 3)
        inner = np.stack([points[:-1], points[:-1] + step, turned, points[:-1] + 2 * step], axis=1)
        points = np.append(inner.ravel(), points[-1])
    middle = (size - 1) / 2
    # Lifted so that the peak, 0.26 of the frame above the base, is in the frame as well.
    return path(np.column_stack([middle + size * (0.13 - points.imag), middle + size * points.real]), width, size)


def sierpinski_carpet(level: int = 5) -> Mask:
    """The Sierpinski carpet on ``3**level`` pixels along each side.

    Truth: fractal dimensions of all orders ``log(8) / log(3)`` = 1.8928; ``8**level`` pixels are set.

    Examples
    --------
    >>> int(sierpinski_carpet(3).sum()) == 8**3
    True
    """
    carpet = np.ones((1, 1), bool)
    hole = np.ones((3, 3), bool)
    hole[1, 1] = False
    for _ in range(level):
        carpet = np.kron(hole, carpet)
    return carpet


def radial_vessels(
    artery_widths_um: Sequence[float] = (90.0, 85.0, 80.0, 75.0, 70.0, 65.0),
    vein_widths_um: Sequence[float] = (120.0, 112.0, 104.0, 96.0, 88.0, 80.0),
    *,
    disc_diameter_um: float = 1800.0,
    laterality: str = "OD",
    size: int = 1024,
) -> xr.Dataset:
    """An eye of straight vessels of constant width around a round disc, arteries and veins in turn.

    Truth: every vessel has the width given, crosses zones A, B and C (0.5 to 5.2 disc radii), and has arc/chord 1;
    nothing branches or crosses. CRAE and CRVE are Knudtson's formula of the six widest. The disc is in the middle, the
    cup has half its diameter, the fovea is 2.6 disc diameters temporally on the same level, the scale is
    ``6 * disc_diameter_um / size`` micrometres per pixel, and the whole frame is field of view.

    Parameters
    ----------
    artery_widths_um, vein_widths_um : sequence of float
    disc_diameter_um : float
    laterality : {'OD', 'OS'}
    size : int
        Pixels along one side of the mask.

    Returns
    -------
    xarray.Dataset
        An eye without a photograph: masks artery, vein, optic_disc, optic_cup, both landmarks, the scale.
    """
    if laterality not in ("OD", "OS"):
        raise EyeError(f"laterality is {laterality!r}, wanted 'OD' (right eye) or 'OS' (left eye).")
    um_per_pixel = 6.0 * disc_diameter_um / size
    radius = disc_diameter_um / 2 / um_per_pixel
    counts = {"artery": len(artery_widths_um), "vein": len(vein_widths_um)}
    masks = {}
    for vessel, widths in (("artery", artery_widths_um), ("vein", vein_widths_um)):
        mask = np.zeros((size, size), bool)
        for index, width_um in enumerate(widths):
            # Even angles, arteries and veins half a step apart where there are as many of both; a few degrees more
            # keep vessels off the rows, columns and diagonals of the pixels, where widths come in steps.
            angle = 5.7 + 360.0 * (index + (0.0 if vessel == "artery" else 0.5)) / max(1, counts[vessel])
            ends = np.array([0.5, 5.2]) * radius
            mask |= path(_centred(np.zeros(2), ends, angle, size), width_um / um_per_pixel, size)
        masks[vessel] = mask
    masks["optic_disc"], masks["optic_cup"] = concentric_discs(2 * radius, 0.5, size=size)
    middle = (size - 1) / 2
    temporal = -1.0 if laterality == "OD" else 1.0
    return schema.new_eye(
        masks=masks,
        landmarks={"optic_disc": (middle, middle), "fovea": (middle, middle + temporal * 5.2 * radius)},
        laterality=laterality,
        um_per_pixel=um_per_pixel,
        scale_source="metadata",
        source="phantom.shapes.radial_vessels",
    )

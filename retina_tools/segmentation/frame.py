"""The normalised frame: every eye at one size, whatever the camera.

Photographs of the retina differ in resolution by a factor of six. A filter or a network made for one size is wrong for
the next, so segmenters work on a square *frame* in which the circle of the field of view has a fixed diameter. The
circle is fitted to the visible part of the field's edge, so a field cut at the top and bottom by the sensor is brought
to the same retinal scale as a whole one. Resampling is isotropic (an ellipse keeps its axis ratio) and antialiased, and
what is found is brought back to the photograph's own pixels with pixel centres in register.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from retina_tools import schema

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["Circle", "Frame", "fit_fov_circle"]

# Below this share of the field's edge lying off the picture's border there is no circle to see, only a cut-out.
_LEAST_VISIBLE_EDGE = 0.15
# A fitted circle whose edge points scatter more than this share of its radius is not the edge of a camera's field.
_LARGEST_SCATTER = 0.03


@dataclass(frozen=True)
class Circle:
    """The circle of the field of view.

    Attributes
    ----------
    centre_yx : tuple of float
        Centre in pixels, pixel centres on whole numbers; it may lie outside the picture.
    diameter_px : float
        Diameter in pixels, edge to edge.
    is_fitted : bool
        True where an arc of the edge was seen; False where the smallest circle around the picture is taken.
    """

    centre_yx: tuple[float, float]
    diameter_px: float
    is_fitted: bool


@dataclass(frozen=True, eq=False)
class Frame:
    """An eye in the normalised frame.

    Attributes
    ----------
    image : ndarray of float32, shape (n, n, 3)
        Red, green, blue in [0, 1]; black outside the field of view. Values beside the field's edge are averages of
        pixels inside it only, so there is no dark rim.
    fov : ndarray of bool, shape (n, n)
        Field of view.
    circle : Circle
        The field's circle, in the eye's own pixels.
    scale : float
        Frame pixels per pixel of the eye.
    native_shape : tuple of int
        (y, x) size of the eye.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:120, :160]
    >>> fov = np.hypot(y - 60, x - 80) <= 50
    >>> eye = schema.new_eye(np.where(fov[..., None], np.uint8([200, 100, 50]), np.uint8(0)), fov=fov)
    >>> frame = Frame.of(eye, diameter_px=200)
    >>> frame.image.shape, round(frame.scale, 1)
    ((200, 200, 3), 2.0)
    >>> y, x = frame.point_to_native(frame.point_from_native((60.0, 80.0)))
    >>> round(y, 6), round(x, 6)
    (60.0, 80.0)
    >>> bool((frame.to_native(frame.fov) == fov).mean() > 0.999)
    True
    """

    image: NDArray[np.float32]
    fov: NDArray[np.bool_]
    circle: Circle
    scale: float
    native_shape: tuple[int, int]

    @classmethod
    def of(cls, eye: xr.Dataset, *, diameter_px: int = 600) -> Frame:
        """Bring an eye to the normalised frame.

        Parameters
        ----------
        eye : xarray.Dataset
            An eye with an image.
        diameter_px : int
            Diameter of the field of view in the frame, which is also the side of the frame; 16 or more.

        Returns
        -------
        Frame

        Raises
        ------
        EyeError
            The eye has no image, or the diameter is too small.
        """
        return cls.around(eye, fit_fov_circle(eye["fov"].values), diameter_px=diameter_px)

    @classmethod
    def around(cls, eye: xr.Dataset, circle: Circle, *, diameter_px: int) -> Frame:
        """Bring a part of an eye to a frame: the square around a circle, a disc's with its surroundings for one.

        Parameters
        ----------
        eye : xarray.Dataset
            An eye with an image.
        circle : Circle
            In the eye's own pixels; it may reach beyond the picture, where the frame is then black.
        diameter_px : int
            Diameter of the circle in the frame, and the frame's side; 16 or more.

        Returns
        -------
        Frame

        Raises
        ------
        EyeError
            The eye has no image, or the diameter is too small.
        """
        if "image" not in eye:
            raise schema.EyeError("The eye has no image, so there is nothing to segment; give new_eye(image=...).")
        if diameter_px < 16:
            raise schema.EyeError(f"The frame's diameter is {diameter_px} px, wanted 16 or more; 600 suits vessels.")
        native_fov = eye["fov"].values
        frame = cls._empty(circle, diameter_px / circle.diameter_px, native_fov.shape, int(diameter_px))
        into_y, into_x = frame._matrices(to_native=False, order=1)
        weight = _apply(into_y, into_x, native_fov.astype(np.float32))
        for channel in range(3):
            plane = np.where(native_fov, eye["image"].values[..., channel], 0).astype(np.float32)
            mean = _apply(into_y, into_x, plane) / np.maximum(weight, 1e-6)
            frame.image[..., channel] = np.clip(np.where(weight > 1e-3, mean, 0) / 255, 0, 1)
        # One half lies exactly on the edge of a symmetrical field; a hair below keeps mirrored eyes identical there.
        frame.fov[:] = weight >= 0.5 - 1e-4
        frame.image[~frame.fov] = 0
        return frame

    @classmethod
    def _empty(cls, circle: Circle, scale: float, native_shape: tuple[int, int], side: int) -> Frame:
        image, fov = np.zeros((side, side, 3), np.float32), np.zeros((side, side), bool)
        return cls(image, fov, circle, scale, (int(native_shape[0]), int(native_shape[1])))

    @property
    def diameter_px(self) -> int:
        """Diameter of the field of view in the frame, and the frame's side, in pixels."""
        return int(self.fov.shape[0])

    def point_to_native(self, point_yx: ArrayLike) -> tuple[float, float]:
        """A point of the frame (y, x) in the eye's own pixels; it may lie outside the picture."""
        y, x = np.asarray(point_yx, float)
        middle = (self.diameter_px - 1) / 2
        centre_y, centre_x = self.circle.centre_yx
        return float((y - middle) / self.scale + centre_y), float((x - middle) / self.scale + centre_x)

    def point_from_native(self, point_yx: ArrayLike) -> tuple[float, float]:
        """A point (y, x) of the eye in frame pixels."""
        y, x = np.asarray(point_yx, float)
        middle = (self.diameter_px - 1) / 2
        centre_y, centre_x = self.circle.centre_yx
        return float((y - centre_y) * self.scale + middle), float((x - centre_x) * self.scale + middle)

    def from_native(self, plane: NDArray[np.floating]) -> NDArray[np.float32]:
        """Bring another plane on the eye's pixel grid (a probability, a mask as floats) to the frame, antialiased.

        Zero outside the picture.
        """
        if plane.shape != self.native_shape:
            raise schema.EyeError(f"The plane is {plane.shape}, wanted the eye's {self.native_shape}.")
        into_y, into_x = self._matrices(to_native=False, order=1)
        return _apply(into_y, into_x, plane.astype(np.float32))

    def to_native(self, array: NDArray[Any], order: int = 1) -> NDArray[Any]:
        """Bring a plane of the frame back to the eye's pixel grid.

        Parameters
        ----------
        array : ndarray, shape (n, n)
            bool, integer or float.
        order : {0, 1, 3}
            0 nearest neighbour (labels), 1 linear, 3 cubic (Catmull-Rom). Orders 1 and 3 are antialiased where the
            eye is smaller than the frame. A bool array is interpolated as 0 and 1 and cut at one half.

        Returns
        -------
        ndarray, shape ``native_shape``
            Zero or False outside the frame. bool stays bool; integers keep their type at order 0; all else float32.

        Raises
        ------
        EyeError
            The array is not of the frame's size, or the order is another one.
        """
        if array.shape != self.fov.shape:
            raise schema.EyeError(f"The array is {array.shape}, wanted the frame's {self.fov.shape}.")
        if order not in (0, 1, 3):
            raise schema.EyeError(f"The order is {order!r}, wanted 0 (nearest), 1 (linear) or 3 (cubic).")
        if order == 0:
            return self._nearest_to_native(array)
        onto_y, onto_x = self._matrices(to_native=True, order=order)
        values = _apply(onto_y, onto_x, array.astype(np.float32))
        return values >= 0.5 if array.dtype == np.bool_ else values

    def _nearest_to_native(self, array: NDArray[Any]) -> NDArray[Any]:
        side, (height, width) = self.diameter_px, self.native_shape
        rows = np.array([self.point_from_native((y, 0.0))[0] for y in range(height)])
        columns = np.array([self.point_from_native((0.0, x))[1] for x in range(width)])
        row, column = np.rint(rows).astype(int), np.rint(columns).astype(int)
        values = array[np.clip(row, 0, side - 1)[:, None], np.clip(column, 0, side - 1)[None, :]]
        inside = ((row >= 0) & (row < side))[:, None] & ((column >= 0) & (column < side))[None, :]
        return np.where(inside, values, np.zeros((), array.dtype))

    def _matrices(self, *, to_native: bool, order: int) -> tuple[scipy.sparse.csr_array, scipy.sparse.csr_array]:
        """Resampling along y and along x, as sparse matrices (wanted size, given size)."""
        side, middle = self.diameter_px, (self.diameter_px - 1) / 2
        matrices = []
        for length, centre in zip(self.native_shape, self.circle.centre_yx, strict=True):
            if to_native:
                positions = (np.arange(length) - centre) * self.scale + middle
                matrices.append(_resampling(positions, side, max(1.0, self.scale), order))
            else:
                positions = (np.arange(side) - middle) / self.scale + centre
                matrices.append(_resampling(positions, length, max(1.0, 1 / self.scale), order))
        return matrices[0], matrices[1]


def fit_fov_circle(fov: ArrayLike) -> Circle:
    """Fit the circle of the field of view, also where the sensor has cut it.

    The edge is read along every row and every column to half a pixel; stretches that lie on the picture's border or run
    dead straight along a row or column (cuts) are left out, and the rest is fitted by iteratively reweighted least
    squares, so that a notch or a label at the edge does not move it. Where too little of the edge is seen, or it is no
    circle, the smallest circle around the field's bounding box is taken: for a full-frame picture that is the circle
    on its diagonal, the smallest field it can have been cut from.

    Parameters
    ----------
    fov : array_like of bool, shape (y, x)

    Returns
    -------
    Circle
        An empty field gives the circle around the whole picture.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:80, :120]
    >>> circle = fit_fov_circle(np.hypot(y - 39.5, x - 60) <= 55)       # cut at the top and the bottom
    >>> round(circle.diameter_px), tuple(round(c, 1) for c in circle.centre_yx)
    (110, (39.5, 60.0))
    """
    field = np.asarray(fov, bool)
    if not field.any():
        field = np.ones_like(field)
    points_yx, visible = _edge_points(field)
    # The smallest side is 16 px because fewer edge points than that say nothing about a curvature.
    if visible >= _LEAST_VISIBLE_EDGE and len(points_yx) >= 16:
        circle, scatter = _fit_circle(points_yx)
        smallest = 0.9 * min(max(np.ptp(points_yx[:, 0]), np.ptp(points_yx[:, 1])), *field.shape)
        if scatter < _LARGEST_SCATTER and smallest < circle.diameter_px < 3 * max(field.shape):
            return circle
    rows, columns = np.flatnonzero(field.any(1)), np.flatnonzero(field.any(0))
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    on_border = height == field.shape[0] and width == field.shape[1]
    diameter = math.hypot(height, width) if on_border else float(max(height, width))
    return Circle(((rows[0] + rows[-1]) / 2, (columns[0] + columns[-1]) / 2), diameter, is_fitted=False)


def _edge_points(field: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
    """Points (y, x) on the field's curved edge, and the share of all edge points that they are."""
    found, total = [], 0
    for transposed in (False, True):
        lines = field.T if transposed else field
        kept = np.flatnonzero(lines.any(1))
        first, last = lines[kept].argmax(1), lines.shape[1] - 1 - lines[kept, ::-1].argmax(1)
        for edge, border, shift in ((first, 0, -0.5), (last, lines.shape[1] - 1, 0.5)):
            total += len(edge)
            flat = np.abs(edge - border) <= 1
            values, counts = np.unique(edge, return_counts=True)
            straight = values[counts > max(0.15 * len(edge), 8)]
            flat |= np.isin(edge, straight) | np.isin(edge, straight - 1) | np.isin(edge, straight + 1)
            pair = np.column_stack([kept[~flat], edge[~flat] + shift])
            found.append(pair[:, ::-1] if transposed else pair)
    points = np.concatenate(found).astype(float)
    return points, len(points) / max(total, 1)


def _fit_circle(points_yx: NDArray[np.float64]) -> tuple[Circle, float]:
    """Circle through edge points by reweighted least squares, and the median residual over the radius."""
    middle = (points_yx.max(0) + points_yx.min(0)) / 2
    size = max(float(np.ptp(points_yx, axis=0).max()), 1.0)
    local = (points_yx - middle) / size
    design = np.column_stack([2 * local, np.ones(len(local))])
    weight, residual, centre, radius = np.ones(len(local)), np.zeros(len(local)), np.zeros(2), 0.5
    for _ in range(15):
        root = np.sqrt(weight)
        solution, *_ = np.linalg.lstsq(design * root[:, None], (local**2).sum(1) * root, rcond=None)
        centre, radius = solution[:2], math.sqrt(max(float(solution[2] + solution[:2] @ solution[:2]), 1e-12))
        residual = np.hypot(*(local - centre).T) - radius
        spread = max(2 * float(np.median(np.abs(residual))), 1 / size)
        weight = 1 / (1 + (residual / spread) ** 2) ** 2
    y, x = centre * size + middle
    scatter = float(np.median(np.abs(residual))) / radius
    return Circle((float(y), float(x)), 2 * radius * size, is_fitted=True), scatter


def _resampling(positions: NDArray[np.floating], length: int, width: float, order: int) -> scipy.sparse.csr_array:
    """Weights of the given samples for each wanted position; the kernel is ``width`` samples wide to antialias.

    Near the ends the weights of the samples that exist are brought to sum one; positions beyond the last sample's
    outer edge get none, and so zero.
    """
    import scipy.sparse

    reach = width * (1 if order == 1 else 2)
    taps = math.ceil(2 * reach) + 1
    column = np.ceil(positions - reach).astype(int)[:, None] + np.arange(taps)
    distance = np.abs(column - positions[:, None]) / width
    weight = np.maximum(1 - distance, 0) if order == 1 else _catmull_rom(distance)
    weight[(column < 0) | (column >= length)] = 0
    total = weight.sum(1, keepdims=True)
    inside = (positions > -0.5 - 1e-9) & (positions < length - 0.5 + 1e-9)
    weight = np.where(inside[:, None] & (np.abs(total) > 1e-6), weight / np.where(total == 0, 1, total), 0)
    rows = np.broadcast_to(np.arange(len(positions))[:, None], column.shape)
    triplets = (weight.ravel().astype(np.float32), (rows.ravel(), np.clip(column, 0, length - 1).ravel()))
    return scipy.sparse.csr_array(triplets, shape=(len(positions), length))


def _catmull_rom(distance: NDArray[np.floating]) -> NDArray[np.floating]:
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    return np.where(distance < 1, near, np.where(distance < 2, far, 0.0))


def _apply(
    along_y: scipy.sparse.csr_array, along_x: scipy.sparse.csr_array, plane: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Resample a plane along both axes."""
    rows = along_y @ plane
    resampled: NDArray[np.float32] = np.ascontiguousarray((along_x @ np.ascontiguousarray(rows.T)).T)
    return resampled

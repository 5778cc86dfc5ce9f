"""The one kind of object every adapter gives: an eye in, a new eye with what the model draws out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from retina_tools import schema
from retina_tools.segmentation.adapters.cards import AdapterCard
from retina_tools.segmentation.frame import Circle, Frame, fit_fov_circle

__all__ = ["ACTIVATIONS", "Colours", "Head", "Segmenter", "whole_field"]

Planes = NDArray[np.float32]
Activation = Literal["sigmoid", "softmax", "none"]

#: What may be done to a network's outputs to make probabilities of them.
ACTIVATIONS: Final = ("sigmoid", "softmax", "none")


@dataclass(frozen=True)
class Colours:
    """What a network is shown: colours scaled, less a mean, over a spread.

    Attributes
    ----------
    mean, spread : tuple of float
        Of red, green and blue, in the units of ``white``.
    white : float
        Value of full brightness: 1, or 255 for models that want bytes.
    order : {"rgb", "bgr", "green"}
        Planes and their order; ``green`` is a single plane.
    """

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    spread: tuple[float, float, float] = (1.0, 1.0, 1.0)
    white: float = 1.0
    order: Literal["rgb", "bgr", "green"] = "rgb"

    def __call__(self, frame: Frame) -> Planes:
        """Planes of a frame, float32 of shape (3 or 1, n, n); black outside the field is treated like any colour."""
        scaled = (frame.image * self.white - np.array(self.mean, np.float32)) / np.array(self.spread, np.float32)
        chosen = {"rgb": [0, 1, 2], "bgr": [2, 1, 0], "green": [1]}[self.order]
        return np.ascontiguousarray(np.moveaxis(scaled, -1, 0)[chosen], np.float32)

    def __str__(self) -> str:
        """In words."""
        words = f"{self.order}, 0 to {self.white:g}"
        if any(self.mean) or set(self.spread) != {1.0}:
            words += f", less {self.mean} over {self.spread}"
        return words


@dataclass(frozen=True)
class Head:
    """How a run of a network's channels is read.

    Attributes
    ----------
    channels : int
        How many there are.
    activation : {"sigmoid", "softmax", "none"}
        ``none`` for networks that give probabilities already.
    structures : mapping of str to sequence of int
        Channels, counted within the head, whose probabilities add up to a structure's.
    thresholds : mapping of str to float or None
        Probability from which a pixel belongs to the structure; None where one of its channels has to be the largest.
    shared : mapping of int to sequence of int
        Channels whose probability is divided in equal parts among others first, and that are then empty.
    """

    channels: int
    activation: Activation
    structures: Mapping[str, Sequence[int]]
    thresholds: Mapping[str, float | None]
    shared: Mapping[int, Sequence[int]] = field(default_factory=dict)

    def probabilities(self, outputs: Planes) -> Planes:
        """Probabilities of the channels, float32 of shape (channels, n, n).

        Raises
        ------
        EyeError
            The outputs are not finite, or, without an activation, outside [0, 1].
        """
        if not np.isfinite(outputs).all():
            raise schema.EyeError("The model gave values that are no numbers; its weights or its input are not right.")
        if self.activation == "sigmoid":
            planes = np.exp(-np.logaddexp(0, -outputs.astype(np.float64)))
        elif self.activation == "softmax":
            rest = np.exp(outputs.astype(np.float64) - outputs.max(0))
            planes = rest / rest.sum(0)
        else:
            planes = outputs.astype(np.float64)
            if planes.min() < -1e-3 or planes.max() > 1 + 1e-3:
                raise schema.EyeError(
                    f"The model gave values from {planes.min():.3g} to {planes.max():.3g}, which are no probabilities; "
                    "its activation is sigmoid or softmax rather than none."
                )
        for channel, others in self.shared.items():
            planes[list(others)] += planes[channel] / len(others)
            planes[channel] = 0
        return np.clip(planes, 0, 1).astype(np.float32)


def whole_field(eye: xr.Dataset) -> Circle:
    """The circle of the field of view: what most models are shown."""
    return fit_fov_circle(eye["fov"].values)


@dataclass(frozen=True, eq=False)
class Segmenter:
    """A model that draws on eyes: call it with one.

    Attributes
    ----------
    card : AdapterCard
        What it is, on what terms, from which file.
    heads : tuple of Head
        How its channels are read, in their order.
    infer : callable
        Planes (channels, n, n) of a frame to outputs (channels, n, n).
    prepare : callable
        A frame to its planes.
    place : callable
        The circle of an eye that is brought to the frame, or a sentence that says why there is none.
    edge_px : int
        Frame pixels along the field's edge of which the model was shown nothing, so that nothing is drawn there.

    Examples
    --------
    A model that calls everything red a disc:

    >>> from retina_tools import phantom
    >>> from retina_tools.segmentation.adapters.cards import UNSTATED
    >>> card = AdapterCard("red", "Red is disc", ("optic_disc",), 64, "none", {"optic_disc": 0.5}, UNSTATED)
    >>> head = Head(1, "none", {"optic_disc": [0]}, card.thresholds)
    >>> segmenter = Segmenter(card, (head,), lambda planes: planes[:1])
    >>> eye = segmenter(phantom.eye(seed=1, size=128))
    >>> float(eye.probability.sel(structure="optic_disc").max()) <= 1
    True
    """

    card: AdapterCard
    heads: tuple[Head, ...]
    infer: Callable[[Planes], Planes]
    prepare: Callable[[Frame], Planes] = Colours()
    place: Callable[[xr.Dataset], Circle | str] = whole_field
    edge_px: int = 1

    def __call__(self, eye: xr.Dataset) -> xr.Dataset:
        """Draw the model's structures on an eye.

        Parameters
        ----------
        eye : xarray.Dataset
            With an image. Other structures it has are kept, the same ones replaced.

        Returns
        -------
        xarray.Dataset
            A new eye with a mask and a probability of each structure, both empty outside the field of view and in its
            outermost hundredth, where models draw rings. The provenance names the model's file and its sha256.

        Raises
        ------
        EyeError
            The eye has no image, or the model gave something else than its card says.
        """
        schema.validate(eye)
        if "image" not in eye:
            raise schema.EyeError("The eye has no image, so there is nothing to segment; give new_eye(image=...).")
        circle = self.place(eye)
        if isinstance(circle, str):
            empty = np.zeros((eye.sizes["y"], eye.sizes["x"]), bool)
            return self._written(eye, dict.fromkeys(self.card.structures, empty), {}, f"nothing drawn: {circle}")
        frame = Frame.around(eye, circle, diameter_px=self.card.size_px)
        outputs = self._outputs(frame)
        inner, fov = _inner(eye, frame, self.edge_px), eye["fov"].values
        masks: dict[str, NDArray[np.bool_]] = {}
        probabilities: dict[str, Planes] = {}
        first = 0
        for head in self.heads:
            planes = head.probabilities(outputs[first : first + head.channels]) * inner
            first += head.channels
            native = np.stack([np.clip(frame.to_native(plane), 0, 1) * fov for plane in planes])
            largest = native.argmax(0)
            for structure, channels in head.structures.items():
                probability = np.minimum(native[list(channels)].sum(0), 1)
                threshold = head.thresholds[structure]
                drawn = np.isin(largest, list(channels)) if threshold is None else probability >= threshold
                # A pixel that no class has any say in, outside the frame for one, belongs to none of them.
                masks[structure], probabilities[structure] = drawn & (probability > 0), probability
        return self._written(eye, masks, probabilities, f"shown {self.card.view} on {self.card.size_px} px")

    def _outputs(self, frame: Frame) -> Planes:
        outputs = np.asarray(self.infer(self.prepare(frame)), np.float32)
        wanted = (sum(head.channels for head in self.heads), *frame.fov.shape)
        if outputs.shape != wanted:
            raise schema.EyeError(
                f"{self.card.name} gave an array of shape {outputs.shape}, wanted {wanted} (channels, y, x); the label "
                "map or the size is not this model's."
            )
        return outputs

    def _written(
        self,
        eye: xr.Dataset,
        masks: dict[str, NDArray[np.bool_]],
        probabilities: dict[str, Planes],
        said: str,
    ) -> xr.Dataset:
        files = "; ".join(f"{name}, sha256 {digest}" for name, digest in self.card.files.items())
        step = f"segmented: {', '.join(self.card.structures)} by {self.card.name} ({files or 'no file'}; {said})"
        return schema.with_parts(eye, masks=masks, probabilities=probabilities, step=step)


def _inner(eye: xr.Dataset, frame: Frame, edge_px: int) -> NDArray[np.bool_]:
    """The field less a hundredth of its radius and some pixels at least; a part's cut edge is no edge of the field."""
    from scipy import ndimage

    field = whole_field(eye)
    is_whole = frame.circle.diameter_px > 0.99 * field.diameter_px
    padded = np.pad(frame.fov, 1, mode="constant" if is_whole else "edge")
    if padded.all():
        return frame.fov
    distance = ndimage.distance_transform_edt(padded)[1:-1, 1:-1]
    return np.asarray(frame.fov & (distance > max(field.diameter_px * frame.scale / 200, edge_px)))

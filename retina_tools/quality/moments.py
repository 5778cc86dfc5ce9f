"""Statistical features: the distribution of each channel inside the field of view."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from retina_tools.quality.frame import Frame
from retina_tools.quality.registry import feature
from retina_tools.schema import CHANNELS

Statistic = Callable[[NDArray[np.float64]], float]


def mean(values: NDArray[np.float64]) -> float:
    """Arithmetic mean."""
    return float(values.mean())


def deviation(values: NDArray[np.float64]) -> float:
    """Standard deviation."""
    return float(values.std())


def skewness(values: NDArray[np.float64]) -> float:
    """Third standardised moment; NaN where all values are the same."""
    centred = values - values.mean()
    spread = float(values.std())
    return float((centred * centred * centred).mean()) / spread**3 if spread > 1e-3 else float("nan")


def entropy(values: NDArray[np.float64]) -> float:
    """Shannon entropy of the histogram with one bin a grey level.

    Examples
    --------
    >>> entropy(np.repeat([10.0, 20.0, 30.0, 40.0], 5))
    2.0
    """
    counts = np.bincount(np.clip(np.rint(values), 0, 255).astype(int))
    share = counts[counts > 0] / len(values)
    return float(-(share * np.log2(share)).sum()) + 0.0


_STATISTICS: Final[tuple[tuple[str, Statistic, str, str, str], ...]] = (
    ("mean", mean, "grey level", "Mean of {}", "Arithmetic mean of the {} channel inside the field of view."),
    ("sd", deviation, "grey level", "Spread of {}", "Standard deviation of the {} channel inside the field of view."),
    (
        "skewness",
        skewness,
        "1",
        "Skewness of {}",
        "Third standardised moment of the {} channel inside the field of view; not defined for an even picture.",
    ),
    (
        "entropy",
        entropy,
        "bit",
        "Entropy of {}",
        "Shannon entropy of the {} channel's histogram inside the field of view, one bin a grey level.",
    ),
)


def _of_channel(frame: Frame, *, channel: int, statistic: Statistic) -> float:
    return statistic(frame.pixels[channel].astype(np.float64))


for _index, _channel in enumerate(CHANNELS):
    for _name, _statistic, _units, _label, _definition in _STATISTICS:
        feature(
            f"{_channel}_{_name}",
            family="statistical",
            units=_units,
            label=_label.format(_channel),
            definition=_definition.format(_channel),
            source="Shannon 1948" if _name == "entropy" else "Descriptive statistics",
        )(partial(_of_channel, channel=_index, statistic=_statistic))

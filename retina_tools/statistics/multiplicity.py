"""Many tests at once: from p to q."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retina_tools.schema import EyeError

Floats = NDArray[np.float64]


def adjust(p_values: Sequence[float] | Floats, method: str | None = "fdr_bh") -> Floats:
    """Correct p values for their number; NaN are no tests and stay NaN.

    Parameters
    ----------
    p_values : array_like, shape (n,)
    method : str or None
        A method of ``statsmodels.stats.multitest.multipletests``; None changes nothing.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    EyeError
        There is no such method.

    Examples
    --------
    >>> adjust([0.01, 0.04, float("nan"), 0.03]).round(3).tolist()
    [0.03, 0.04, nan, 0.04]
    """
    p = np.asarray(p_values, float)
    tested = np.isfinite(p)
    if method is None or not tested.any():
        return p.copy()
    from statsmodels.stats.multitest import multipletests

    q = np.full(len(p), np.nan)
    try:
        q[tested] = multipletests(p[tested], method=method)[1]
    except ValueError:
        raise EyeError(f"correction is {method!r}; wanted 'fdr_bh', 'fdr_by', 'holm', 'bonferroni' or None.") from None
    return q

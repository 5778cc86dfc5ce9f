"""Loops over pixels, compiled by numba on first use and kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a loop over arrays; the machine code is cached beside the module and the GIL is released."""
    fast: Any = numba.njit(cache=True, nogil=True)(function)
    return cast(Function, fast)

"""What failed, in words that carry no data."""

from __future__ import annotations

import traceback
from pathlib import Path

from cci_lite.errors import CciLiteError


def describe_problem(problem: Exception) -> str:
    """What failed; messages of other libraries and of the system may carry data or file names."""
    if isinstance(problem, CciLiteError):
        return str(problem)
    frame = traceback.extract_tb(problem.__traceback__)[-1]
    detail = f": {problem.strerror}" if isinstance(problem, OSError) and problem.strerror else ""
    return f"{type(problem).__name__} at {Path(frame.filename).name}:{frame.lineno}{detail}"

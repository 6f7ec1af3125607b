"""One array of numbers or text from a `.npy` file."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidInput, Problem


def read_array(path: Path) -> NDArray[Any]:
    """The array, of whatever shape and type. Raises InvalidInput, which names the file, where there is not just one.

    Arrays of Python objects are refused: reading one runs code that the file brings.
    """
    try:
        found = np.load(path, allow_pickle=False)
    except OSError as fault:
        raise _refused(path, f"cannot be read: {fault.strerror or fault}") from fault
    except (ValueError, EOFError) as fault:
        raise _refused(path, f"is no .npy array of numbers or text ({fault})") from fault
    if not isinstance(found, np.ndarray):
        raise _refused(path, "holds several arrays; wanted one")
    return found


def _refused(path: Path, message: str) -> InvalidInput:
    return InvalidInput([Problem(message, field=path.name)])

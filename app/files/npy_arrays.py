"""One array of numbers or text from a `.npy` file."""

from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidInput, Problem

_MAGIC = b"\x93NUMPY"


def read_array(path: Path) -> NDArray[Any]:
    """The array, of whatever shape and type. Raises InvalidInput, which names the file, where there is not just one.

    Arrays of Python objects are refused: reading one runs code that the file brings.
    """
    try:
        with path.open("rb") as file:  # numpy leaves its own open where the file is damaged
            found = np.load(file, allow_pickle=False)
    except OSError as fault:
        raise _refused(path, f"cannot be read: {fault.strerror or fault}") from fault
    except MemoryError as fault:  # also where a damaged file promises more than there is
        raise _refused(path, f"is too large to be read, or damaged: {fault}") from fault
    except (ValueError, EOFError, SyntaxError, TokenError, BadZipFile) as fault:
        raise _refused(path, f"is no .npy array of numbers or text: {_why(path, str(fault))}") from fault
    if not isinstance(found, np.ndarray):
        raise _refused(path, "holds several arrays; wanted one")
    return found


def _why(path: Path, said: str) -> str:
    """What is wrong, without numpy's advice to trust the file with running code."""
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return "it does not begin as one; write it with numpy.save"
    if "Object arrays" in said:
        return "it holds Python objects; save whole numbers or text, such as labels.astype(str)"
    first = said.partition("\n")[0]
    return "it is damaged" if "pickle" in first or not first else f"it is damaged ({first})"


def _refused(path: Path, message: str) -> InvalidInput:
    return InvalidInput([Problem(message, field=path.name)])

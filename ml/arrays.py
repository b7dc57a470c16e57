"""The shapes that the pure parts of this room pass to each other."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
# Feature name -> one value per row; unknown is NaN, never a filled-in number.
Columns = Mapping[str, FloatArray]

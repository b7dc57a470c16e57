"""Connected components of large graphs, in numpy: as sets, without a library of their own."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def smallest_reached(a: Numbers, b: Numbers, size: int) -> Numbers:
    """Returns of every node the smallest one that edges lead to from it.

    Each round every edge hands the smaller label to what bears the greater one, and every node
    takes the label of its label (Shiloach and Vishkin, 1982): so many rounds as the logarithm of
    the longest way.

    Args:
        a: one end of each edge; `b` the other one.
        size: how many nodes there are, numbered from nought.
    """
    label = np.arange(size, dtype=np.int64)
    while len(a):
        one, other = label[a], label[b]
        apart = one != other
        if not apart.any():
            break
        a, b, one, other = a[apart], b[apart], one[apart], other[apart]
        np.minimum.at(label, np.maximum(one, other), np.minimum(one, other))
        while (further := label[label]).tobytes() != label.tobytes():
            label = further
    return label

"""Numbers that PyTorch's side and the tests compute alike, so that inputs need not be stored."""
import math

import numpy as np


def pseudo_random(shape, seed):
    """Uniform in [-1, 1) with 24 bits: exact in f32. tests/support/pseudo_random.h is the same in C++."""
    x = np.arange(math.prod(shape), dtype=np.uint32) * np.uint32(0x9E3779B1)
    x += np.uint32((seed * 0x85EBCA77) & 0xFFFFFFFF)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x2C1B3C6D)
    x ^= x >> np.uint32(12)
    x *= np.uint32(0x297A2D39)
    x ^= x >> np.uint32(15)
    return ((x >> np.uint32(8)).astype(np.float64) / 2**23 - 1).reshape(shape)

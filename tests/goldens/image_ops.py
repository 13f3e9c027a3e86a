#!/usr/bin/python3
"""Pillow's results for the operations of automatic augmentation -> image_ops.json, which the tests compare with.

Run with Debian's python3-pil: python3 tests/goldens/image_ops.py. The image follows from a formula (pseudo_random.py):
values around a ramp, so that histograms are neither flat nor full.
"""
import json
import os

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from pseudo_random import pseudo_random

HEIGHT, WIDTH = 20, 26

noise = pseudo_random((3, HEIGHT, WIDTH), 7)
ramp = np.linspace(60, 170, WIDTH)[None, None, :] + np.array([0, 15, -25])[:, None, None]
image = np.clip(np.floor(ramp + 40 * noise), 0, 255).astype(np.uint8)  # [C, H, W]
picture = Image.fromarray(image.transpose(1, 2, 0))

CASES = {"image": picture, "auto_contrast": ImageOps.autocontrast(picture), "equalize": ImageOps.equalize(picture)}
for factor in (0.0, 0.01, 0.4, 1.0, 1.3, 1.99):
    CASES[f"brightness {factor}"] = ImageEnhance.Brightness(picture).enhance(factor)
    CASES[f"colour {factor}"] = ImageEnhance.Color(picture).enhance(factor)
    CASES[f"contrast {factor}"] = ImageEnhance.Contrast(picture).enhance(factor)
    CASES[f"sharpness {factor}"] = ImageEnhance.Sharpness(picture).enhance(factor)
for bits in (1, 2, 5, 8):
    CASES[f"posterize {bits}"] = ImageOps.posterize(picture, bits)
for threshold in (0, 100, 200, 256):
    CASES[f"solarize {threshold}"] = ImageOps.solarize(picture, threshold)

result = {name: np.asarray(case).transpose(2, 0, 1).tobytes().hex() for name, case in CASES.items()}
result["shape"] = [3, HEIGHT, WIDTH]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "image_ops.json"), "w") as file:
    json.dump(result, file, indent=0)
    file.write("\n")

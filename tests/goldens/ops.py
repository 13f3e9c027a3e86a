#!/usr/bin/python3
"""PyTorch's results and gradients for every operation -> ops.json, which the tests compare with.

Run with Debian's python3-torch: python3 tests/goldens/ops.py. Inputs are not stored: they follow from a formula
(pseudo_random.py). Computed in double, so the values are the exact ones.
"""
import json
import os

import numpy as np
import torch
import torch.nn.functional as F

from pseudo_random import pseudo_random

COTANGENT_SEED = 1000


def lanes(*shape, scale=1.0, shift=0.0):
    return {"layout": "lanes", "shape": list(shape), "scale": scale, "shift": shift}


def plain(*shape, scale=1.0, shift=0.0):
    return {"layout": "plain", "shape": list(shape), "scale": scale, "shift": shift}


def short(tensor):
    return [float(f"{v:.7g}") for v in tensor.detach().double().flatten().tolist()]


CASES = {}


def case(name, inputs, function):
    tensors = []
    for seed, spec in enumerate(inputs):
        value = pseudo_random(spec["shape"], seed) * spec["scale"] + spec["shift"]
        # The tests scale in f32.
        value = value.astype(np.float32).astype(np.float64)
        tensors.append(torch.tensor(value, requires_grad=True))
    output = function(*tensors)
    (output * torch.tensor(pseudo_random(list(output.shape), COTANGENT_SEED))).sum().backward()
    CASES[name] = {
        "inputs": inputs,
        "output": {"shape": list(output.shape), "values": short(output)},
        "gradients": [short(t.grad if t.grad is not None else torch.zeros_like(t)) for t in tensors],
    }


def labels(n, classes):
    return torch.tensor([(7 * i + 3) % classes for i in range(n)])


# --- convolution and matrix products
case("conv2d: 3x3, padding, bias", [lanes(3, 3, 5, 4), plain(4, 3, 3, 3), plain(4)],
     lambda x, w, b: F.conv2d(x, w, b, padding=1))
case("conv2d: strides of their own", [lanes(2, 2, 7, 6), plain(3, 2, 3, 2)],
     lambda x, w: F.conv2d(x, w, stride=(2, 1), padding=(1, 0)))
case("conv2d: 1x1, stride 2", [lanes(3, 3, 5, 5), plain(2, 3, 1, 1)], lambda x, w: F.conv2d(x, w, stride=2))
case("conv2d: groups", [lanes(2, 4, 4, 5), plain(6, 2, 3, 3), plain(6)],
     lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=2))
case("conv2d: a batch beyond one vector", [lanes(17, 2, 3, 3), plain(2, 2, 3, 3)],
     lambda x, w: F.conv2d(x, w, padding=1))
case("linear: images", [lanes(17, 5), plain(3, 5), plain(3)], F.linear)
case("linear: tokens, no bias", [lanes(3, 4, 5), plain(6, 5)], F.linear)
case("matmul: plain", [plain(3, 4), plain(4, 5)], torch.matmul)
case("matmul: lanes", [lanes(3, 4, 5), lanes(3, 5, 2)], torch.matmul)
case("matmul: lanes in planes", [lanes(2, 3, 4, 5), lanes(2, 3, 5, 2)], torch.matmul)

# --- normalisation
NORM = [lanes(5, 3, 3, 4), plain(3, shift=1.0), plain(3)]


def batch_norm(training):
    def function(x, gamma, beta):
        mean, var = torch.tensor([0.1, -0.2, 0.3]).double(), torch.tensor([0.5, 1.0, 2.0]).double()
        return F.batch_norm(x, mean, var, gamma, beta, training, 0.1, 1e-5)
    return function


case("batch_norm: training", NORM, batch_norm(True))
case("batch_norm: evaluation", NORM, batch_norm(False))
case("batch_norm: relu", NORM, lambda *t: F.relu(batch_norm(True)(*t)))
case("batch_norm: relu, residual", NORM + [lanes(5, 3, 3, 4)],
     lambda x, gamma, beta, residual: F.relu(batch_norm(True)(x, gamma, beta) + residual))
case("batch_norm: a batch beyond one vector", [lanes(17, 2, 2, 2), plain(2, shift=1.0), plain(2)],
     lambda x, gamma, beta: F.batch_norm(x, None, None, gamma, beta, True, 0.1, 1e-5))
case("layer_norm: images", [lanes(5, 7), plain(7, shift=1.0), plain(7)],
     lambda x, gamma, beta: F.layer_norm(x, (7,), gamma, beta))
case("layer_norm: tokens", [lanes(3, 4, 6), plain(6, shift=1.0), plain(6)],
     lambda x, gamma, beta: F.layer_norm(x, (6,), gamma, beta))

# --- functions of one element
case("relu", [lanes(5, 3, 2, 3)], F.relu)
case("gelu: erf", [lanes(5, 9, scale=4.0)], F.gelu)
case("gelu: tanh", [lanes(5, 9, scale=4.0)], lambda x: F.gelu(x, approximate="tanh"))
case("exp", [lanes(5, 7, scale=3.0)], torch.exp)
case("log", [lanes(5, 7, shift=1.25)], torch.log)
case("sqrt", [lanes(5, 7, shift=1.25)], torch.sqrt)
case("scale", [lanes(5, 7)], lambda x: x * -2.5)
case("add_scalar", [lanes(5, 7)], lambda x: x + 0.75)

# --- broadcasting
for name, function in {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div}.items():
    shift = 2.0 if name == "div" else 0.0
    case(f"{name}: equal lanes", [lanes(5, 2, 3, 3), lanes(5, 2, 3, 3, shift=shift)], function)
    case(f"{name}: a value a plane", [lanes(3, 2, 3, 3), lanes(3, 2, 1, 1, shift=shift)], function)
    case(f"{name}: a value a plane first", [lanes(3, 2, 1, 1), lanes(3, 2, 3, 3, shift=shift)], function)
    case(f"{name}: both broadcast", [lanes(3, 2, 1, 3), lanes(3, 1, 4, 1, shift=shift)], function)
    case(f"{name}: lanes and a channel's parameter", [lanes(3, 2, 3, 3), plain(2, 1, 1, shift=shift)], function)
    case(f"{name}: a token's parameter and lanes", [plain(4, 5), lanes(3, 4, 5, shift=shift)], function)
    case(f"{name}: plain", [plain(3, 1, 4), plain(2, 1, shift=shift)], function)

# --- softmax and losses
for name, function in {"softmax": F.softmax, "log_softmax": F.log_softmax}.items():
    case(f"{name}: images", [lanes(5, 7, scale=3.0)], lambda x, f=function: f(x, -1))
    case(f"{name}: tokens", [lanes(3, 4, 5, scale=3.0)], lambda x, f=function: f(x, -1))
    case(f"{name}: planes", [lanes(2, 3, 4, 4, scale=3.0)], lambda x, f=function: f(x, -1))
case("cross_entropy", [lanes(17, 7, scale=3.0)], lambda x: F.cross_entropy(x, labels(17, 7)))
case("cross_entropy: label smoothing", [lanes(5, 7, scale=3.0)],
     lambda x: F.cross_entropy(x, labels(5, 7), label_smoothing=0.1))
case("soft_cross_entropy", [lanes(5, 7, scale=3.0), lanes(5, 7, scale=0.1, shift=0.2)],
     lambda x, t: -(t * F.log_softmax(x, -1)).sum(-1).mean())

# --- attention
def attention(heads, causal=False, scale=None):
    def function(qkv):
        n, t, features = qkv.shape
        q, k, v = qkv.reshape(n, t, 3, heads, features // (3 * heads)).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2) * (scale or q.shape[-1] ** -0.5)
        if causal:
            scores = scores.masked_fill(torch.ones(t, t).triu(1).bool(), -torch.inf)
        return (scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, features // 3)
    return function


case("scaled_dot_product_attention", [lanes(3, 5, 24, scale=2.0)], attention(2))
case("scaled_dot_product_attention: causal, scaled", [lanes(2, 6, 9, scale=2.0)], attention(1, True, 0.75))

# --- pooling
case("max_pool2d: 2x2", [lanes(3, 2, 4, 6)], lambda x: F.max_pool2d(x, 2))
case("max_pool2d: overlapping, padded", [lanes(3, 2, 5, 5)], lambda x: F.max_pool2d(x, 3, 2, 1))
case("avg_pool2d: 2x2", [lanes(3, 2, 4, 6)], lambda x: F.avg_pool2d(x, 2))
case("avg_pool2d: overlapping, padded", [lanes(3, 2, 5, 5)], lambda x: F.avg_pool2d(x, 3, 2, 1))
case("global_avg_pool", [lanes(5, 3, 3, 3)], lambda x: x.mean((2, 3)))

# --- reductions
case("sum: all", [lanes(5, 3, 2, 3)], torch.sum)
case("sum: planes", [lanes(5, 3, 2, 3)], lambda x: x.sum((2, 3)))
case("sum: a middle dimension, kept", [lanes(3, 4, 5)], lambda x: x.sum(1, keepdim=True))
case("sum: plain", [plain(3, 4, 5)], lambda x: x.sum((0, 2)))
case("mean: all", [lanes(17, 3)], torch.mean)
case("mean: the last dimension", [lanes(3, 4, 5)], lambda x: x.mean(-1))

# --- shapes
case("reshape: lanes", [lanes(3, 2, 2, 3)], lambda x: x.reshape(3, 3, 4))
case("reshape: plain", [plain(3, 4)], lambda x: x.reshape(2, 6))
case("flatten", [lanes(3, 2, 2, 4)], lambda x: x.flatten(1))
case("permute: lanes", [lanes(3, 2, 4, 5)], lambda x: x.permute(0, 2, 3, 1))
case("permute: plain", [plain(2, 3, 4)], lambda x: x.permute(2, 0, 1))
case("transpose: lanes", [lanes(3, 4, 5)], lambda x: x.transpose(1, 2))
case("concat: channels", [lanes(3, 2, 2, 2), lanes(3, 3, 2, 2)], lambda a, b: torch.cat([a, b], 1))
case("concat: tokens", [lanes(3, 1, 4), lanes(3, 4, 4)], lambda a, b: torch.cat([a, b], 1))
case("concat: plain", [plain(2, 3), plain(2, 2)], lambda a, b: torch.cat([a, b], 1))
case("slice: channels", [lanes(3, 5, 2, 2)], lambda x: x[:, 1:4])
case("slice: rows", [lanes(3, 2, 5, 3)], lambda x: x[:, :, 2:4])
case("slice: plain", [plain(4, 5)], lambda x: x[1:3])
case("repeat_batch", [plain(1, 2, 5)], lambda x: x.expand(3, -1, -1))
case("subsample", [lanes(3, 2, 5, 4)], lambda x: F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 2)))

# --- types
case("to_dtype", [lanes(17, 2, 2, 3)], lambda x: x.float().bfloat16().double())

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ops.json")
with open(path, "w", encoding="utf-8") as file:
    file.write("{\n")
    file.write(",\n".join(f"{json.dumps(name)}: {json.dumps(c, separators=(',', ':'))}" for name, c in CASES.items()))
    file.write("\n}\n")
print(f"{len(CASES)} cases, {os.path.getsize(path) / 1024:.0f} KiB -> {path}")

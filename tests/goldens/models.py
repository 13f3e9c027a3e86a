#!/usr/bin/python3
"""The models of models/ written in PyTorch -> models.json: logits, and the losses of ten training steps.

Run with Debian's python3-torch: python3 tests/goldens/models.py. Weights, images and labels are not stored: they
follow from a formula (pseudo_random.py), the parameter's position in the state dict being its seed. Computed
in double; `float_error` says how far PyTorch's own f32 comes from that, which sets the tests' tolerances.
"""
import json
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

from pseudo_random import pseudo_random

IMAGE_SEED, LABEL_SEED = 100000, 100001
SGD = {"lr": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}
STEPS = 10


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, projection):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.padding, self.downsample = stride, (outputs - inputs) // 2, None
        if projection and (stride != 1 or inputs != outputs):
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                                            nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.downsample is not None:
            x = self.downsample(x)
        elif self.stride != 1:
            x = F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, self.padding, self.padding))
        return F.relu(x + y)


class ResNet(nn.Module):
    def __init__(self, blocks, width, projection):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        inputs = width
        self.stages = []
        for stage, count in enumerate(blocks):
            outputs, layers = width << stage, []
            for block in range(count):
                layers.append(BasicBlock(inputs, outputs, 2 if stage and not block else 1, projection))
                inputs = outputs
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
            self.stages.append(f"layer{stage + 1}")
        self.fc = nn.Linear(inputs, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for stage in self.stages:
            x = getattr(self, stage)(x)
        return self.fc(x.mean((2, 3)))


class VGG(nn.Module):
    def __init__(self, convolutions, width):
        super().__init__()
        inputs, layers = 3, []
        for stage, count in enumerate(convolutions):
            for _ in range(count):
                outputs = width << min(stage, 3)
                layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
                inputs = outputs
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(inputs, 10)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class Attention(nn.Module):
    def __init__(self, dim, heads, qkv_bias):
        super().__init__()
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim)
        self.heads = heads

    def forward(self, x):
        n, t, dim = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        p = (q @ k.transpose(-2, -1) * (dim // self.heads) ** -0.5).softmax(-1)
        return self.proj((p @ v).transpose(1, 2).reshape(n, t, dim))


class Mlp(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """timm's, or with compact=True the compact transformers', whose second residual is the normalised sum."""
    def __init__(self, dim, heads, mlp_ratio, compact):
        super().__init__()
        eps = 1e-5 if compact else 1e-6
        self.norm1 = nn.LayerNorm(dim, eps)
        self.attn = Attention(dim, heads, not compact)
        self.norm2 = nn.LayerNorm(dim, eps)
        self.mlp = Mlp(dim, int(mlp_ratio * dim))
        self.compact = compact

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        y = self.norm2(x)
        return (y if self.compact else x) + self.mlp(y)


def sines(places, dim):
    """MAE's get_1d_sincos_pos_embed."""
    angles = places.double()[:, None] / 10000 ** (torch.arange(dim // 2).double() / (dim / 2))
    return torch.cat([angles.sin(), angles.cos()], 1)


class PatchEmbed(nn.Module):
    def __init__(self, dim, patch):
        super().__init__()
        self.proj = nn.Conv2d(3, dim, patch, patch)

    def forward(self, x):
        return self.proj(x).flatten(2).transpose(1, 2)


class ViT(nn.Module):
    def __init__(self, patch=4, dim=192, depth=9, heads=3, mlp_ratio=4, positions="learned", pool="class"):
        super().__init__()
        side, extra = 32 // patch, int(pool == "class")
        if extra:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        if positions == "learned":
            self.pos_embed = nn.Parameter(torch.zeros(1, side * side + extra, dim))
        else:
            place = torch.arange(side * side)
            table = torch.cat([sines(place % side, dim // 2), sines(place // side, dim // 2)], 1)
            table = torch.cat([torch.zeros(extra, dim), table])[None]
            self.register_buffer("pos_embed", table, persistent=False)
        self.patch_embed = PatchEmbed(dim, patch)
        self.blocks = nn.Sequential(*[Block(dim, heads, mlp_ratio, False) for _ in range(depth)])
        setattr(self, "norm" if extra else "fc_norm", nn.LayerNorm(dim, 1e-6))
        self.head = nn.Linear(dim, 10)
        self.extra = extra

    def forward(self, x):
        x = self.patch_embed(x)
        if self.extra:
            x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1)
        x = self.blocks(x + self.pos_embed)
        return self.head(self.norm(x)[:, 0] if self.extra else self.fc_norm(x.mean(1)))


class Tokenizer(nn.Module):
    def __init__(self, dim, layers, kernel):
        super().__init__()
        channels = [3] + [64] * (layers - 1) + [dim]
        self.conv_layers = nn.Sequential(*[
            nn.Sequential(nn.Conv2d(a, b, kernel, max(1, kernel // 2 - 1), max(1, kernel // 2), bias=False),
                          nn.ReLU(), nn.MaxPool2d(3, 2, 1)) for a, b in zip(channels, channels[1:])])

    def forward(self, x):
        return self.conv_layers(x).flatten(2).transpose(1, 2)


class TransformerClassifier(nn.Module):
    def __init__(self, tokens, dim, depth, heads, mlp_ratio, positions):
        super().__init__()
        if positions == "learned":
            self.positional_emb = nn.Parameter(torch.zeros(1, tokens, dim))
        else:
            i = torch.arange(dim)
            table = torch.arange(tokens).double()[:, None] / 10000 ** (2 * (i // 2) / dim)
            table = torch.where(i % 2 == 0, table.sin(), table.cos())[None]
            self.register_buffer("positional_emb", table, persistent=False)
        self.attention_pool = nn.Linear(dim, 1)
        self.blocks = nn.Sequential(*[Block(dim, heads, mlp_ratio, True) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)
        self.fc = nn.Linear(dim, 10)

    def forward(self, x):
        x = self.norm(self.blocks(x + self.positional_emb))
        return self.fc((self.attention_pool(x).softmax(1).transpose(1, 2) @ x).squeeze(1))


class CCT(nn.Module):
    def __init__(self, conv_layers=1, conv_kernel=3, dim=256, depth=7, heads=4, mlp_ratio=2, positions="learned"):
        super().__init__()
        self.tokenizer = Tokenizer(dim, conv_layers, conv_kernel)
        tokens = self.tokenizer(torch.zeros(1, 3, 32, 32)).shape[1]
        self.classifier = TransformerClassifier(tokens, dim, depth, heads, mlp_ratio, positions)

    def forward(self, x):
        return self.classifier(self.tokenizer(x))


class Whitening(nn.Module):
    def __init__(self, channels, kernel):
        super().__init__()
        outputs = 2 * channels * kernel * kernel
        self.register_buffer("weight", torch.zeros(outputs, channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias)


class AirbenchStage(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)

    def forward(self, x):
        x = F.gelu(self.norm1(F.max_pool2d(self.conv1(x), 2)))
        return F.gelu(self.norm2(self.conv2(x)))


class Airbench(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.whitening = Whitening(3, 2)
        self.stage1 = AirbenchStage(24, width)
        self.stage2 = AirbenchStage(width, 4 * width)
        self.stage3 = AirbenchStage(4 * width, 4 * width)
        self.head = nn.Linear(4 * width, 10, bias=False)

    def forward(self, x):
        x = self.stage3(self.stage2(self.stage1(F.gelu(self.whitening(x)))))
        return self.head(F.max_pool2d(x, 3).flatten(1)) / 9


MODELS = {
    "resnet18": lambda width=64: ResNet([2, 2, 2, 2], width, True),
    "resnet34": lambda width=64: ResNet([3, 4, 6, 3], width, True),
    "resnet20": lambda width=16: ResNet([3, 3, 3], width, False),
    "resnet32": lambda width=16: ResNet([5, 5, 5], width, False),
    "resnet56": lambda width=16: ResNet([9, 9, 9], width, False),
    "resnet110": lambda width=16: ResNet([18, 18, 18], width, False),
    "vgg11": lambda width=64: VGG([1, 1, 2, 2, 2], width),
    "vgg13": lambda width=64: VGG([2, 2, 2, 2, 2], width),
    "vgg16": lambda width=64: VGG([2, 2, 3, 3, 3], width),
    "vgg19": lambda width=64: VGG([2, 2, 4, 4, 4], width),
    "vit": ViT,
    "cct": CCT,
    "airbench": Airbench,
}
SMALL_VIT = {"dim": 24, "depth": 2, "heads": 3}
SMALL_CCT = {"dim": 24, "depth": 2, "heads": 2}


def state_names(model):
    return [name for name in model.state_dict() if not name.endswith("num_batches_tracked")]


def fill(model):
    """The weights that the tests compute too: fill_by_formula in tests/models/goldens_test.cpp."""
    state = model.state_dict()
    for seed, name in enumerate(state_names(model)):
        values = torch.from_numpy(pseudo_random(state[name].shape, seed))
        if values.dim() > 1:
            values *= (6 / values[0].numel()) ** 0.5
        elif name.endswith("running_var") or (name.endswith("weight") and values.dim() == 1):
            values = 1 + 0.5 * values
        else:
            values *= 0.1
        state[name].copy_(values)


def build(name, fields, dtype):
    model = MODELS[name](**fields).to(torch.float64)
    fill(model)
    return model.to(dtype)


def batch(count, dtype):
    images = torch.from_numpy(pseudo_random((count, 3, 32, 32), IMAGE_SEED)).to(dtype)
    labels = torch.from_numpy(((pseudo_random((count,), LABEL_SEED) + 1) * 5).astype("int64"))
    return images, labels


def logits(name, fields, count, training, dtype):
    model = build(name, fields, dtype).train(training)
    with torch.no_grad():
        return model(batch(count, dtype)[0]).double()


def losses(name, fields, count, dtype):
    model = build(name, fields, dtype).train()
    optimizer = torch.optim.SGD(model.parameters(), **SGD)
    images, labels = batch(count, dtype)
    result = []
    for _ in range(STEPS):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        result.append(loss.item())
    return torch.tensor(result, dtype=torch.float64)


def golden(compute):
    """Values in double, and the largest error of f32 relative to the largest value."""
    exact, single = compute(torch.float64), compute(torch.float32)
    error = ((exact - single).abs().max() / exact.abs().max()).item()
    return {"float_error": float(f"{error:.2g}"), "values": [float(f"{v:.7g}") for v in exact.flatten().tolist()]}


def main():
    result = {"sgd": SGD, "parameters": {}, "state": {}, "logits": [], "losses": []}
    for name, make in MODELS.items():
        model = make()
        result["parameters"][name] = sum(p.numel() for p in model.parameters())
        if name in ("resnet18", "resnet20", "vgg11", "vit", "cct", "airbench"):
            state = model.state_dict()
            result["state"][name] = [f"{key} {list(state[key].shape)}" for key in state_names(model)]
    narrow = {"width": 8}
    cases = [("resnet18", {"width": 64}, 1, False)]
    for name in ("resnet18", "resnet20", "resnet34", "vgg11", "vgg16", "airbench"):
        cases += [(name, narrow, 5, False), (name, narrow, 17, True)]
    cases += [("vit", SMALL_VIT, 17, True), ("vit", SMALL_VIT | {"patch": 8, "positions": "sine"}, 5, False),
              ("vit", SMALL_VIT | {"mlp_ratio": 1.5, "pool": "mean"}, 5, False),
              ("vit", SMALL_VIT | {"positions": "sine", "pool": "mean"}, 1, False),
              ("cct", SMALL_CCT, 17, True), ("cct", SMALL_CCT | {"conv_layers": 2, "positions": "sine"}, 5, False),
              ("cct", SMALL_CCT | {"conv_kernel": 7, "mlp_ratio": 3}, 1, False)]
    for name, fields, count, training in cases:
        case = {"model": name, "fields": fields, "images": count, "training": training}
        result["logits"].append(case | golden(lambda dtype: logits(name, fields, count, training, dtype)))
    for name, fields in (("resnet18", narrow), ("resnet20", narrow), ("vgg11", narrow), ("vit", SMALL_VIT),
                         ("cct", SMALL_CCT), ("airbench", narrow)):
        case = {"model": name, "fields": fields, "images": 17}
        result["losses"].append(case | golden(lambda dtype: losses(name, fields, 17, dtype)))
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "models.json")
    with open(path, "w") as file:
        file.write("{\n" + ",\n".join(f'"{key}": {dump(value)}' for key, value in result.items()) + "\n}\n")


def dump(value):
    """One line a case: readable differences."""
    if isinstance(value, list):
        return "[\n" + ",\n".join(json.dumps(item) for item in value) + "]"
    return json.dumps(value)


if __name__ == "__main__":
    main()

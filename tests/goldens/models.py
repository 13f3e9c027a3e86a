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


MODELS = {
    "resnet18": lambda width: ResNet([2, 2, 2, 2], width, True),
    "resnet34": lambda width: ResNet([3, 4, 6, 3], width, True),
    "resnet20": lambda width: ResNet([3, 3, 3], width, False),
    "resnet32": lambda width: ResNet([5, 5, 5], width, False),
    "resnet56": lambda width: ResNet([9, 9, 9], width, False),
    "resnet110": lambda width: ResNet([18, 18, 18], width, False),
    "vgg11": lambda width: VGG([1, 1, 2, 2, 2], width),
    "vgg13": lambda width: VGG([2, 2, 2, 2, 2], width),
    "vgg16": lambda width: VGG([2, 2, 3, 3, 3], width),
    "vgg19": lambda width: VGG([2, 2, 4, 4, 4], width),
}
DEFAULT_WIDTHS = {name: 16 if name in ("resnet20", "resnet32", "resnet56", "resnet110") else 64 for name in MODELS}


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


def build(name, width, dtype):
    model = MODELS[name](width).to(torch.float64)
    fill(model)
    return model.to(dtype)


def batch(count, dtype):
    images = torch.from_numpy(pseudo_random((count, 3, 32, 32), IMAGE_SEED)).to(dtype)
    labels = torch.from_numpy(((pseudo_random((count,), LABEL_SEED) + 1) * 5).astype("int64"))
    return images, labels


def logits(name, width, count, training, dtype):
    model = build(name, width, dtype).train(training)
    with torch.no_grad():
        return model(batch(count, dtype)[0]).double()


def losses(name, width, count, dtype):
    model = build(name, width, dtype).train()
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
        model = make(DEFAULT_WIDTHS[name])
        result["parameters"][name] = sum(p.numel() for p in model.parameters())
        if name in ("resnet18", "resnet20", "vgg11"):
            state = model.state_dict()
            result["state"][name] = [f"{key} {list(state[key].shape)}" for key in state_names(model)]
    cases = [("resnet18", 64, 1, False)]
    for name in ("resnet18", "resnet20", "resnet34", "vgg11", "vgg16"):
        cases += [(name, 8, 5, False), (name, 8, 17, True)]
    for name, width, count, training in cases:
        case = {"model": name, "width": width, "images": count, "training": training}
        result["logits"].append(case | golden(lambda dtype: logits(name, width, count, training, dtype)))
    for name in ("resnet18", "resnet20", "vgg11"):
        case = {"model": name, "width": 8, "images": 17}
        result["losses"].append(case | golden(lambda dtype: losses(name, 8, 17, dtype)))
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

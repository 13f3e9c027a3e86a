#!/usr/bin/python3
"""Training speed and memory of espalier and of PyTorch (channels last) on the same machine, in one run.

The two take turns, so that what the machine does besides slows both alike; medians count. Memory is the most that
a process had resident, its libraries included.

  tests/bench/compare_pytorch.py [--model resnet18,resnet20,vgg16,vit] [--batch 128] [--threads 2] [--rounds 3]
                                 [--precision f32,bf16]

Both with activations of f32, or of bf16, which PyTorch calls autocast.

With weights removed, against PyTorch's dense steps (--precision f32,bf16: of both); experiments/results/plot_sparse.py draws what --json prints:

  tests/bench/compare_pytorch.py --model resnet18 --sparsity 0.5,0.7,0.8,0.9,0.95,0.98 --blocks 1x1,4x4

Needs Debian's python3-torch. Every round of each is a process of its own.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def resnet(torch, stem, widths, blocks_per_stage, projection):
    """CIFAR ResNets: `projection` is a 1x1 convolution in the shortcut (ResNet-18); without it (ResNet-20) the
    shortcut skips pixels and pads channels with zeros."""
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs)
            self.relu = nn.ReLU(inplace=True)
            self.stride, self.extra = stride, outputs - inputs
            self.downsample = None
            if projection and (stride != 1 or self.extra):
                self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                                                nn.BatchNorm2d(outputs))

        def shortcut(self, x):
            if self.downsample is not None:
                return self.downsample(x)
            if self.extra == 0:
                return x
            return nn.functional.pad(x[:, :, ::self.stride, ::self.stride],
                                     (0, 0, 0, 0, self.extra // 2, self.extra - self.extra // 2))

        def forward(self, x):
            y = self.relu(self.bn1(self.conv1(x)))
            return self.relu(self.bn2(self.conv2(y)) + self.shortcut(x))

    layers = [nn.Conv2d(3, stem, 3, 1, 1, bias=False), nn.BatchNorm2d(stem), nn.ReLU(inplace=True)]
    inputs = stem
    for stage, outputs in enumerate(widths):
        for block in range(blocks_per_stage):
            layers.append(Block(inputs, outputs, 2 if stage > 0 and block == 0 else 1))
            inputs = outputs
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10)]
    return nn.Sequential(*layers)


def vgg16(torch):
    nn = torch.nn
    layers, inputs = [], 3
    for outputs in [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0]:
        if outputs == 0:
            layers.append(nn.MaxPool2d(2))
            continue
        layers += [nn.Conv2d(inputs, outputs, 3, 1, 1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        inputs = outputs
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 10))


def vit(torch):
    """Patches of 4, 192 features, 9 layers of 3 heads, a class token and learned positions."""
    nn = torch.nn

    class VisionTransformer(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(3, 192, 4, 4)
            self.token = nn.Parameter(torch.zeros(1, 1, 192))
            self.positions = nn.Parameter(torch.randn(1, 65, 192) * 0.02)
            self.layers = nn.Sequential(*[
                nn.TransformerEncoderLayer(192, 3, 768, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
                for _ in range(9)])
            self.norm, self.head = nn.LayerNorm(192), nn.Linear(192, 10)

        def forward(self, x):
            x = self.patches(x).flatten(2).transpose(1, 2)
            x = torch.cat([self.token.expand(x.shape[0], -1, -1).to(x.dtype), x], 1) + self.positions
            return self.head(self.norm(self.layers(x)[:, 0]))

    return VisionTransformer()


def build(torch, model):
    if model == "resnet18":
        return resnet(torch, 64, [64, 128, 256, 512], 2, True)
    if model == "resnet20":
        return resnet(torch, 16, [16, 32, 64], 3, False)
    if model == "vgg16":
        return vgg16(torch)
    if model == "vit":
        return vit(torch)
    sys.exit(f"no PyTorch counterpart of model {model!r} (known: resnet18, resnet20, vgg16, vit)")


def pytorch_images_per_second(model, precision, batch, threads, steps):
    """Run in a process of its own: the median step of `steps`, after three that warm up."""
    import torch
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    network = build(torch, model).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    images = torch.randn(batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(batch) % 10
    seconds = []
    for _ in range(3 + steps):
        start = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            loss = torch.nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()
        seconds.append(time.perf_counter() - start)
    return batch / statistics.median(seconds[3:])


def child(arguments):
    """Runs a program: what it printed, and the most memory that it had resident, in MiB."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=errors, text=True)
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            sys.exit(f"{' '.join(arguments)} failed:\n{errors.read()}")
    return printed, usage.ru_maxrss / 1024


def pytorch(options, model, precision, shared):
    """A round of PyTorch's: images a second, MiB."""
    printed, mib = child([sys.executable, __file__, "--pytorch-once", "--model", model, "--precision", precision, *shared,
                          "--steps", str(options.steps)])
    return float(printed), mib


def compare_dense(options, model, precision, shared):
    ours, theirs, our_mib, their_mib = [], [], 0, 0
    for _ in range(options.rounds):
        speed, mib = pytorch(options, model, precision, shared)
        theirs.append(speed)
        their_mib = max(their_mib, mib)
        printed, _ = child([options.espalier, "bench", "train", "--model", model, "--precision", precision, *shared,
                            "--rounds", str(options.steps), "--json"])
        speed = json.loads(printed)
        ours.append(speed["images_per_second"])
        # Its own figure: afterwards the benchmark measures the machine, which takes memory too.
        our_mib = max(our_mib, speed["process_bytes"] / 2**20)
    a, b = statistics.median(ours), statistics.median(theirs)
    if options.json:
        print(json.dumps({"model": model, "dtype": precision, "batch": options.batch, "threads": options.threads,
                          "espalier_images_per_second": a, "pytorch_images_per_second": b, "ratio": a / b,
                          "espalier_mib": our_mib, "pytorch_mib": their_mib}), flush=True)
    else:
        print(f"{model:<10} {precision:<5} {a:>9.0f} {b:>9.0f} {a / b:>6.2f} {our_mib:>13.0f} {their_mib:>12.0f}", flush=True)


def compare_sparse(options, model, precisions, shared):
    """Each line of `bench train --sparsity --json`, f32, with PyTorch's dense steps beside it."""
    rounds, theirs, their_mib = [], {precision: [] for precision in precisions}, 0
    for _ in range(options.rounds):
        for precision in precisions:
            speed, mib = pytorch(options, model, precision, shared)
            theirs[precision].append(1e3 * options.batch / speed)
            their_mib = max(their_mib, mib)
        printed, _ = child([options.espalier, "bench", "train", "--model", model, *shared, "--rounds", "1",
                            "--sparsity", options.sparsity, "--blocks", options.blocks, "--json"])
        rounds.append([json.loads(line) for line in printed.splitlines()])
    pytorch_ms = {precision: statistics.median(times) for precision, times in theirs.items()}
    dense_ms = statistics.median(lines[0]["ms"] for lines in rounds)
    for lines in zip(*rounds):
        ms = statistics.median(line["ms"] for line in lines)
        line = lines[-1] | {"ms": ms, "dense_ms": dense_ms, "times_dense": dense_ms / ms,
                            "images_per_second": 1e3 * options.batch / ms}
        for key in ("tensor_bytes", "process_bytes"):
            line[key] = max(other[key] for other in lines)
        line["pytorch_bytes"] = int(their_mib * 2**20)
        for precision in precisions:
            suffix = "" if precision == "f32" else f"_{precision}"
            line |= {f"pytorch{suffix}_ms": pytorch_ms[precision], f"times_pytorch{suffix}": pytorch_ms[precision] / ms}
        if options.json:
            print(json.dumps(line), flush=True)
        else:
            times = " ".join(f"{pytorch_ms[precision] / ms:>{len(precision) + 14}.2f}" for precision in precisions)
            print(f"{model:<10} {line['blocks']:>6} {100 * line['sparsity']:>7.3g}% {ms:>9.1f} {dense_ms / ms:>11.2f} "
                  f"{times} {line['process_bytes'] / 2**20:>13.0f} {their_mib:>12.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="resnet18,resnet20,vgg16")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=7, help="training steps a round")
    parser.add_argument("--precision", default="f32", help="f32, bf16, or both: f32,bf16; with --sparsity PyTorch's alone, ours is f32")
    parser.add_argument("--sparsity", help="fractions of weights removed: 0.5,0.9")
    parser.add_argument("--blocks", default="1x1,4x4", help="with --sparsity: single weights, blocks of channels")
    parser.add_argument("--espalier", default=os.path.join(ROOT, "build", "espalier"))
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--pytorch-once", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()

    if options.pytorch_once:
        print(pytorch_images_per_second(options.model, options.precision, options.batch, options.threads, options.steps))
        return

    shared = ["--batch", str(options.batch), "--threads", str(options.threads)]
    precisions = options.precision.split(",")
    if not options.json:
        pytorch_columns = " ".join(f"times PyTorch {precision}" for precision in precisions)
        print(f"batch {options.batch}, {options.threads} threads; medians of {options.rounds} rounds of "
              f"{'3' if options.sparsity else options.steps} steps (PyTorch: {options.steps}); MiB resident at most")
        print(f"{'model':<10} {'blocks':>6} {'removed':>8} {'ms a step':>9} {'times dense':>11} {pytorch_columns} "
              f"{'espalier MiB':>13} {'PyTorch MiB':>12}" if options.sparsity else
              f"{'model':<10} {'dtype':<5} {'espalier':>9} {'PyTorch':>9} {'ratio':>6} {'espalier MiB':>13} {'PyTorch MiB':>12}"
              "   images a second")
    for model in options.model.split(","):
        if options.sparsity:
            compare_sparse(options, model, precisions, shared)
            continue
        for precision in precisions:
            compare_dense(options, model, precision, shared)


if __name__ == "__main__":
    main()

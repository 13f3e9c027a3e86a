#!/usr/bin/python3
"""Inference by espalier and by ONNX Runtime (f32) on the same machine, in one run.

The two take turns; of each, the median and the best call of all rounds. ONNX Runtime gets PyTorch's model in
evaluation mode, all of its graph optimisations and as many threads.

  tests/bench/compare_onnxruntime.py [--model resnet18] [--batch 1] [--threads 1] [--rounds 5]

Needs Debian's python3-torch, and onnxruntime from PyPI: pip install --target DIR onnxruntime; PYTHONPATH=DIR.
"""
import argparse
import json
import os
import statistics
import sys
import tempfile
import time

from compare_pytorch import ROOT, build, child


def export(model, batch, path):
    import torch
    torch.manual_seed(1)
    network = build(torch, model).eval()
    torch.onnx.export(network, torch.randn(batch, 3, 32, 32), path, input_names=["images"], opset_version=15)


def onnxruntime_calls(path, batch, threads, calls):
    """Run in a process of its own: milliseconds of each call."""
    import numpy
    import onnxruntime
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    images = numpy.random.default_rng(1).standard_normal((batch, 3, 32, 32), dtype=numpy.float32)
    milliseconds = []
    for i in range(10 + calls):
        start = time.perf_counter()
        session.run(None, {"images": images})
        if i >= 10:
            milliseconds.append(1e3 * (time.perf_counter() - start))
    return milliseconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="resnet18,vgg16")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=40, help="calls a round")
    parser.add_argument("--espalier", default=os.path.join(ROOT, "build", "espalier"))
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--onnx-once", help=argparse.SUPPRESS)
    options = parser.parse_args()

    if options.onnx_once:
        print(json.dumps(onnxruntime_calls(options.onnx_once, options.batch, options.threads, options.calls)))
        return

    shared = ["--batch", str(options.batch), "--threads", str(options.threads)]
    if not options.json:
        print(f"batch {options.batch}, {options.threads} threads, f32; milliseconds a call, median and best of "
              f"{options.rounds} rounds of {options.calls} calls")
        print(f"{'model':<10} {'espalier':>9} {'best':>8} {'ONNX Runtime':>13} {'best':>8} {'ratio':>6} {'of best':>8}")
    for model in options.model.split(","):
        ours, our_best, theirs = [], [], []
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.onnx")
            export(model, options.batch, path)
            for _ in range(options.rounds):
                printed, _ = child([sys.executable, __file__, "--onnx-once", path, *shared,
                                    "--calls", str(options.calls)])
                theirs += json.loads(printed)
                printed, _ = child([options.espalier, "bench", "infer", "--model", model, *shared, "--tune",
                                    "--rounds", str(options.calls), "--json"])
                speed = json.loads(printed)
                ours.append(speed["p50_ms"])
                our_best.append(speed["best_ms"])
        a, b = statistics.median(ours), statistics.median(theirs)
        if options.json:
            print(json.dumps({"model": model, "batch": options.batch, "threads": options.threads,
                              "espalier_ms": a, "espalier_best_ms": min(our_best), "onnxruntime_ms": b,
                              "onnxruntime_best_ms": min(theirs), "ratio": b / a,
                              "ratio_of_best": min(theirs) / min(our_best)}), flush=True)
        else:
            print(f"{model:<10} {a:>9.2f} {min(our_best):>8.2f} {b:>13.2f} {min(theirs):>8.2f} {b / a:>6.2f} "
                  f"{min(theirs) / min(our_best):>8.2f}", flush=True)


if __name__ == "__main__":
    main()

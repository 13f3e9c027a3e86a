#!/usr/bin/python3
"""How the cost of training an image grows: images a second and GFLOP/s over batch sizes, widths and threads.

Everything is measured in turn, round after round; medians count. Ideal is a constant GFLOP/s a thread: cost that
grows with the work and with nothing else.

  tests/bench/scaling.py [--model resnet18] [--batches 16,32,64,128,256,512] [--widths 16,32,64,128]
                         [--threads 1,2] [--rounds 3] > scaling.md
"""
import argparse
import collections
import json
import os
import statistics
import sys

from compare_pytorch import ROOT, child


def numbers(text):
    return [int(part) for part in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--batches", type=numbers, default=[16, 32, 64, 128, 256, 512], help="at the model's own width")
    parser.add_argument("--widths", type=numbers, default=[16, 32, 64, 128], help="at a batch of 128")
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3, help="training steps a round")
    parser.add_argument("--espalier", default=os.path.join(ROOT, "build", "espalier"))
    options = parser.parse_args()

    cases = [("batch", batch, [options.model, str(batch)]) for batch in options.batches]
    cases += [("width", width, [f"{options.model} width={width}", "128"]) for width in options.widths]
    speed = collections.defaultdict(list)
    for turn in range(options.rounds):
        for kind, value, (model, batch) in cases:
            for threads in options.threads:
                print(f"round {turn + 1} of {options.rounds}: {kind} {value}, threads {threads}", file=sys.stderr)
                printed, _ = child([options.espalier, "bench", "train", "--model", model, "--batch", batch,
                                    "--threads", str(threads), "--rounds", str(options.steps), "--json"])
                row = json.loads(printed)
                speed[kind, value, threads].append((row["images_per_second"], row["gflops"]))

    columns = [f"{what}, {threads} thread{'s' if threads > 1 else ''}"
               for what in ("images/s", "GFLOP/s") for threads in options.threads]
    for kind, title in (("batch", f"{options.model}, its own width"), ("width", f"{options.model}, batch 128")):
        print(f"| {title}: {kind} | " + " | ".join(columns) + " |")
        print("|---" * (len(columns) + 1) + "|")
        for row_kind, value, _ in cases:
            if row_kind != kind:
                continue
            medians = [statistics.median(sample[i] for sample in speed[kind, value, threads])
                       for i in (0, 1) for threads in options.threads]
            print(f"| {value} | " + " | ".join(f"{median:.0f}" for median in medians) + " |")
        print()


if __name__ == "__main__":
    main()

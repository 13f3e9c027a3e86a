#!/usr/bin/python3
"""Draws what pruned weights save: time against density, one line a format, break-even marked.

  espalier bench sparse --json > sparse.jsonl
  experiments/results/plot_sparse.py sparse.jsonl sparse.svg

A panel for each network: the sum over its layers and three passes, in units of our own best dense kernels' time.
Of whole training steps, time and memory, with PyTorch's dense step if the lines have it:

  espalier bench train --model resnet18 --sparsity 0.5,0.9,0.98 --blocks 1x1,4x4 --json > train.jsonl
  tests/bench/compare_pytorch.py --model resnet18 --sparsity 0.5,0.9,0.98 --json > train.jsonl     # or this
  experiments/results/plot_sparse.py train.jsonl train.svg

Needs Debian's python3-matplotlib.
"""
import collections
import dataclasses
import json
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "espalier"  # the same file for the same data
import matplotlib.pyplot as plt
from matplotlib import ticker

# Name, colour, and where the break-even is written, in points from its mark.
FORMATS = {"1x1": ("single weights", "tab:blue", (5, -13)),
           "4x4": ("4x4 blocks of channels", "tab:orange", (-20, 6))}


@dataclasses.dataclass
class Panel:
    title: str
    what: str            # along the y axis
    curves: dict         # {format: {density: y}}
    dense: tuple         # label and y of our own dense kernels
    other: tuple = None  # of others', if any
    ratios: bool = True  # y are shares of the dense time


def read(path):
    try:
        with open(path, encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines if line.strip()]
    except OSError as error:
        sys.exit(f"{path}: {error.strerror}")
    except ValueError:
        rows = []
    if not rows or any("blocks" not in row or "dense_ms" not in row for row in rows):
        sys.exit(f"{path}: expected lines of `espalier bench sparse --json` or `bench train --sparsity ... --json`")
    return rows


def sum_of_layers(rows, network):
    """Of `bench sparse`."""
    sparse = collections.defaultdict(lambda: collections.defaultdict(float))
    dense, onednn, seen = 0.0, 0.0, set()
    for row in rows:
        count = row["layers"][network]
        sparse[row["blocks"]][row["density"]] += count * row["ms"]
        if (row["shape"], row["pass"]) in seen:
            continue
        seen.add((row["shape"], row["pass"]))
        dense += count * row["dense_ms"]
        if count and "onednn_ms" not in row:
            onednn = None
        elif onednn is not None:
            onednn += count * row.get("onednn_ms", 0.0)
    curves = {name: {density: ms / dense for density, ms in curve.items()} for name, curve in sparse.items()}
    return Panel(network, "time of three passes, dense = 1", curves, ("our dense kernels", 1.0),
                 ("oneDNN's, dense", onednn / dense) if onednn else None)


def steps_of(rows, model):
    """Of `bench train`: time and memory."""
    rows = [row for row in rows if row["model"] == model]
    dense = next(row for row in rows if row["blocks"] == "dense")

    def curves(value):
        result = collections.defaultdict(dict)
        for row in rows:
            if row is not dense:
                result[row["blocks"]][row["density"]] = value(row)
        return result

    def pytorch(key, unit):
        return ("PyTorch's, dense", dense[key] / unit) if key in dense else None

    yield Panel(model, f"time of a training step, dense ({dense['ms']:.0f} ms) = 1",
                curves(lambda row: row["ms"] / dense["ms"]), ("our dense step", 1.0), pytorch("pytorch_ms", dense["ms"]))
    yield Panel(model, "memory of the process, MiB", curves(lambda row: row["process_bytes"] / 2**20),
                ("our dense step", dense["process_bytes"] / 2**20), pytorch("pytorch_bytes", 2**20), ratios=False)


def panels_of(rows):
    if "shape" in rows[0]:
        networks = [network for network in rows[0]["layers"] if any(row["layers"][network] for row in rows)]
        return [sum_of_layers(rows, network) for network in networks]
    return [panel for model in dict.fromkeys(row["model"] for row in rows) for panel in steps_of(rows, model)]


def break_even(curve):
    """Where a line through points (density, share of the dense time), densities descending, meets 1."""
    for (d1, t1), (d0, t0) in zip(curve, curve[1:]):
        if t0 <= 1.0 < t1:
            return d0 + (1.0 - t0) / (t1 - t0) * (d1 - d0)
    return None


def draw(axes, panel):
    unknown = sorted(panel.curves.keys() - FORMATS.keys())
    if unknown:
        sys.exit(f"no colour for blocks of {', '.join(unknown)}: FORMATS has {', '.join(FORMATS)}")
    for name, (label, colour, offset) in FORMATS.items():
        curve = sorted(panel.curves.get(name, {}).items(), reverse=True)
        if not curve:
            continue
        axes.plot([100 * d for d, _ in curve], [y for _, y in curve], "o-", ms=3, color=colour, label=label)
        meets = break_even(curve) if panel.ratios else None
        if meets is not None:
            axes.plot([100 * meets], [1.0], "D", ms=7, mfc="none", color=colour)
            axes.annotate(f"{100 * meets:.0f}%", (100 * meets, 1.0), offset, textcoords="offset points",
                          color=colour)
    axes.axhline(panel.dense[1], color="black", lw=1, label=panel.dense[0])
    if panel.other:
        axes.axhline(panel.other[1], color="grey", lw=1, ls="--", label=panel.other[0])
    axes.set(title=panel.title, xscale="log", yscale="log" if panel.ratios else "linear", xlabel="weights kept, %")
    if not panel.ratios:
        axes.set_ylim(bottom=0)
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
            axis.set_minor_formatter(ticker.NullFormatter())
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(True, which="both", lw=0.3)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    rows = read(sys.argv[1])
    panels = panels_of(rows)
    figure, axes = plt.subplots(1, len(panels), figsize=(4 * len(panels), 3.6), squeeze=False,
                                sharey=all(panel.what == panels[0].what for panel in panels))
    labelled = None
    for one, panel in zip(axes[0], panels):
        draw(one, panel)
        if panel.what != labelled:
            one.set_ylabel(labelled := panel.what)
    axes[0][0].legend(fontsize=8, loc="lower right")
    first = rows[0]
    figure.suptitle(f"{first['isa']}, {first['threads']} thread(s), batch {first['batch']}, {first['dtype']}", fontsize=9)
    figure.tight_layout()
    figure.savefig(sys.argv[2], metadata={"Date": None})


if __name__ == "__main__":
    main()

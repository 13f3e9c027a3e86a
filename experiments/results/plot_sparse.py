#!/usr/bin/python3
"""Draws what pruned weights save: time against density, one line a format, break-even marked.

  espalier bench sparse --json > sparse.jsonl
  experiments/results/plot_sparse.py sparse.jsonl sparse.svg

A panel for each network: the sum over its layers and three passes, in units of our own best dense kernels' time.
Needs Debian's python3-matplotlib.
"""
import collections
import json
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "espalier"  # the same file for the same data
import matplotlib.pyplot as plt

# Name, colour, and where the break-even is written, in points from its mark.
FORMATS = {"1x1": ("single weights", "tab:blue", (5, -13)),
           "4x4": ("4x4 blocks of channels", "tab:orange", (-20, 6))}


def read(path):
    try:
        with open(path, encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines if line.strip()]
    except OSError as error:
        sys.exit(f"{path}: {error.strerror}")
    except ValueError:
        rows = []
    if not rows or any("layers" not in row for row in rows):
        sys.exit(f"{path}: expected lines of `espalier bench sparse --json`")
    return rows


def totals(rows, network):
    """{format: {density: ms}}, ms of the dense kernels, ms of oneDNN's or None."""
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
    return sparse, dense, onednn


def break_even(curve):
    """Where a line through points (density, share of the dense time), densities descending, meets 1."""
    for (d1, t1), (d0, t0) in zip(curve, curve[1:]):
        if t0 <= 1.0 < t1:
            return d0 + (1.0 - t0) / (t1 - t0) * (d1 - d0)
    return None


def draw(axes, rows, network):
    sparse, dense, onednn = totals(rows, network)
    for name, (label, colour, offset) in FORMATS.items():
        curve = [(density, ms / dense) for density, ms in sorted(sparse[name].items(), reverse=True)]
        axes.plot([100 * d for d, _ in curve], [t for _, t in curve], "o-", ms=3, color=colour, label=label)
        meets = break_even(curve)
        if meets is not None:
            axes.plot([100 * meets], [1.0], "D", ms=7, mfc="none", color=colour)
            axes.annotate(f"{100 * meets:.0f}%", (100 * meets, 1.0), offset, textcoords="offset points",
                          color=colour)
    axes.axhline(1.0, color="black", lw=1, label="our dense kernels")
    if onednn:
        axes.axhline(onednn / dense, color="grey", lw=1, ls="--", label="oneDNN's, dense")
    axes.set(title=network, xscale="log", yscale="log", xlabel="weights kept, %")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(True, which="both", lw=0.3)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    rows = read(sys.argv[1])
    networks = [network for network in rows[0]["layers"] if any(row["layers"][network] for row in rows)]
    figure, panels = plt.subplots(1, len(networks), figsize=(4 * len(networks), 3.6), squeeze=False, sharey=True)
    for axes, network in zip(panels[0], networks):
        draw(axes, rows, network)
    panels[0][0].set_ylabel("time of three passes, dense = 1")
    panels[0][0].legend(fontsize=8)
    first = rows[0]
    figure.suptitle(f"{first['isa']}, {first['threads']} thread(s), batch {first['batch']}, {first['dtype']}", fontsize=9)
    figure.tight_layout()
    figure.savefig(sys.argv[2], metadata={"Date": None})


if __name__ == "__main__":
    main()

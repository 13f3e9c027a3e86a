// What a pruned weight costs: the convolutions of ResNet-18 and VGG-16 and the linear layers of a vision
// transformer with some of their weights, single ones or 4x4 blocks of channels, against our own dense kernel
// and, for convolutions, oneDNN's, all in one race.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/conv2d/conv2d.h"

namespace espalier::bench {

// The transformer is the one of experiments/configs/vit.toml.
constexpr std::array kSparseNetworks = {"ResNet-18", "VGG-16", "ViT"};

struct SparseBenchOptions {
  std::int64_t batch = 128;
  kernels::Element element = kernels::Element::f32;  // of activations and their gradients
  std::vector<std::string> only;  // words that shape and pass must contain; empty: everything
  std::vector<double> densities = {0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01};
  int rounds = 3;
  double round_seconds = 0.02;
};

struct SparseTime {
  double density;         // asked for
  double single_seconds;  // a pass over the batch, single weights kept
  double block_seconds;   // 4x4 blocks kept
};

// One shape and pass.
struct SparseRow {
  std::string shape;                              // "IC64 OC64 H32 K3 S1", "IC192 OC384 T64"
  std::array<int, kSparseNetworks.size()> times;  // that each network has it
  kernels::Conv2dPass pass;
  double dense_seconds;                  // our own best dense kernel
  std::optional<double> onednn_seconds;  // oneDNN's, where it is built in
  std::vector<SparseTime> sparse;        // in the order of SparseBenchOptions::densities
};

// Calls `report` with one shape and pass at a time. Throws Error (usage) when `only` leaves nothing.
void run_sparse_bench(const SparseBenchOptions& options, const std::function<void(const SparseRow&)>& report);

// The density at which sparse time reaches `dense_seconds`, between the measured ones by straight lines; the
// largest measured one if sparse is faster even there, 0 if it never is. Densities descend.
double break_even_density(const std::vector<double>& densities, const std::vector<double>& seconds,
                          double dense_seconds);

}  // namespace espalier::bench

// A network as a list of kernel calls for one batch size, over buffers whose places are planned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "framework/infer/runtime/network.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/pool/pool.h"
#include "kernels/subimage/subimage.h"

namespace espalier::infer {

enum class StepKind {
  to_lanes,    // from the caller's images
  split,       // from the caller's images, into sub-images
  from_lanes,  // to the caller's results
  halo,
  regrid,
  convolution,
  linear,
  affine,
  add,
  relu,
  max_pool,
  average_pool,
  global_average,
  flatten,
  subsample,
};

const char* step_name(StepKind kind);

// Activations in lanes: a value of the network, with or without a halo, or scratch of a step. Lives from the
// step that writes it to the last that reads it.
struct Buffer {
  std::int64_t bytes = 0;
  int first_step = 0, last_step = 0;
  std::int64_t offset = -1;  // in the arena
};

struct Step {
  StepKind kind = StepKind::relu;
  int layer = -1;                            // of the network; -1: moves data only
  int input = -1, second = -1, output = -1;  // buffers; -1: none, or the caller's
  int scratch = -1;
  // What the kind needs of these.
  kernels::Conv2dShape conv = {};
  kernels::PoolShape pool = {};
  kernels::SubimageShape image = {};  // of the input
  kernels::Subgrid to_grid = {};      // regrid
  int halo_h = 0, halo_w = 0;         // halo: rows and columns on either side
  kernels::LaneShape lanes = {};      // of the input; elementwise steps: of the output as well
};

struct Program {
  std::vector<Step> steps;
  std::vector<Buffer> buffers;
  std::string lanes_note;  // what the lanes are, and why
};

// Lays a network out for a batch: which lanes each value has, and the steps between. Convolutions have no
// kernels yet.
Program schedule(const Network& network, std::int64_t batch);

// Gives the buffers places, so that no two that live at once overlap. Returns the size of the arena in bytes.
std::int64_t place_buffers(std::vector<Buffer>& buffers);

}  // namespace espalier::infer

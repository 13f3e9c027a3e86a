#include <algorithm>
#include <map>
#include <tuple>

#include "framework/infer/runtime/program.h"

namespace espalier::infer {
namespace {

using kernels::Subgrid;

constexpr int kMaxGridSide = 4;

// One axis of a window over a plane.
struct WindowAxis {
  int in, out, kernel, stride, padding;
};

// Do windows over sub-images give sub-images of the output? Their outputs must divide evenly, and begin where
// a sub-image begins.
bool fits(const WindowAxis& axis, int grid) {
  if (grid == 1) return true;
  if (axis.in % grid != 0 || axis.out % grid != 0) return false;
  const int in = axis.in / grid, out = axis.out / grid;
  return in == out * axis.stride && (in + 2 * axis.padding - axis.kernel) / axis.stride + 1 == out;
}

int coarser(int grid) { return grid / 2; }

class Scheduler {
 public:
  Scheduler(const Network& network, std::int64_t batch) : network_(network), batch_(batch) {
    buffer_of_.assign(network.values.size(), -1);
    grid_of_.assign(network.values.size(), Subgrid{});
  }

  Program run() {
    enter();
    for (std::size_t i = 0; i < network_.layers.size(); ++i) add_layer(static_cast<int>(i));
    leave();
    note_lives();
    return std::move(program_);
  }

 private:
  const Features& features(int value) const { return network_.values[static_cast<std::size_t>(value)]; }
  Subgrid& grid_of(int value) { return grid_of_[static_cast<std::size_t>(value)]; }
  int& buffer_of(int value) { return buffer_of_[static_cast<std::size_t>(value)]; }

  kernels::SubimageShape image(int value, Subgrid grid) const {
    const Features& f = features(value);
    return {batch_, f.C, f.H, f.W, grid};
  }
  // The N that kernels are told: in sub-images a group of lanes is one image.
  std::int64_t lane_images(Subgrid grid) const {
    return grid.lanes() == 1 ? batch_ : batch_ * kernels::kLanes;
  }
  kernels::LaneShape lanes(int value, Subgrid grid) const { return image(value, grid).lanes(); }

  int new_buffer(std::int64_t floats) {
    program_.buffers.push_back({.bytes = floats * static_cast<std::int64_t>(sizeof(float))});
    return static_cast<int>(program_.buffers.size()) - 1;
  }

  Step& push(Step step) {
    program_.steps.push_back(step);
    return program_.steps.back();
  }

  // A batch fills its lanes or it does not: images in sub-images waste none, but compute a halo.
  void enter() {
    const Features& f = features(network_.input);
    const std::int64_t padded = kernels::groups(batch_) * kernels::kLanes;
    constexpr double kCostOfHalo = 1.25;
    Subgrid grid;
    if (static_cast<double>(batch_) * kCostOfHalo < static_cast<double>(padded)) {
      grid = {kMaxGridSide, kMaxGridSide};
      while (f.H % grid.rows != 0) grid.rows = coarser(grid.rows);
      while (f.W % grid.columns != 0) grid.columns = coarser(grid.columns);
      program_.lanes_note =
          grid.lanes() == 1
              ? "images, " + std::to_string(padded - batch_) + " of " + std::to_string(padded) +
                    " empty: the image does not divide into sub-images"
              : std::to_string(grid.rows) + "x" + std::to_string(grid.columns) + " sub-images of each image";
    } else {
      program_.lanes_note = "images";
    }
    place(network_.input, grid);
    Step step{.kind = grid.lanes() == 1 ? StepKind::to_lanes : StepKind::split};
    step.output = buffer_of(network_.input);
    step.image = image(network_.input, grid);
    step.lanes = step.image.lanes();
    push(step);
  }

  void leave() {
    Step step{.kind = StepKind::from_lanes};
    step.input = in_grid(network_.output, {1, 1});
    step.lanes = lanes(network_.output, {1, 1});
    push(step);
  }

  void place(int value, Subgrid grid) {
    grid_of(value) = grid;
    buffer_of(value) = new_buffer(lanes(value, grid).floats());
  }

  // The buffer of a value in a grid that is no finer than its own.
  int in_grid(int value, Subgrid grid) {
    if (grid_of(value) == grid) return buffer_of(value);
    int& made = regridded_[{value, grid.rows, grid.columns}];
    if (made == 0) {
      made = new_buffer(lanes(value, grid).floats()) + 1;
      Step step{.kind = StepKind::regrid};
      step.input = buffer_of(value);
      step.output = made - 1;
      step.image = image(value, grid_of(value));
      step.to_grid = grid;
      push(step);
    }
    return made - 1;
  }

  // The same with the neighbours' pixels around each sub-image.
  int with_halo(int value, Subgrid grid, const Window& window) {
    const int from = in_grid(value, grid);
    if (window.PH == 0 && window.PW == 0) return from;
    int& made = with_halo_[{from, window.PH, window.PW}];
    if (made == 0) {
      const kernels::SubimageShape shape = image(value, grid);
      const std::int64_t pixels = (shape.h() + 2 * std::int64_t{window.PH}) * (shape.w() + 2 * window.PW);
      made = new_buffer(kernels::image_lanes(lane_images(grid), shape.C, pixels).floats()) + 1;
      Step step{.kind = StepKind::halo};
      step.input = from;
      step.output = made - 1;
      step.image = shape;
      step.halo_h = window.PH;
      step.halo_w = window.PW;
      push(step);
    }
    return made - 1;
  }

  // The finest grid, no finer than the operands', in which the layer's windows do not cross sub-images but
  // for the halo.
  Subgrid common_grid(const Layer& layer) {
    Subgrid grid = grid_of(layer.input);
    if (layer.second >= 0) {
      grid.rows = std::min(grid.rows, grid_of(layer.second).rows);
      grid.columns = std::min(grid.columns, grid_of(layer.second).columns);
    }
    const Features &in = features(layer.input), &out = features(layer.output);
    const Window& w = layer.window;
    // What a pool counts in the padding is not what it would count in a halo: maxima ignore it.
    const bool pads = layer.kind != LayerKind::convolution && (w.PH > 0 || w.PW > 0);
    if (pads || layer.kind == LayerKind::linear || layer.kind == LayerKind::flatten) return {1, 1};
    if (layer.kind == LayerKind::global_average) return grid;
    while (!fits({in.H, out.H, w.KH, w.SH, w.PH}, grid.rows)) grid.rows = coarser(grid.rows);
    while (!fits({in.W, out.W, w.KW, w.SW, w.PW}, grid.columns)) grid.columns = coarser(grid.columns);
    return grid;
  }

  void add_layer(int index) {
    const Layer& layer = network_.layers[static_cast<std::size_t>(index)];
    const Subgrid grid = common_grid(layer);
    Step step;
    step.layer = index;
    step.image = image(layer.input, grid);
    step.lanes = step.image.lanes();
    switch (layer.kind) {
      case LayerKind::convolution:
        add_convolution(layer, grid, step);
        return;
      case LayerKind::linear:
        step.kind = StepKind::linear;
        break;
      case LayerKind::affine:
        step.kind = StepKind::affine;
        break;
      case LayerKind::add:
        step.kind = StepKind::add;
        break;
      case LayerKind::relu:
        step.kind = StepKind::relu;
        break;
      case LayerKind::max_pool:
      case LayerKind::average_pool:
        step.kind = layer.kind == LayerKind::max_pool ? StepKind::max_pool : StepKind::average_pool;
        step.pool = pool_shape(layer, grid, features(layer.input).C);
        break;
      case LayerKind::global_average:
        step.kind = StepKind::global_average;
        step.input = in_grid(layer.input, grid);
        place(layer.output, {1, 1});
        step.output = buffer_of(layer.output);
        push(step);
        return;
      case LayerKind::flatten:
        step.kind = StepKind::flatten;
        break;
      case LayerKind::subsample:
        step.kind = StepKind::subsample;
        step.pool = pool_shape(layer, grid, features(layer.input).C);
        break;
    }
    step.input = in_grid(layer.input, grid);
    if (layer.second >= 0) step.second = in_grid(layer.second, grid);
    place(layer.output, grid);
    step.output = buffer_of(layer.output);
    push(step);
  }

  kernels::PoolShape pool_shape(const Layer& layer, Subgrid grid, int channels) const {
    const kernels::SubimageShape in = image(layer.input, grid);
    const Window& w = layer.window;
    return {.N = lane_images(grid),
            .C = channels,
            .IH = in.h(),
            .IW = in.w(),
            .KH = w.KH,
            .KW = w.KW,
            .SH = w.SH,
            .SW = w.SW,
            .PH = w.PH,
            .PW = w.PW};
  }

  void add_convolution(const Layer& layer, Subgrid grid, Step step) {
    const kernels::SubimageShape in = image(layer.input, grid);
    const Window& w = layer.window;
    const bool split = grid.lanes() > 1;
    step.kind = StepKind::convolution;
    step.conv = {.N = lane_images(grid),
                 .IC = in.C,
                 .IH = in.h() + (split ? 2 * w.PH : 0),
                 .IW = in.w() + (split ? 2 * w.PW : 0),
                 .OC = features(layer.output).C,
                 .KH = w.KH,
                 .KW = w.KW,
                 .SH = w.SH,
                 .SW = w.SW,
                 .PH = split ? 0 : w.PH,
                 .PW = split ? 0 : w.PW,
                 .groups = layer.groups};
    step.input = split ? with_halo(layer.input, grid, w) : in_grid(layer.input, grid);
    if (layer.second >= 0) step.second = in_grid(layer.second, grid);
    place(layer.output, grid);
    step.output = buffer_of(layer.output);
    push(step);
  }

  void note_lives() {
    std::vector<bool> written(program_.buffers.size(), false);
    for (std::size_t i = 0; i < program_.steps.size(); ++i) {
      const Step& step = program_.steps[i];
      for (int used : {step.input, step.second, step.output}) {
        if (used < 0) continue;
        Buffer& buffer = program_.buffers[static_cast<std::size_t>(used)];
        if (!written[static_cast<std::size_t>(used)]) buffer.first_step = static_cast<int>(i);
        written[static_cast<std::size_t>(used)] = true;
        buffer.last_step = static_cast<int>(i);
      }
    }
  }

  const Network& network_;
  std::int64_t batch_;
  Program program_;
  std::vector<int> buffer_of_;                          // [values]
  std::vector<Subgrid> grid_of_;                        // [values]
  std::map<std::tuple<int, int, int>, int> regridded_;  // value, grid -> buffer + 1
  std::map<std::tuple<int, int, int>, int> with_halo_;  // buffer, padding -> buffer + 1
};

}  // namespace

const char* step_name(StepKind kind) {
  switch (kind) {
    case StepKind::to_lanes:
      return "to lanes";
    case StepKind::split:
      return "split";
    case StepKind::from_lanes:
      return "from lanes";
    case StepKind::halo:
      return "halo";
    case StepKind::regrid:
      return "regrid";
    case StepKind::convolution:
      return "convolution";
    case StepKind::linear:
      return "linear";
    case StepKind::affine:
      return "affine";
    case StepKind::add:
      return "add";
    case StepKind::relu:
      return "relu";
    case StepKind::max_pool:
      return "max pool";
    case StepKind::average_pool:
      return "average pool";
    case StepKind::global_average:
      return "global average";
    case StepKind::flatten:
      return "flatten";
    case StepKind::subsample:
      return "subsample";
  }
  return "";
}

Program schedule(const Network& network, std::int64_t batch) { return Scheduler(network, batch).run(); }

}  // namespace espalier::infer

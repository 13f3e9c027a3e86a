#include "framework/infer/runtime/executor.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "framework/core/error.h"
#include "framework/infer/runtime/tune.h"
#include "framework/tune/contest.h"
#include "kernels/base/parallel.h"
#include "kernels/eltwise/eltwise.h"
#include "kernels/gemm/gemm.h"
#include "kernels/layout/layout.h"
#include "kernels/norm/norm.h"

namespace espalier::infer {
namespace {

// Before and behind the buffers: a halo reads so far beyond its source.
constexpr std::size_t kSlackBytes = 64;

// Pixels that are kept, one group at a time: its planes of zeros lie before and behind.
void subsample(const kernels::PoolShape& kept, std::int64_t channels, const float* src, float* dst) {
  kernels::PoolShape group = kept;
  group.N = kernels::kLanes;
  const std::int64_t in = kept.src().P * kernels::kLanes, out = kept.dst().P * kernels::kLanes;
  const std::int64_t before = (channels - kept.C) / 2, behind = channels - kept.C - before;
  for (std::int64_t g = 0; g < kernels::groups(kept.N); ++g) {
    float* to = dst + g * channels * out;
    std::fill_n(to, before * out, 0.0f);
    kernels::pool().max_fwd(group, src + g * kept.C * in, to + before * out, nullptr);
    std::fill_n(to + (before + kept.C) * out, behind * out, 0.0f);
  }
}

// Puts times, in seconds, in place of estimates, and the winner first; the best by estimate is the usual one.
void measure(std::vector<Candidate>& found, const Layer& layer, const Step& step, std::int64_t weight_bytes) {
  std::vector<std::unique_ptr<Convolution>> ways;
  for (const Candidate& candidate : found) ways.push_back(build_convolution(candidate, layer, step.conv));
  ConvolutionTimer timer(step.conv, step.second >= 0, weight_bytes);
  const tune::Standing standing =
      tune::contest(ways.size(), [&](std::size_t way) { return timer(*ways[way]); });
  for (std::size_t i = 0; i < found.size(); ++i) found[i].cost = standing.seconds[i];
  const auto winner = found.begin() + static_cast<std::ptrdiff_t>(standing.winner);
  std::rotate(found.begin(), winner, winner + 1);
}

}  // namespace

Executor::Executor(Network network, const ExecutorOptions& options)
    : batch_(options.batch), threads_(kernels::num_threads()), network_(std::move(network)) {
  check(batch_ > 0, "infer", "batch expects 1 or more, got {}", batch_);
  program_ = schedule(network_, batch_);
  choose_kernels(options.tune);
  plan_memory();
}

std::int64_t Executor::image_floats() const {
  return network_.values[static_cast<std::size_t>(network_.input)].count();
}
std::int64_t Executor::result_floats() const {
  return network_.values[static_cast<std::size_t>(network_.output)].count();
}

std::int64_t Executor::weight_bytes() const {
  std::size_t bytes = 0;
  for (const auto& convolution : convolutions_)
    bytes += convolution == nullptr ? 0 : convolution->weight_bytes();
  for (const Layer& layer : network_.layers)
    bytes += (layer.weights.size() + layer.bias.size()) * sizeof(float);
  return static_cast<std::int64_t>(bytes);
}

std::int64_t Executor::macs_of_image(const Layer& layer) const {
  const Features& out = network_.values[static_cast<std::size_t>(layer.output)];
  return static_cast<std::int64_t>(layer.weights.size()) * out.H * out.W;
}

void Executor::choose_kernels(bool tune) {
  std::int64_t weight_bytes = 0;
  for (const Layer& layer : network_.layers) {
    weight_bytes += static_cast<std::int64_t>(layer.weights.size() * sizeof(float));
  }
  convolutions_.resize(program_.steps.size());
  for (std::size_t i = 0; i < program_.steps.size(); ++i) {
    const Step& step = program_.steps[i];
    if (step.kind != StepKind::convolution) continue;
    Layer& layer = network_.layers[static_cast<std::size_t>(step.layer)];
    std::vector<Candidate> found = find_candidates(layer, step.conv);
    std::string why;
    if (tune) measure(found, layer, step, weight_bytes);
    for (const Candidate& candidate : found) {
      why += why.empty() ? "" : "; " + candidate.kernel + " ";
      why += tune ? fmt::format("{:.0f} us", 1e6 * candidate.cost)
                  : fmt::format("{:.2f}M", 1e-6 * candidate.cost);
    }
    chosen_.push_back({.layer = layer.name,
                       .kernel = found.front().kernel,
                       .why = std::move(why),
                       .macs = macs_of_image(layer),
                       .density = weight_density(layer)});
    convolutions_[i] = build_convolution(found.front(), layer, step.conv);
    layer.weights = {};
  }
}

void Executor::plan_memory() {
  std::size_t channels = 0;
  for (std::size_t i = 0; i < program_.steps.size(); ++i) {
    Step& step = program_.steps[i];
    if (step.kind == StepKind::affine) channels = std::max(channels, static_cast<std::size_t>(step.lanes.C));
    if (convolutions_[i] == nullptr) continue;
    step.scratch = static_cast<int>(program_.buffers.size());
    program_.buffers.push_back({.bytes = static_cast<std::int64_t>(convolutions_[i]->scratch_bytes()),
                                .first_step = static_cast<int>(i),
                                .last_step = static_cast<int>(i)});
  }
  zeros_.assign(channels, 0.0f);
  ones_.assign(channels, 1.0f);
  inv_std_.assign(channels, 1.0f);
  arena_ = Memory(static_cast<std::size_t>(place_buffers(program_.buffers)) + 2 * kSlackBytes);
}

std::int64_t Executor::floats(int index) const {
  return program_.buffers[static_cast<std::size_t>(index)].bytes / static_cast<std::int64_t>(sizeof(float));
}

float* Executor::buffer(int index) const {
  if (index < 0) return nullptr;
  const std::int64_t offset = program_.buffers[static_cast<std::size_t>(index)].offset;
  return reinterpret_cast<float*>(arena_.data() + kSlackBytes + offset);
}

void Executor::run(const float* images, float* results) {
  check(kernels::num_threads() <= threads_, "infer",
        "the plan was made for {} threads, got {}; compile it with as many as it is to run with", threads_,
        kernels::num_threads());
  for (std::size_t i = 0; i < program_.steps.size(); ++i) run_step(i, images, results);
}

std::vector<double> Executor::profile(const float* images, float* results, int runs) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> shortest(program_.steps.size(), std::numeric_limits<double>::infinity());
  for (int run = 0; run < runs; ++run) {
    for (std::size_t i = 0; i < shortest.size(); ++i) {
      const Clock::time_point start = Clock::now();
      run_step(i, images, results);
      shortest[i] = std::min(shortest[i], std::chrono::duration<double>(Clock::now() - start).count());
    }
  }
  return shortest;
}

void Executor::run_step(std::size_t index, const float* images, float* results) {
  const Step& step = program_.steps[index];
  const Layer* layer = step.layer < 0 ? nullptr : &network_.layers[static_cast<std::size_t>(step.layer)];
  const float *src = buffer(step.input), *second = buffer(step.second);
  float* dst = buffer(step.output);
  const int channels = layer == nullptr ? 0 : network_.values[static_cast<std::size_t>(layer->output)].C;
  switch (step.kind) {
    case StepKind::to_lanes:
      return kernels::layout().to_lanes(step.lanes, images, dst);
    case StepKind::split:
      return kernels::subimage().split(step.image, images, dst);
    case StepKind::from_lanes:
      return kernels::layout().from_lanes(step.lanes, src, results);
    case StepKind::halo:
      return kernels::subimage().halo(step.image, step.halo_h, step.halo_w, src, dst);
    case StepKind::regrid:
      return kernels::subimage().regrid(step.image, step.to_grid, src, dst);
    case StepKind::convolution:
      return convolutions_[index]->run({src, second, dst, buffer(step.scratch)});
    case StepKind::linear:
      kernels::linear_fwd_f32({.N = step.lanes.N, .IC = static_cast<int>(step.lanes.C), .OC = channels}, src,
                              layer->weights.data(), layer->bias.empty() ? nullptr : layer->bias.data(), dst);
      break;
    case StepKind::affine:
      return kernels::norm().batch_norm_fwd_inference(step.lanes, {.src = src,
                                                                   .gamma = layer->weights.data(),
                                                                   .beta = layer->bias.data(),
                                                                   .residual = second,
                                                                   .relu = layer->relu,
                                                                   .epsilon = 0.0f,
                                                                   .dst = dst,
                                                                   .mean = zeros_.data(),
                                                                   .variance = ones_.data(),
                                                                   .inv_std = inv_std_.data()});
    case StepKind::add:
      kernels::eltwise().add(src, second, dst, step.lanes.floats());
      break;
    case StepKind::relu:
      return kernels::eltwise().relu_fwd(src, dst, step.lanes.floats());
    case StepKind::max_pool:
      return kernels::pool().max_fwd(step.pool, src, dst, nullptr);
    case StepKind::average_pool:
      return kernels::pool().average_fwd(step.pool, src, dst);
    case StepKind::global_average:
      if (step.image.grid.lanes() > 1) return kernels::subimage().global_average(step.image, src, dst);
      return kernels::pool().global_average_fwd(step.lanes, src, dst);
    case StepKind::flatten:
      return kernels::layout().compact(step.lanes, src, dst);
    case StepKind::subsample:
      return subsample(step.pool, channels, src, dst);
  }
  if (layer->relu) kernels::eltwise().relu_fwd(dst, dst, floats(step.output));
}

}  // namespace espalier::infer

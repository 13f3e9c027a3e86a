// Backward weights, direct: the gradient of shared weights (kernels/gemm/weight_gradient.h) with a tap for
// each place of the kernel. A tap sums over the positions where it lies inside the source, so the padding
// costs nothing.
#pragma once

#include "kernels/base/lanes.h"
#include "kernels/base/parallel.h"
#include "kernels/base/scratch.h"
#include "kernels/conv2d/bias_gradient.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/gemm/weight_gradient.h"

namespace espalier::kernels {
namespace {

// Enough tasks to keep a few threads busy.
constexpr int kGradientTasks = 8;

template <class Product>
struct GradientPlan {
  int vectors, oc_blocks;        // a group's output channels in blocks of vectors * 16
  int block_images, block_rows;  // positions transposed at a time
  std::int64_t parts;            // of the images, each summed by itself
  std::int64_t sums_size;        // floats of one task's sums: [IC * taps][vectors * 16]
  float* sums;                   // [parts][groups][oc_blocks][sums_size]
  // [threads][block_images][block_rows][columns][kLaneSteps][vectors * 16]
  typename Product::Scalar* transposed;
  std::int64_t transposed_size;
};

template <class Product>
GradientPlan<Product> plan_gradient(const WeightGradient& p, ScratchLayout& scratch) {
  GradientPlan<Product> plan;
  plan.vectors = p.OC <= 16 ? 1 : kGradientVectors;
  const int width = plan.vectors * 16;
  plan.oc_blocks = (p.OC + width - 1) / width;
  const int positions = p.rows * p.columns;
  const int images = positions >= kGradientPositions ? 1 : kGradientPositions / positions;
  plan.block_images = images < p.images ? images : static_cast<int>(p.images);
  const int rows = kGradientPositions / p.columns;
  plan.block_rows = rows < 1 ? 1 : rows < p.rows ? rows : p.rows;
  const std::int64_t wanted = (kGradientTasks - 1) / (p.groups * plan.oc_blocks) + 1;
  plan.parts = wanted < p.images ? wanted : p.images;
  plan.sums_size = std::int64_t{p.IC} * p.taps * width;
  plan.sums = scratch.take<float>(plan.parts * p.groups * plan.oc_blocks * plan.sums_size);
  plan.transposed_size =
      std::int64_t{plan.block_images} * plan.block_rows * p.columns * Product::kLaneSteps * width;
  plan.transposed = scratch.take<typename Product::Scalar>(num_threads() * plan.transposed_size);
  return plan;
}

// diff_weights [groups][OC][IC][taps] is overwritten.
template <class Product>
void weight_gradient(const WeightGradient& p, const GradientPlan<Product>& plan,
                     const typename Product::Element* src, const typename Product::Element* diff_dst,
                     float* diff_weights) {
  const int width = plan.vectors * 16;
  const std::int64_t blocks = std::int64_t{p.groups} * plan.oc_blocks;
  // The first output channel of a block, and how many there are.
  const auto channels = [&](std::int64_t block, std::int64_t& group, int& oc) {
    group = block / plan.oc_blocks;
    oc = static_cast<int>(block % plan.oc_blocks) * width;
    return p.OC - oc < width ? p.OC - oc : width;
  };
  parallel_for(plan.parts * blocks, [&](std::int64_t task) {
    std::int64_t group;
    int oc;
    const int count = channels(task % blocks, group, oc);
    float* sums = plan.sums + task * plan.sums_size;
    typename Product::Scalar* transposed = plan.transposed + thread_index() * plan.transposed_size;
    for (std::int64_t i = 0; i < plan.sums_size; i += 16) store(sums + i, zero());
    const std::int64_t part = task / blocks, end = p.images * (part + 1) / plan.parts;
    for (std::int64_t image = p.images * part / plan.parts; image < end; image += plan.block_images) {
      const std::int64_t images = end - image < plan.block_images ? end - image : plan.block_images;
      const auto* src_images = src + image * p.src.image + group * p.IC * p.src.channel;
      const auto* dst_images = diff_dst + image * p.dst.image + (group * p.OC + oc) * p.dst.channel;
      for (int row = 0; row < p.rows; row += plan.block_rows) {
        const int row_end = row + plan.block_rows < p.rows ? row + plan.block_rows : p.rows;
        transpose_gradient<Product>(p, plan.vectors, count, dst_images + row * p.dst.row, images,
                                    row_end - row, transposed);
        sum_block<Product>(p, plan.vectors, src_images, images, row, row_end, transposed, sums);
      }
    }
  });
  parallel_for(blocks, [&](std::int64_t block) {
    std::int64_t group;
    int oc;
    const int count = channels(block, group, oc);
    float* sums = plan.sums + block * plan.sums_size;
    for (std::int64_t part = 1; part < plan.parts; ++part) {
      const float* other = sums + part * blocks * plan.sums_size;
      for (std::int64_t i = 0; i < plan.sums_size; i += 16) store(sums + i, load(sums + i) + load(other + i));
    }
    const std::int64_t K = std::int64_t{p.IC} * p.taps;
    write_gradient(sums, K, plan.vectors, count, diff_weights + (group * p.OC + oc) * K, K);
  });
}

// Output coordinates o in [0, out) with 0 <= o*stride + shift < in.
struct Inside {
  int begin, end;
};
inline Inside positions_inside(int out, int in, int stride, int shift) {
  const int begin = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
  const int end = in <= shift ? 0 : (in - shift + stride - 1) / stride;
  return {begin, end < out ? end : out};
}

template <class Product>
struct DirectWeights {
  WeightGradient gradient;
  GradientPlan<Product> plan;
};

template <class Product>
DirectWeights<Product> plan_direct_weights(const Conv2dShape& s, ScratchLayout& scratch) {
  WeightGradient p;
  p.groups = s.groups;
  p.IC = s.IC / s.groups;
  p.OC = s.OC / s.groups;
  p.taps = s.KH * s.KW;
  p.images = groups(s.N);
  p.rows = s.OH();
  p.columns = s.OW();
  const std::int64_t src_plane = plane_vectors(std::int64_t{s.IH} * s.IW) * kLanes;
  const std::int64_t dst_plane = plane_vectors(std::int64_t{p.rows} * p.columns) * kLanes;
  p.src = {s.IC * src_plane, src_plane, std::int64_t{s.SH} * s.IW * kLanes, std::int64_t{s.SW} * kLanes};
  p.dst = {s.OC * dst_plane, dst_plane, std::int64_t{p.columns} * kLanes, kLanes};
  GradientTap* taps = scratch.take<GradientTap>(p.taps);
  for (int t = 0; taps != nullptr && t < p.taps; ++t) {
    const int shift_h = t / s.KW - s.PH, shift_w = t % s.KW - s.PW;
    const Inside h = positions_inside(p.rows, s.IH, s.SH, shift_h);
    const Inside w = positions_inside(p.columns, s.IW, s.SW, shift_w);
    taps[t] = {h.begin, h.end, w.begin, w.end, (std::int64_t{shift_h} * s.IW + shift_w) * kLanes};
  }
  p.tap_list = taps;
  return {p, plan_gradient<Product>(p, scratch)};
}

template <class Product>
std::size_t direct_weights_scratch_bytes(const Conv2dShape& shape) {
  ScratchLayout scratch(nullptr);
  plan_direct_weights<Product>(shape, scratch);
  return scratch.bytes();
}

template <class Product>
void direct_backward_weights(const Conv2dShape& shape, const Conv2dArgs& args) {
  using T = typename Product::Element;
  ScratchLayout scratch(args.scratch);
  const DirectWeights<Product> direct = plan_direct_weights<Product>(shape, scratch);
  weight_gradient<Product>(direct.gradient, direct.plan, static_cast<const T*>(args.src),
                           static_cast<const T*>(args.diff_dst), args.diff_weights);
  bias_gradient<T>(shape, args);
}

}  // namespace
}  // namespace espalier::kernels

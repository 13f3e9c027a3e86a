#include "framework/infer/runtime/convolution.h"

#include <algorithm>

#include "kernels/base/lanes.h"
#include "kernels/spconv2d/spconv2d.h"

namespace espalier::infer {
namespace {

using kernels::Conv2dKernel;
using kernels::Conv2dShape;

const float* bias_of(const Layer& layer) { return layer.bias.empty() ? nullptr : layer.bias.data(); }

template <class T>
std::size_t bytes_of(const std::vector<T>& values) {
  return values.size() * sizeof(T);
}

class DenseConvolution : public Convolution {
 public:
  DenseConvolution(const Conv2dKernel& kernel, const Layer& layer, const Conv2dShape& shape)
      : kernel_(kernel), layer_(layer), shape_(shape), weights_(kernel.prepared_bytes(shape)) {
    kernel.prepare(shape, layer.weights.data(), weights_.data());
  }

  std::size_t weight_bytes() const override { return weights_.size_bytes(); }
  std::size_t scratch_bytes() const override { return kernel_.scratch_bytes(shape_); }
  void run(const ConvolutionIo& io) const override {
    kernels::Conv2dArgs args;
    args.src = io.src;
    args.prepared = weights_.data();
    args.bias = bias_of(layer_);
    args.residual = io.residual;
    args.relu = layer_.relu;
    args.dst = io.dst;
    args.scratch = io.scratch;
    kernel_.run(shape_, args);
  }

 private:
  const Conv2dKernel& kernel_;
  const Layer& layer_;
  Conv2dShape shape_;
  Memory weights_;
};

kernels::SpConv2dArgs sparse_args(const Layer& layer, const ConvolutionIo& io) {
  kernels::SpConv2dArgs args;
  args.src = io.src;
  args.bias = bias_of(layer);
  args.residual = io.residual;
  args.relu = layer.relu;
  args.dst = io.dst;
  args.scratch = io.scratch;
  return args;
}

// Lists of single weights for planes that have their halo.
class KeptConvolution : public Convolution {
 public:
  KeptConvolution(const Layer& layer, const Conv2dShape& s) : layer_(layer), shape_(s) {
    const std::int64_t plane = kernels::plane_vectors(std::int64_t{s.IH} * s.IW);
    const float* weight = layer.weights.data();
    for (int oc = 0; oc < s.OC; ++oc) {
      begin_.push_back(static_cast<std::int32_t>(value_.size()));
      for (int ic = 0; ic < s.IC; ++ic) {
        for (int tap = 0; tap < s.KH * s.KW; ++tap, ++weight) {
          if (*weight == 0.0f) continue;
          const std::int64_t vector = ic * plane + std::int64_t{tap / s.KW} * s.IW + tap % s.KW;
          offset_.push_back(static_cast<std::int32_t>(vector * kernels::kLanes));
          value_.push_back(*weight);
        }
      }
    }
    begin_.push_back(static_cast<std::int32_t>(value_.size()));
  }

  std::size_t weight_bytes() const override {
    return bytes_of(begin_) + bytes_of(offset_) + bytes_of(value_);
  }
  std::size_t scratch_bytes() const override { return 0; }
  void run(const ConvolutionIo& io) const override {
    kernels::spconv2d().forward_kept(shape_, {begin_.data(), offset_.data(), value_.data()},
                                     sparse_args(layer_, io));
  }

 private:
  const Layer& layer_;
  Conv2dShape shape_;
  std::vector<std::int32_t> begin_, offset_;
  std::vector<float> value_;
};

// Blocks of weights of which one at least is not zero, as kernels::SparseBlocks has them for a forward pass.
struct KeptBlocks {
  int side;
  std::vector<std::int32_t> begin, column;
  std::vector<float> values;  // [blocks][side output channels][side input channels]

  KeptBlocks(const Layer& layer, const Conv2dShape& s, int side_of_block) : side(side_of_block) {
    const int taps = s.KH * s.KW, outputs = (s.OC + side - 1) / side, inputs = (s.IC + side - 1) / side;
    std::vector<float> block(static_cast<std::size_t>(side) * static_cast<std::size_t>(side));
    for (int o = 0; o < outputs; ++o) {
      begin.push_back(static_cast<std::int32_t>(column.size()));
      for (int i = 0; i < inputs; ++i) {
        for (int tap = 0; tap < taps; ++tap) {
          std::fill(block.begin(), block.end(), 0.0f);
          for (int oc = o * side; oc < std::min((o + 1) * side, s.OC); ++oc) {
            for (int ic = i * side; ic < std::min((i + 1) * side, s.IC); ++ic) {
              const auto at = static_cast<std::size_t>((std::int64_t{oc} * s.IC + ic) * taps + tap);
              block[static_cast<std::size_t>((oc % side) * side + ic % side)] = layer.weights[at];
            }
          }
          if (std::all_of(block.begin(), block.end(), [](float weight) { return weight == 0.0f; })) continue;
          column.push_back(i * taps + tap);
          values.insert(values.end(), block.begin(), block.end());
        }
      }
    }
    begin.push_back(static_cast<std::int32_t>(column.size()));
  }

  kernels::SparseBlocks view() const {
    return {.size = side,
            .count = static_cast<std::int64_t>(column.size()),
            .by_output = {begin.data(), column.data()},
            .by_input = {}};
  }
};

class BlockConvolution : public Convolution {
 public:
  BlockConvolution(const Layer& layer, const Conv2dShape& shape, int side)
      : layer_(layer), shape_(shape), blocks_(layer, shape, side) {
    const kernels::SparseBlocks view = blocks_.view();
    lists_ = Memory(kernels::spconv2d().prepared_bytes(shape, view));
    const Memory scratch(scratch_bytes());
    kernels::spconv2d().prepare(shape, view, blocks_.values.data(), lists_.data(), scratch.data());
    blocks_.values = {};
  }

  std::size_t weight_bytes() const override { return lists_.size_bytes(); }
  std::size_t scratch_bytes() const override {
    return kernels::spconv2d().scratch_bytes(shape_, blocks_.view(), kernels::Conv2dPass::forward);
  }
  void run(const ConvolutionIo& io) const override {
    kernels::SpConv2dArgs args = sparse_args(layer_, io);
    args.prepared = lists_.data();
    kernels::spconv2d().run(shape_, blocks_.view(), kernels::Conv2dPass::forward, args);
  }

 private:
  const Layer& layer_;
  Conv2dShape shape_;
  KeptBlocks blocks_;
  Memory lists_;
};

}  // namespace

double weight_density(const Layer& layer) {
  const auto zeros = std::count(layer.weights.begin(), layer.weights.end(), 0.0f);
  return 1.0 - static_cast<double>(zeros) / static_cast<double>(layer.weights.size());
}

std::unique_ptr<Convolution> build_convolution(const Candidate& candidate, const Layer& layer,
                                               const Conv2dShape& shape) {
  switch (candidate.format) {
    case ConvolutionFormat::dense:
      break;
    case ConvolutionFormat::kept:
      return std::make_unique<KeptConvolution>(layer, shape);
    case ConvolutionFormat::blocks:
      return std::make_unique<BlockConvolution>(layer, shape, candidate.block);
  }
  return std::make_unique<DenseConvolution>(*candidate.dense, layer, shape);
}

}  // namespace espalier::infer

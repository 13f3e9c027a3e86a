// Every operation on activations of bf16, against itself on the same numbers in f32.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "framework/autograd/node.h"
#include "framework/core/error.h"
#include "framework/ops/add.h"
#include "framework/ops/add_scalar.h"
#include "framework/ops/avg_pool2d.h"
#include "framework/ops/batch_norm.h"
#include "framework/ops/concat.h"
#include "framework/ops/conv2d.h"
#include "framework/ops/cross_entropy.h"
#include "framework/ops/div.h"
#include "framework/ops/dropout.h"
#include "framework/ops/exp.h"
#include "framework/ops/flatten.h"
#include "framework/ops/gelu.h"
#include "framework/ops/global_avg_pool.h"
#include "framework/ops/layer_norm.h"
#include "framework/ops/linear.h"
#include "framework/ops/log.h"
#include "framework/ops/log_softmax.h"
#include "framework/ops/matmul.h"
#include "framework/ops/max_pool2d.h"
#include "framework/ops/mean.h"
#include "framework/ops/mul.h"
#include "framework/ops/permute.h"
#include "framework/ops/relu.h"
#include "framework/ops/repeat_batch.h"
#include "framework/ops/reshape.h"
#include "framework/ops/scale.h"
#include "framework/ops/scaled_dot_product_attention.h"
#include "framework/ops/slice.h"
#include "framework/ops/softmax.h"
#include "framework/ops/sqrt.h"
#include "framework/ops/stochastic_depth.h"
#include "framework/ops/sub.h"
#include "framework/ops/subsample.h"
#include "framework/ops/sum.h"
#include "framework/ops/to_dtype.h"
#include "framework/ops/transpose.h"
#include "framework/tensor/lanes.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::backward_with;
using testing::random_tensor;

namespace {

using Inputs = std::vector<Tensor>;
using Function = std::function<Tensor(const Inputs&)>;

struct Case {
  std::string op;
  Inputs inputs;  // f32
  Function function;
  DType result = DType::bf16;  // of activations of bf16
};

Tensor lanes(const Shape& shape, std::uint64_t seed = 1) { return random_tensor(shape, Layout::lanes, seed); }
Tensor plain(const Shape& shape, std::uint64_t seed = 2) { return random_tensor(shape, Layout::plain, seed); }

// Positive, and away from 0.
Tensor positive(Tensor t) {
  for (std::int64_t i = 0; i < t.storage_elements(); ++i) t.data()[i] = 0.5f + std::abs(t.data()[i]);
  return t;
}

Tensor labels(std::int64_t n, std::int64_t classes) {
  Tensor t = Tensor::empty({n}, Layout::plain, DType::i32);
  for (std::int64_t i = 0; i < n; ++i) t.data<std::int32_t>()[i] = static_cast<std::int32_t>(5 * i % classes);
  return t;
}

Tensor batch_norm(const Inputs& in, const ops::BatchNormOptions& options) {
  Tensor mean = Tensor::zeros(in[1].shape()), var = Tensor::full(in[1].shape(), 1.5f);
  return ops::batch_norm(in[0], in[1], in[2], mean, var, options, in.size() > 3 ? in[3] : Tensor());
}

template <class Op>
Function of_one(const Op& op) {
  return [op](const Inputs& in) { return op(in[0]); };
}
template <class Op>
Function of_two(const Op& op) {
  return [op](const Inputs& in) { return op(in[0], in[1]); };
}

// All three passes over two thirds of the weights, or over all.
ops::SparsePasses passes_of(const Tensor& weight, bool sparse) {
  if (!sparse) return {};
  Mask mask = Mask::ones(weight.shape());
  for (std::int64_t i = 0; i < weight.numel(); i += 3) mask.data()[i] = 0;
  return {std::make_shared<const SparsePattern>(mask, 1), true, true, true};
}

// Batches beyond one vector, planes with and without padding.
std::vector<Case> cases() {
  const Shape image = {17, 3, 4, 5}, odd = {5, 2, 5, 5}, tokens = {17, 5, 12}, features = {17, 7};
  const Inputs norm = {lanes(image), plain({3}), plain({3}, 3)};
  Inputs residual = norm;
  residual.push_back(lanes(image, 4));
  std::vector<Case> all;
  for (const auto& [name, op] : {std::pair{"add", &ops::add}, {"sub", &ops::sub}, {"mul", &ops::mul}}) {
    all.push_back({name, {lanes(image), lanes(image, 2)}, of_two(op)});
    all.push_back({name, {lanes(image), lanes({17, 3, 1, 1}, 2)}, of_two(op)});
    all.push_back({name, {lanes({17, 3, 1, 5}), lanes({17, 1, 4, 1}, 2)}, of_two(op)});
    all.push_back({name, {lanes(image), plain({3, 1, 1})}, of_two(op)});
    all.push_back({name, {plain({5, 12}), lanes(tokens)}, of_two(op)});
  }
  all.push_back({"div", {lanes(image), positive(lanes(image, 2))}, of_two(&ops::div)});
  all.push_back({"div", {lanes(image), positive(plain({3, 1, 1}))}, of_two(&ops::div)});
  all.push_back(
      {"add_scalar", {lanes(image)}, [](const Inputs& in) { return ops::add_scalar(in[0], 0.3f); }});
  all.push_back({"scale", {lanes(image)}, [](const Inputs& in) { return ops::scale(in[0], 0.3f); }});
  all.push_back({"relu", {lanes(image)}, of_one(&ops::relu)});
  all.push_back({"exp", {lanes(features)}, of_one(&ops::exp)});
  all.push_back({"log", {positive(lanes(features))}, of_one(&ops::log)});
  all.push_back({"sqrt", {positive(lanes(features))}, of_one(&ops::sqrt)});
  for (const ops::Gelu formula : {ops::Gelu::erf, ops::Gelu::tanh}) {
    all.push_back({"gelu", {lanes(tokens)}, [=](const Inputs& in) { return ops::gelu(in[0], formula); }});
  }
  all.push_back(
      {"dropout", {lanes(tokens)}, [](const Inputs& in) { return ops::dropout(in[0], 0.3f, true, 1, 2); }});
  all.push_back({"stochastic_depth", {lanes(tokens)}, [](const Inputs& in) {
                   return ops::stochastic_depth(in[0], 0.3f, true, 1, 2);
                 }});
  for (const Shape& shape : {image, odd}) {
    all.push_back({"max_pool2d", {lanes(shape)}, [](const Inputs& in) { return ops::max_pool2d(in[0]); }});
    all.push_back({"max_pool2d", {lanes(shape)}, [](const Inputs& in) {
                     return ops::max_pool2d(in[0], {.kernel = 3, .stride = 2, .padding = 1});
                   }});
    all.push_back({"avg_pool2d", {lanes(shape)}, [](const Inputs& in) { return ops::avg_pool2d(in[0]); }});
    all.push_back({"global_avg_pool", {lanes(shape)}, of_one(&ops::global_avg_pool)});
    all.push_back(
        {"subsample", {lanes(shape)}, [](const Inputs& in) { return ops::subsample(in[0], 2, 6); }});
    all.push_back({"flatten", {lanes(shape)}, of_one(&ops::flatten)});
    all.push_back({"reshape", {lanes(shape)}, [](const Inputs& in) {
                     return ops::reshape(in[0], {in[0].dim(0), in[0].dim(2), -1});
                   }});
    all.push_back({"permute", {lanes(shape)}, [](const Inputs& in) {
                     return ops::permute(in[0], {0, 3, 1, 2});
                   }});
    all.push_back({"slice", {lanes(shape)}, [](const Inputs& in) { return ops::slice(in[0], 2, 1, 4); }});
    all.push_back({"mean", {lanes(shape)}, [](const Inputs& in) { return ops::mean(in[0], {2, 3}); }});
    all.push_back({"sum", {lanes(shape)}, [](const Inputs& in) { return ops::sum(in[0], {1, 3}, true); }});
    all.push_back({"sum",
                   {lanes(shape)},
                   [](const Inputs& in) {
                     return ops::sum(in[0], {0, 2});
                   },
                   DType::f32});
    all.push_back({"sum", {lanes(shape)}, [](const Inputs& in) { return ops::sum(in[0]); }, DType::f32});
  }
  // Kernels for few channels, for many, and with a stride; each with weights left out too.
  const Inputs convolutions[] = {{lanes(image), plain({5, 3, 3, 3}), plain({5}, 3)},
                                 {lanes({17, 16, 6, 6}), plain({20, 16, 3, 3}), plain({20}, 3)},
                                 {lanes({5, 9, 7, 7}), plain({11, 9, 1, 1}), plain({11}, 3)}};
  for (const Inputs& inputs : convolutions) {
    const int stride = inputs[1].dim(2) == 1 ? 2 : 1, padding = inputs[1].dim(2) == 1 ? 0 : 1;
    const ops::Conv2dOptions options = {
        .stride_h = stride, .stride_w = stride, .padding_h = padding, .padding_w = padding};
    for (const bool sparse : {false, true}) {
      all.push_back({"conv2d", inputs, [=, passes = passes_of(inputs[1], sparse)](const Inputs& in) {
                       return ops::conv2d(in[0], in[1], in[2], options, passes);
                     }});
    }
  }
  for (const Inputs& inputs : {Inputs{lanes(tokens), plain({20, 12}), plain({20}, 3)},
                               Inputs{lanes(features), plain({3, 7}), plain({3}, 3)}}) {
    for (const bool sparse : {false, true}) {
      all.push_back({"linear", inputs, [=, passes = passes_of(inputs[1], sparse)](const Inputs& in) {
                       return ops::linear(in[0], in[1], in[2], passes);
                     }});
    }
  }
  for (const bool training : {true, false}) {
    for (const bool relu : {true, false}) {
      const ops::BatchNormOptions options = {.training = training, .relu = relu};
      for (const Inputs& inputs : {norm, residual}) {
        all.push_back({"batch_norm", inputs, [=](const Inputs& in) { return batch_norm(in, options); }});
      }
    }
  }
  all.push_back({"layer_norm", {lanes(tokens), plain({12}), plain({12}, 3)}, [](const Inputs& in) {
                   return ops::layer_norm(in[0], in[1], in[2]);
                 }});
  all.push_back({"scaled_dot_product_attention", {lanes(tokens)}, [](const Inputs& in) {
                   return ops::scaled_dot_product_attention(in[0], 2);
                 }});
  all.push_back({"transpose", {lanes(tokens)}, [](const Inputs& in) { return ops::transpose(in[0], 1, 2); }});
  all.push_back({"concat", {lanes({17, 1, 12}), lanes(tokens, 2)}, [](const Inputs& in) {
                   return ops::concat({in[0], in[1]}, 1);
                 }});
  all.push_back({"repeat_batch", {plain({1, 5, 12}), lanes(tokens)}, [](const Inputs& in) {
                   return ops::add(ops::repeat_batch(in[0], 17, in[1].dtype()), in[1]);
                 }});
  all.push_back({"matmul", {lanes({17, 3, 5}), lanes({17, 5, 4}, 2)}, of_two(&ops::matmul)});
  all.push_back({"matmul", {lanes({5, 2, 3, 4}), lanes({5, 2, 4, 2}, 2)}, of_two(&ops::matmul)});
  all.push_back({"softmax", {lanes(tokens)}, of_one(&ops::softmax)});
  all.push_back({"log_softmax", {lanes(image)}, of_one(&ops::log_softmax)});
  all.push_back({"cross_entropy",
                 {lanes(features)},
                 [](const Inputs& in) { return ops::cross_entropy(in[0], labels(17, 7), 0.1f); },
                 DType::f32});
  all.push_back({"soft_cross_entropy",
                 {lanes(features), positive(lanes(features, 2))},
                 of_two(&ops::soft_cross_entropy),
                 DType::f32});
  all.push_back({"to_dtype", {lanes(image)}, [](const Inputs& in) {
                   return ops::to_dtype(ops::to_dtype(in[0], DType::bf16), in[0].dtype());
                 }});
  return all;
}

// A leaf of its own for each input, with activations of `dtype`.
Inputs leaves(const Inputs& inputs, DType dtype) {
  Inputs result;
  for (const Tensor& input : inputs) {
    // Rounded for f32 too, so that both start from the same numbers.
    const Tensor rounded = converted(converted(input, DType::bf16), input.is_lanes() ? dtype : DType::f32);
    result.push_back(rounded.clone().set_requires_grad());
  }
  return result;
}

// The largest difference as a part of the largest value.
double difference(const Tensor& got, const Tensor& expected) {
  const std::vector<float> a = got.to_vector(), b = expected.to_vector();
  REQUIRE(a.size() == b.size());
  double largest = 1e-3, worst = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(double{b[i]}));
    const double d = std::abs(double{a[i]} - double{b[i]});
    if (!(d <= worst)) worst = std::isnan(d) ? HUGE_VAL : d;
  }
  return worst / largest;
}

bool padding_is_finite(const Tensor& t) {
  const Tensor all = converted(t, DType::f32);
  const kernels::LaneShape s = lane_shape(t.shape());
  for (std::int64_t n = s.N; n < s.G() * kernels::kLanes; ++n)
    for (std::int64_t i = 0; i < s.T; ++i)
      for (std::int64_t c = 0; c < s.C; ++c)
        for (std::int64_t p = 0; p < s.HW; ++p)
          if (!std::isfinite(all.data()[s.at(n, i, c, p)])) return false;
  return true;
}

}  // namespace

TEST_CASE("every operation gives on bf16 what it gives on f32, to the digits of bf16") {
  // A result is rounded once, to half of 2^-7 of its size; where an operation goes through another type or
  // through several sums, a few times.
  constexpr double kTolerance = 4 * 0x1p-8;
  for (const Case& c : cases()) {
    CAPTURE(c.op);
    CAPTURE(c.inputs[0].shape().str());
    const Inputs wide = leaves(c.inputs, DType::f32), narrow = leaves(c.inputs, DType::bf16);
    const Tensor expected = c.function(wide), y = c.function(narrow);
    CHECK(y.dtype() == c.result);
    CHECK(y.layout() == expected.layout());
    CHECK(difference(y, expected) <= kTolerance);
    if (y.is_lanes()) CHECK(padding_is_finite(y));

    const Tensor cotangent = converted(random_tensor(y.shape(), y.layout(), 9), y.dtype());
    backward_with(y, cotangent);
    backward_with(expected, converted(cotangent, DType::f32));
    for (std::size_t k = 0; k < narrow.size(); ++k) {
      CAPTURE(k);
      REQUIRE(narrow[k].grad().defined());
      CHECK(narrow[k].grad().dtype() == narrow[k].dtype());
      CHECK(difference(narrow[k].grad(), wide[k].grad()) <= kTolerance);
      if (narrow[k].is_lanes()) CHECK(padding_is_finite(narrow[k].grad()));
    }
  }
}

TEST_CASE("no operation is left out of these") {
  std::set<std::string> seen;
  for (const Case& c : cases()) seen.insert(c.op);
  for (const std::string op : {
#define ESPALIER_OP(name) #name,
#include "framework/ops/ops.inc"
#undef ESPALIER_OP
       }) {
    CAPTURE(op);
    CHECK(seen.count(op) == 1);
  }
}

TEST_CASE("operations on two activations refuse two types, and name them") {
  const Tensor wide = lanes({5, 3}), narrow = converted(wide, DType::bf16);
  CHECK_THROWS_WITH_AS(
      ops::add(wide, narrow),
      "[add] expected activations of the same type, got lanes [5, 3] and lanes bf16 [5, 3]; convert "
      "one with to_dtype",
      Error);
  CHECK_THROWS_WITH_AS(ops::concat({wide, narrow}, 1),
                       "[concat] part 1 expects lanes [5, 3] but for dimension 1, got lanes bf16 [5, 3]",
                       Error);
  CHECK_THROWS_AS(ops::mul(narrow, converted(plain({3}), DType::bf16)), Error);
}

TEST_CASE("anomaly detection searches bf16") {
  const DetectAnomaly detect;
  Tensor x = converted(lanes({5, 3}), DType::bf16);
  CHECK_NOTHROW(ops::relu(x));
  x.data<kernels::Bf16>()[3] = kernels::round_to_bf16(std::numeric_limits<float>::infinity());
  CHECK_THROWS_WITH_AS(ops::relu(x), doctest::Contains("inf"), Error);
}

// Norms, pools, a residual, tokens with positions, attention: what networks are made of beside the weights.
TEST_CASE("a small network in bf16 has the gradients of f32") {
  const Shape image = {20, 4, 6, 6};
  const Inputs inputs = {lanes(image),         plain({4}),     plain({4}, 3), plain({1, 9, 12}, 4),
                         plain({1, 1, 12}, 5), plain({12}, 6), plain({12}, 7)};
  const auto network = [](const Inputs& in) {
    const Tensor x = batch_norm({in[0], in[1], in[2]}, {.relu = true});
    const Tensor y = ops::max_pool2d(batch_norm({ops::gelu(x), in[1], in[2], x}, {.relu = true}));
    const Tensor wide = ops::concat({y, ops::scale(y, 0.5f), ops::avg_pool2d(x)}, 1);  // [N, 12, 3, 3]
    Tensor t = ops::transpose(ops::reshape(wide, {wide.dim(0), 12, -1}), 1, 2);        // [N, 9, 12]
    t = ops::concat({ops::repeat_batch(in[4], t.dim(0), t.dtype()), ops::add(t, in[3])}, 1);
    const Tensor n = ops::layer_norm(t, in[5], in[6]);
    t = ops::add(
        t, ops::reshape(ops::scaled_dot_product_attention(ops::concat({n, n, n}, 2), 3), {t.dim(0), 10, 12}));
    return ops::cross_entropy(ops::mean(t, {1}), labels(t.dim(0), 12));
  };
  const Inputs wide = leaves(inputs, DType::f32), narrow = leaves(inputs, DType::bf16);
  const Tensor expected = network(wide), loss = network(narrow);
  CHECK(loss.item() == doctest::Approx(expected.item()).epsilon(0.01));
  expected.backward();
  loss.backward();
  for (std::size_t k = 0; k < wide.size(); ++k) {
    CAPTURE(k);
    const std::vector<float> a = narrow[k].grad().to_vector(), b = wide[k].grad().to_vector();
    double error = 0.0, size = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      error += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
      size += double{b[i]} * double{b[i]};
    }
    // Some ten roundings of 2^-9 on the way, and a few winners of pools that change.
    CHECK(std::sqrt(error / size) < 0.05);
  }
}

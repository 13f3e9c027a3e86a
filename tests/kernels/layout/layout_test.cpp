#include "kernels/layout/layout.h"

#include <doctest/doctest.h>

#include "tests/kernels/lanes_support.h"

namespace espalier::kernels {
namespace {

std::vector<LaneShape> shapes() {
  std::vector<LaneShape> all;
  for (std::int64_t n : kBatches) {
    for (std::int64_t pixels : {1, 4, 16, 49, 1100}) all.push_back(image_lanes(n, 3, pixels));
    all.push_back(token_lanes(n, 3, 21));
    all.push_back(token_lanes(n, 1, 2000));
  }
  return all;
}

LaneShape flattened(const LaneShape& s) { return token_lanes(s.N, 1, s.T * s.C * s.HW); }

template <class T>
bool has_nan(const Buffer<T>& elements) {
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (std::isnan(widen(elements.data()[i]))) return true;
  }
  return false;
}

}  // namespace

TEST_CASE_TEMPLATE("plain data goes into lanes and back, with zeros in the padding", T, float, Bf16) {
  for (const LaneShape& shape : shapes()) {
    CAPTURE(shape.N);
    CAPTURE(shape.HW);
    const Doubles values = random_values<T>(logical_size(shape), 1);
    const Floats plain = plain_floats(values);
    for_each_isa<LayoutKernels<T>>([&](const LayoutKernels<T>& kernels) {
      Buffer<T> lanes(static_cast<std::size_t>(shape.floats()));
      Floats back(plain.size());
      kernels.to_lanes(shape, plain.data(), lanes.data());
      CHECK(worst_error(shape, lanes, values) == 0.0);
      CHECK(padding_lanes_are_zero(shape, lanes));
      CHECK(!has_nan(lanes));
      kernels.from_lanes(shape, lanes.data(), back.data());
      CHECK(back.same_bits(plain));
    });
  }
}

TEST_CASE_TEMPLATE("planes are compacted and expanded again", T, float, Bf16) {
  for (const LaneShape& shape : shapes()) {
    const Doubles values = random_values<T>(logical_size(shape), 1);
    const Buffer<T> padded = in_lanes<T>(shape, values, 0.0f);
    for_each_isa<LayoutKernels<T>>([&](const LayoutKernels<T>& kernels) {
      Buffer<T> compact(static_cast<std::size_t>(flattened(shape).floats())), expanded(padded.size());
      kernels.compact(shape, padded.data(), compact.data());
      CHECK(worst_error(flattened(shape), compact, values) == 0.0);
      kernels.expand(shape, compact.data(), expanded.data());
      CHECK(worst_error(shape, expanded, values) == 0.0);
      CHECK(!has_nan(expanded));
    });
  }
}

TEST_CASE_TEMPLATE("padding lanes are cleared and images left alone", T, float, Bf16) {
  for (const LaneShape& shape : shapes()) {
    const Doubles values = random_values<T>(logical_size(shape), 1);
    for_each_isa<LayoutKernels<T>>([&](const LayoutKernels<T>& kernels) {
      Buffer<T> lanes = in_lanes<T>(shape, values, NAN);
      kernels.clear_padding_lanes(shape, lanes.data());
      CHECK(padding_lanes_are_zero(shape, lanes));
      CHECK(worst_error(shape, lanes, values) == 0.0);
    });
  }
}

}  // namespace espalier::kernels

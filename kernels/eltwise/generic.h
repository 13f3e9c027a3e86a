// The body of every elementwise kernel, written once over the 16-lane vector.
#pragma once

#include "kernels/base/parallel.h"
#include "kernels/base/vec.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier::kernels {
namespace {

// 64 KiB of each array a task: large enough to hide the start of a task, small enough to balance.
constexpr std::int64_t kTaskFloats = 16 * 1024;

// vector_body(i) for each whole vector at float i, scalar_body(i) for the floats of the tail.
template <class VectorBody, class ScalarBody>
void for_each_vector(std::int64_t n, const VectorBody& vector_body, const ScalarBody& scalar_body) {
  parallel_for((n + kTaskFloats - 1) / kTaskFloats, [&](std::int64_t task) {
    std::int64_t i = task * kTaskFloats;
    const std::int64_t end = i + kTaskFloats < n ? i + kTaskFloats : n;
    for (; i + 16 <= end; i += 16) vector_body(i);
    for (; i < end; ++i) scalar_body(i);
  });
}

void relu_fwd(const float* src, float* dst, std::int64_t n) {
  for_each_vector(
      n, [&](std::int64_t i) { store(dst + i, max(zero(), load(src + i))); },
      [&](std::int64_t i) { dst[i] = src[i] <= 0.0f ? 0.0f : src[i]; });
}

void relu_bwd(const float* dst, const float* diff_dst, float* diff_src, std::int64_t n) {
  for_each_vector(
      n,
      [&](std::int64_t i) {
        store(diff_src + i, select(greater(load(dst + i), zero()), load(diff_dst + i), zero()));
      },
      [&](std::int64_t i) { diff_src[i] = dst[i] > 0.0f ? diff_dst[i] : 0.0f; });
}

void add(const float* a, const float* b, float* dst, std::int64_t n) {
  for_each_vector(
      n, [&](std::int64_t i) { store(dst + i, load(a + i) + load(b + i)); },
      [&](std::int64_t i) { dst[i] = a[i] + b[i]; });
}

constexpr EltwiseKernels kEltwise = {kVecIsa, relu_fwd, relu_bwd, add};

}  // namespace
}  // namespace espalier::kernels

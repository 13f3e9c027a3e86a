#include "kernels/layout/strided_copy.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "kernels/base/lanes.h"
#include "tests/kernels/support.h"

namespace espalier::kernels {
namespace {

// The formula of strided_copy.h, one element at a time.
template <class From, class To>
void expect_formula(const StridedCopy& c, const Buffer<From>& src, const Buffer<To>& dst) {
  const int src_width = c.element == CopyElement::vectors ? kLanes : 1;
  const int dst_width = c.element == CopyElement::numbers ? 1 : kLanes;
  std::int64_t elements = 1;
  for (std::int64_t size : c.size) elements *= size;
  std::int64_t wrong = 0;
  for (std::int64_t e = 0; e < elements; ++e) {
    std::int64_t rest = e, from = 0, to = 0;
    for (int d = StridedCopy::kRank - 1; d >= 0; --d) {
      from += rest % c.size[d] * c.src_stride[d];
      to += rest % c.size[d] * c.dst_stride[d];
      rest /= c.size[d];
    }
    for (int lane = 0; lane < dst_width; ++lane) {
      const From value = src.data()[from * src_width + (src_width == 1 ? 0 : lane)];
      wrong += widen(dst.data()[to * dst_width + lane]) != widen(element_from<To>(widen(value)));
    }
  }
  CHECK(wrong == 0);
}

template <class From, class To>
void check_types(const StridedCopy& copy, std::size_t elements) {
  const Buffer<From> src = Buffer<From>::random(elements * kLanes, 1);
  Buffer<To> dst(elements * kLanes);
  strided_copy(copy, src.data(), dst.data());
  expect_formula(copy, src, dst);
  with_threads(4, [&] {
    Buffer<To> again(elements * kLanes);
    strided_copy(copy, src.data(), again.data());
    expect_formula(copy, src, again);
  });
}

// Added to zeros it is the copy, and to the copy twice of it.
template <class From, class To>
void check_adding(StridedCopy copy, std::size_t elements) {
  const Buffer<From> src = Buffer<From>::random(elements * kLanes, 1);
  Buffer<To> once(elements * kLanes), twice(elements * kLanes);
  std::fill_n(once.data(), elements * kLanes, To{});
  copy.add = true;
  strided_copy(copy, src.data(), once.data());
  expect_formula(copy, src, once);
  std::copy_n(once.data(), elements * kLanes, twice.data());
  strided_copy(copy, src.data(), twice.data());
  std::int64_t wrong = 0;
  for (std::size_t i = 0; i < elements * kLanes; ++i) {
    const float expected = widen(element_from<To>(widen(once.data()[i]) * 2.0f));
    // A source of more digits than the destination is rounded after it was added.
    wrong += std::abs(widen(twice.data()[i]) - expected) > 0.01f * std::abs(expected);
  }
  CHECK(wrong == 0);
}

void check_copy(StridedCopy copy, std::size_t elements) {
  for (CopyElement element : {CopyElement::numbers, CopyElement::vectors, CopyElement::numbers_to_vectors}) {
    copy.element = element;
    check_types<float, float>(copy, elements);
    check_types<Bf16, Bf16>(copy, elements);
    check_types<float, Bf16>(copy, elements);
    check_adding<float, float>(copy, elements);
    check_adding<Bf16, Bf16>(copy, elements);
    check_adding<float, Bf16>(copy, elements);
  }
}

TEST_CASE("strided_copy permutes, slices, and repeats") {
  SUBCASE("contiguous rows with gaps between planes") {
    check_copy({.size = {1, 1, 2, 3, 5, 7},
                .src_stride = {0, 0, 105, 35, 7, 1},
                .dst_stride = {0, 0, 111, 37, 7, 1}},
               222);
  }
  SUBCASE("transposed") {
    check_copy(
        {.size = {1, 1, 1, 4, 6, 9}, .src_stride = {0, 0, 0, 54, 1, 6}, .dst_stride = {0, 0, 0, 54, 9, 1}},
        216);
  }
  SUBCASE("broadcast over the first and the last dimension") {
    check_copy(
        {.size = {1, 1, 1, 3, 5, 4}, .src_stride = {0, 0, 0, 0, 1, 0}, .dst_stride = {0, 0, 0, 20, 4, 1}},
        60);
  }
  SUBCASE("all six dimensions, more than one task") {
    check_copy({.size = {3, 2, 5, 4, 7, 9},
                .src_stride = {2520, 1260, 63, 315, 1, 7},
                .dst_stride = {2520, 1260, 252, 63, 9, 1}},
               7560);
  }
  SUBCASE("nothing") { check_copy({.size = {1, 1, 1, 1, 3, 0}}, 1); }
}

}  // namespace
}  // namespace espalier::kernels

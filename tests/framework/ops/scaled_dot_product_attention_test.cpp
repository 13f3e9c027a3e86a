#include "framework/ops/scaled_dot_product_attention.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "tests/support/goldens.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::check_golden;
using testing::check_gradients;
using testing::random_tensor;

TEST_CASE("scaled_dot_product_attention: gradient") {
  // [N, T, 3*NH*D] and NH; 41 tokens are several blocks of keys.
  const std::pair<Shape, std::int64_t> cases[] = {
      {{1, 3, 6}, 1}, {{5, 7, 24}, 2}, {{16, 4, 30}, 2}, {{17, 5, 9}, 3}, {{2, 41, 12}, 2}};
  for (const auto& [shape, heads] : cases) {
    for (bool causal : {false, true}) {
      const std::string text = shape.str();
      CAPTURE(text);
      CAPTURE(causal);
      const auto run = [heads = heads, causal](const std::vector<Tensor>& in) {
        return ops::scaled_dot_product_attention(in[0], heads, {.causal = causal});
      };
      check_gradients(run, {random_tensor(shape, Layout::lanes, 1)});
    }
  }
}

TEST_CASE("scaled_dot_product_attention: PyTorch's values") {
  check_golden("scaled_dot_product_attention",
               [](const std::vector<Tensor>& in) { return ops::scaled_dot_product_attention(in[0], 2); });
  check_golden("scaled_dot_product_attention: causal, scaled", [](const std::vector<Tensor>& in) {
    return ops::scaled_dot_product_attention(in[0], 1, {.causal = true, .scale = 0.75f});
  });
}

TEST_CASE("scaled_dot_product_attention says what does not fit") {
  CHECK_THROWS_WITH_AS(
      ops::scaled_dot_product_attention(random_tensor({2, 3, 20}, Layout::lanes, 1), 2),
      "[scaled_dot_product_attention] qkv expects 3 * heads * D features, got 20 for 2 heads", Error);
  CHECK_THROWS_WITH_AS(
      ops::scaled_dot_product_attention(random_tensor({2, 12}, Layout::lanes, 1), 2),
      "[scaled_dot_product_attention] qkv expects [N, T, 3*NH*D] in lanes, got lanes [2, 12]", Error);
}

#include "framework/ops/checks.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "framework/core/error.h"
#include "framework/ops/add_scalar.h"
#include "framework/ops/dropout.h"
#include "framework/ops/exp.h"
#include "framework/ops/gelu.h"
#include "framework/ops/log.h"
#include "framework/ops/relu.h"
#include "framework/ops/scale.h"
#include "framework/ops/sqrt.h"
#include "framework/ops/sum.h"

using namespace espalier;

TEST_CASE("functions of an element say what they expect, under their own names") {
  using Function = std::function<Tensor(const Tensor&)>;
  const std::vector<std::pair<std::string, Function>> functions = {
      {"relu", ops::relu},
      {"gelu", [](const Tensor& x) { return ops::gelu(x); }},
      {"exp", ops::exp},
      {"log", ops::log},
      {"sqrt", ops::sqrt},
      {"scale", [](const Tensor& x) { return ops::scale(x, 2.0f); }},
      {"add_scalar", [](const Tensor& x) { return ops::add_scalar(x, 2.0f); }},
      {"dropout", [](const Tensor& x) { return ops::dropout(x, 0.5f, true, 1, 1); }},
      {"sum", [](const Tensor& x) { return ops::sum(x); }}};
  const Tensor labels = Tensor::empty({4}, Layout::plain, DType::i32);
  for (const auto& [name, f] : functions) {
    CAPTURE(name);
    const std::string expected = "[" + name + "] x expects an activation or a plain f32 tensor, got ";
    CHECK_THROWS_WITH_AS(f(labels), (expected + "plain i32 [4]").c_str(), Error);
    CHECK_THROWS_WITH_AS(f({}), (expected + "nothing").c_str(), Error);
  }
}

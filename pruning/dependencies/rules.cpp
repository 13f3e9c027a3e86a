#include "pruning/dependencies/rules.h"

#include <algorithm>

namespace espalier::pruning {
namespace {

struct Row {
  std::string_view op;
  Rule rule;
};

// A new operation adds a row, and a file in rules/ when it is of no kind that is there.
constexpr Row kRows[] = {
    {"conv2d", rules::conv2d},
    {"linear", rules::linear},
    {"batch_norm", rules::batch_norm},
    {"layer_norm", rules::layer_norm},
    {"scaled_dot_product_attention", rules::attention},
    {"relu", rules::unary},
    {"gelu", rules::unary},
    {"exp", rules::unary},
    {"log", rules::unary},
    {"sqrt", rules::unary},
    {"scale", rules::unary},
    {"add_scalar", rules::unary},
    {"to_dtype", rules::unary},
    {"add", rules::binary},
    {"sub", rules::binary},
    {"mul", rules::binary},
    {"div", rules::binary},
    {"max_pool2d", rules::pool},
    {"avg_pool2d", rules::pool},
    {"global_avg_pool", rules::pool},
    {"sum", rules::sum},
    {"matmul", rules::matmul},
    {"concat", rules::concat},
    {"slice", rules::slice},
    {"reshape", rules::reshape},
    {"subsample", rules::subsample},
};

}  // namespace

Rule find_rule(std::string_view op) {
  const auto row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return r.op == op; });
  return row == std::end(kRows) ? nullptr : row->rule;
}

void pin_operation(const graph::Operation& operation, Couplings& couplings, const std::string& reason) {
  std::vector<int> values = operation.inputs;
  values.push_back(operation.output);
  for (const Axis& axis : couplings.axes()) {
    if (std::find(values.begin(), values.end(), axis.value) != values.end()) couplings.pin_all(axis, reason);
  }
}

}  // namespace espalier::pruning

// What each operation says of its channels. A rule calls Couplings for the inputs and the output of one
// operation of the graph; everything else follows from what the rules of a model's operations say together.
//
// An operation without a rule is no error: its channels cannot be removed, and the reason names it.
#pragma once

#include <string_view>

#include "pruning/dependencies/couplings.h"

namespace espalier::pruning {

// `index` is the operation's place in the graph; its output is an activation.
using Rule = void (*)(const graph::Operation& operation, int index, Couplings& couplings);

// Null when the operation has none.
Rule find_rule(std::string_view op);

// Those that rules.cpp lists, one file a kind of operation.
namespace rules {
void conv2d(const graph::Operation& operation, int index, Couplings& couplings);
void linear(const graph::Operation& operation, int index, Couplings& couplings);
void batch_norm(const graph::Operation& operation, int index, Couplings& couplings);
void unary(const graph::Operation& operation, int index, Couplings& couplings);
void binary(const graph::Operation& operation, int index, Couplings& couplings);
void pool(const graph::Operation& operation, int index, Couplings& couplings);
void concat(const graph::Operation& operation, int index, Couplings& couplings);
void reshape(const graph::Operation& operation, int index, Couplings& couplings);
void attention(const graph::Operation& operation, int index, Couplings& couplings);
void layer_norm(const graph::Operation& operation, int index, Couplings& couplings);
void slice(const graph::Operation& operation, int index, Couplings& couplings);
void sum(const graph::Operation& operation, int index, Couplings& couplings);
void matmul(const graph::Operation& operation, int index, Couplings& couplings);
void subsample(const graph::Operation& operation, int index, Couplings& couplings);
}  // namespace rules

// Pins whatever the operation reads and computes.
void pin_operation(const graph::Operation& operation, Couplings& couplings, const std::string& reason);

}  // namespace espalier::pruning

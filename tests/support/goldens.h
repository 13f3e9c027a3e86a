// Does an operation agree with PyTorch? tests/goldens/ops.json holds PyTorch's results and gradients.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "framework/tensor/tensor.h"

namespace espalier::testing {

// Runs f on the inputs of a case of ops.json and compares its result and, after a backward pass from the
// case's cotangent, the gradients of all inputs. Differences up to `tolerance` times the largest magnitude of
// the compared tensor (at least 1) pass: the default is 64 epsilons, enough for sums of a hundred terms in
// any order and for the seven digits that the file holds.
void check_golden(const std::string& name, const std::function<Tensor(const std::vector<Tensor>&)>& f,
                  double tolerance = 64 * 1.1920929e-7);

}  // namespace espalier::testing

#include "framework/nn/modules/sequence_pool.h"

#include "framework/ops/matmul.h"
#include "framework/ops/reshape.h"
#include "framework/ops/softmax.h"

namespace espalier::nn {

Tensor SequencePool::forward(const Tensor& x) {
  const Tensor scores = Linear::forward(x);  // [N, T, 1]
  const Tensor p = ops::softmax(ops::reshape(scores, {x.dim(0), 1, x.dim(1)}));
  return ops::reshape(ops::matmul(p, x), {x.dim(0), x.dim(2)});
}

std::int64_t SequencePool::activation_macs(const Shape& x) const { return x[1] * x[2]; }

}  // namespace espalier::nn

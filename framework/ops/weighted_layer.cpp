#include "framework/ops/weighted_layer.h"

namespace espalier::ops {

using kernels::Conv2dPass;

Tensor weighted_layer(std::string_view op, const Tensor& x, const Tensor& weight, const Tensor& bias,
                      const Shape& y_shape, const SparsePasses& sparse, const LayerKernels& kernels,
                      std::initializer_list<Attribute> attributes) {
  sparse.check_for(weight, op);
  const DType dtype = x.dtype();
  const float* b_data = bias.defined() ? bias.data() : nullptr;
  Tensor y = Tensor::empty(y_shape, Layout::lanes, dtype);
  // The values of kept weights serve forward and backward data.
  const bool of_values = sparse.values.defined();
  Tensor values;
  if (of_values) {
    values = sparse.values.detach();
  } else if (sparse.forward || sparse.backward_data) {
    values = sparse.pattern->gather(weight);
  }
  if (sparse.forward) {
    kernels.sparse(Conv2dPass::forward, *sparse.pattern,
                   {.src = x.bytes(), .values = values.data(), .bias = b_data, .dst = y.bytes()});
  } else {
    kernels.dense(Conv2dPass::forward,
                  {.src = x.bytes(), .weights = weight.data(), .bias = b_data, .dst = y.bytes()});
  }
  // Each operand's gradient reads the other operand; a frozen layer keeps no activation, and the first
  // layer's images have no gradient.
  const bool trains = weight.requires_grad() || (bias.defined() && bias.requires_grad());
  Tensor saved_x = trains ? x.detach() : Tensor();
  Tensor saved_weight = x.requires_grad() && !sparse.backward_data ? weight.detach() : Tensor();
  if (!x.requires_grad()) values = Tensor();
  const BackwardFunction backward = [=, x_shape = x.shape(), weight_shape = weight.shape()](Backward& b) {
    const void* dy = b.grad().bytes();
    if (b.needs(1) || b.needs(2)) {
      Tensor dbias = b.needs(2) ? Tensor::empty({weight_shape[0]}) : Tensor();
      float* dbias_data = b.needs(2) ? dbias.data() : nullptr;
      Tensor dweight;
      if (sparse.backward_weights) {
        const std::int64_t size = sparse.pattern->block_size();
        dweight = Tensor::empty({sparse.pattern->blocks(), size, size});
        kernels.sparse(
            Conv2dPass::backward_weights, *sparse.pattern,
            {.src = saved_x.bytes(), .diff_dst = dy, .diff_values = dweight.data(), .diff_bias = dbias_data});
        if (!of_values) dweight = sparse.pattern->scatter(dweight);
      } else {
        dweight = Tensor::empty(weight_shape);
        kernels.dense(Conv2dPass::backward_weights, {.src = saved_x.bytes(),
                                                     .diff_dst = dy,
                                                     .diff_weights = dweight.data(),
                                                     .diff_bias = dbias_data});
      }
      b.give(1, std::move(dweight));
      b.give(2, std::move(dbias));
    }
    if (b.needs(0)) {
      const bool adds = !sparse.backward_data && kernels.adds && kernels.adds();
      Tensor dx = adds ? b.take_sum(0) : Tensor();
      const bool accumulate = dx.defined();
      if (!accumulate) dx = Tensor::empty(x_shape, Layout::lanes, dtype);
      if (sparse.backward_data) {
        kernels.sparse(Conv2dPass::backward_data, *sparse.pattern,
                       {.values = values.data(), .diff_dst = dy, .diff_src = dx.bytes()});
      } else {
        kernels.dense(Conv2dPass::backward_data, {.weights = saved_weight.data(),
                                                  .diff_dst = dy,
                                                  .diff_src = dx.bytes(),
                                                  .accumulate = accumulate});
      }
      b.give(0, std::move(dx));
    }
  };
  // The gradient goes to the leaf of kept values. Off the tape the input is the weight: a graph that is read
  // from the operations knows that one.
  const bool to_values = of_values && grad_enabled();
  return record(op, {x, to_values ? sparse.values : weight, bias}, y, backward, attributes);
}

}  // namespace espalier::ops

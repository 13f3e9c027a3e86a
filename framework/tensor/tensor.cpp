#include "framework/tensor/tensor.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "framework/core/error.h"
#include "framework/tensor/element.h"
#include "framework/tensor/lanes.h"
#include "kernels/base/lanes.h"
#include "kernels/eltwise/eltwise.h"

namespace espalier {

std::int64_t storage_elements(const Shape& shape, Layout layout) {
  if (layout == Layout::plain) return shape.numel();
  check(shape.rank() >= 1, "tensor", "an activation needs a batch dimension");
  std::int64_t vectors = kernels::groups(shape[0]);
  if (shape.rank() == 4) {
    const std::int64_t plane = kernels::plane_vectors(checked_product(shape[2], shape[3]));
    vectors = checked_product(vectors, checked_product(shape[1], plane));
  } else {
    for (int i = 1; i < shape.rank(); ++i) vectors = checked_product(vectors, shape[i]);
  }
  return checked_product(vectors, kernels::kLanes);
}

Tensor Tensor::empty(const Shape& shape, Layout layout, DType dtype) {
  auto impl = std::make_shared<Impl>();
  impl->shape = shape;
  impl->layout = layout;
  impl->dtype = dtype;
  const std::int64_t bytes = checked_product(espalier::storage_elements(shape, layout),
                                             static_cast<std::int64_t>(size_bytes(dtype)));
  impl->storage = Storage::allocate(static_cast<std::size_t>(bytes));
  return Tensor(std::move(impl));
}

Tensor Tensor::empty_like(const Tensor& other) { return empty(other.shape(), other.layout(), other.dtype()); }

Tensor Tensor::zeros(const Shape& shape, Layout layout, DType dtype) {
  Tensor tensor = empty(shape, layout, dtype);
  tensor.zero_();
  return tensor;
}

Tensor Tensor::full(const Shape& shape, float value, Layout layout, DType dtype) {
  Tensor tensor = empty(shape, layout, dtype);
  tensor.fill_(value);
  return tensor;
}

Tensor Tensor::from(const std::vector<float>& values, const Shape& shape) {
  check(static_cast<std::int64_t>(values.size()) == shape.numel(), "tensor",
        "shape {} needs {} values, got {}", shape.str(), shape.numel(), values.size());
  Tensor tensor = empty(shape);
  std::copy(values.begin(), values.end(), tensor.data());
  return tensor;
}

Tensor Tensor::scalar(float value) { return full({}, value); }

Tensor::Impl& Tensor::impl() const {
  check(defined(), "tensor",
        "the tensor is undefined; was it moved from, or is it a gradient that was never computed?");
  return *impl_;
}

const Shape& Tensor::shape() const { return impl().shape; }
Layout Tensor::layout() const { return impl().layout; }
DType Tensor::dtype() const { return impl().dtype; }
std::int64_t Tensor::groups() const { return kernels::groups(dim(0)); }

void* Tensor::raw_data(DType type) const {
  check(impl().dtype == type, "tensor", "the elements are {}, asked for as {}", dtype_name(impl().dtype),
        dtype_name(type));
  return impl_->storage->data();
}

float Tensor::item() const {
  check(numel() == 1, "tensor", "item() needs a tensor of one element, got shape {}", shape().str());
  return *data();
}

std::vector<float> Tensor::to_vector() const {
  if (is_lanes()) return from_lanes(*this).to_vector();
  std::vector<float> values(static_cast<std::size_t>(numel()));
  with_element(dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::eltwise<T>().widen(data<T>(), values.data(), numel());
  });
  return values;
}

Tensor Tensor::view(const Shape& target) const {
  check(target.numel() == numel(), "view", "{} has {} elements, {} has {}", shape().str(), numel(),
        target.str(), target.numel());
  if (is_lanes()) {
    check(target.rank() >= 1 && target[0] == dim(0), "view",
          "an activation keeps its batch dimension: {} to {}", shape().str(), target.str());
    check(espalier::storage_elements(target, Layout::lanes) == storage_elements(), "view",
          "{} to {} would need the padding between planes removed; use ops::reshape, which copies",
          shape().str(), target.str());
  }
  auto result = std::make_shared<Impl>();
  result->shape = target;
  result->layout = layout();
  result->dtype = dtype();
  result->storage = impl().storage;
  return Tensor(std::move(result));
}

Tensor Tensor::clone() const {
  Tensor copy = empty_like(*this);
  copy.copy_(*this);
  return copy;
}

void Tensor::copy_(const Tensor& source) {
  check(shape() == source.shape() && layout() == source.layout() && dtype() == source.dtype(), "copy_",
        "expected a {} tensor of shape {}, got {} of shape {}", dtype_name(dtype()), shape().str(),
        dtype_name(source.dtype()), source.shape().str());
  std::memcpy(impl().storage->data(), source.impl().storage->data(),
              static_cast<std::size_t>(storage_elements()) * size_bytes(dtype()));
}

void Tensor::zero_() {
  std::memset(impl().storage->data(), 0, static_cast<std::size_t>(storage_elements()) * size_bytes(dtype()));
}

void Tensor::fill_(float value) {
  if (dtype() == DType::bf16) {
    std::fill_n(data<kernels::Bf16>(), storage_elements(), kernels::round_to_bf16(value));
  } else {
    std::fill_n(data(), storage_elements(), value);
  }
}

bool Tensor::shares_storage_with(const Tensor& other) const { return impl().storage == other.impl().storage; }

bool Tensor::owns_storage_alone() const { return impl_.use_count() == 1 && impl().storage.use_count() == 1; }

void Tensor::put_away(std::function<void(void*)> restore) { impl().storage->put_away(std::move(restore)); }

bool Tensor::away() const { return impl().storage->away(); }

bool Tensor::requires_grad() const { return impl().requires_grad; }

Tensor& Tensor::set_requires_grad(bool value) {
  check(impl().node == nullptr || value, "tensor", "only a leaf can stop requiring gradients; use detach()");
  impl().requires_grad = value;
  return *this;
}

Tensor Tensor::grad() const { return Tensor(impl().grad); }

void Tensor::set_grad(Tensor gradient) {
  if (gradient.defined()) {
    const bool fits =
        gradient.shape() == shape() && gradient.layout() == layout() && gradient.dtype() == dtype();
    check(fits, "set_grad", "expected a {}{} gradient of shape {}, got {}{} of shape {}", dtype_name(dtype()),
          is_lanes() ? " lanes" : "", shape().str(), dtype_name(gradient.dtype()),
          gradient.is_lanes() ? " lanes" : "", gradient.shape().str());
  }
  impl().grad = std::move(gradient.impl_);
}

Tensor Tensor::detach() const {
  auto result = std::make_shared<Impl>();
  result->shape = shape();
  result->layout = layout();
  result->dtype = dtype();
  result->storage = impl().storage;
  return Tensor(std::move(result));
}

const std::shared_ptr<Node>& Tensor::node() const { return impl().node; }

void Tensor::set_node(std::shared_ptr<Node> node) {
  impl().requires_grad = true;
  impl().node = std::move(node);
}

}  // namespace espalier

// The tensor: a handle to shared storage, a logical shape, and one of two layouts.
//
//   plain   parameters, scalars, statistics: row-major, PyTorch's shapes.
//   lanes   activations: dimension 0 is the batch, and 16 images lie side by side in a vector:
//             [N]           [G][16]
//             [N, F]        [G][F][16]
//             [N, T, C]     [G][T][C][16]
//             [N, C, H, W]  [G][C][H*W | 1][16]      planes padded to odd: kernels/base/lanes.h
//
// Copies share storage, as PyTorch's do; clone() copies. A tensor that takes part in differentiation carries
// autograd state, which framework/autograd/ gives its meaning.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "framework/tensor/dtype.h"
#include "framework/tensor/shape.h"
#include "framework/tensor/storage.h"

namespace espalier {

class Node;  // framework/autograd/node.h

enum class Layout : std::uint8_t { plain, lanes };

// Elements that a tensor occupies in memory, padding included. Throws Error when they cannot be counted.
std::int64_t storage_elements(const Shape& shape, Layout layout);

class Tensor {
 public:
  Tensor() = default;  // undefined

  // Uninitialised, padding included.
  static Tensor empty(const Shape& shape, Layout layout = Layout::plain, DType dtype = DType::f32);
  static Tensor empty_like(const Tensor& other);
  static Tensor zeros(const Shape& shape, Layout layout = Layout::plain, DType dtype = DType::f32);
  static Tensor full(const Shape& shape, float value, Layout layout = Layout::plain,
                     DType dtype = DType::f32);
  // Plain, from row-major values.
  static Tensor from(const std::vector<float>& values, const Shape& shape);
  static Tensor scalar(float value);

  bool defined() const { return impl_ != nullptr; }
  const Shape& shape() const;
  std::int64_t dim(int dimension) const { return shape()[dimension]; }
  int rank() const { return shape().rank(); }
  std::int64_t numel() const { return shape().numel(); }
  Layout layout() const;
  bool is_lanes() const { return layout() == Layout::lanes; }
  DType dtype() const;
  std::int64_t storage_elements() const { return espalier::storage_elements(shape(), layout()); }
  // Groups of 16 images of a lanes tensor.
  std::int64_t groups() const;

  // The elements in storage order; throws Error when T is not the tensor's type. The storage may be shared.
  template <class T = float>
  T* data() {
    return static_cast<T*>(raw_data(dtype_of<T>()));
  }
  template <class T = float>
  const T* data() const {
    return static_cast<const T*>(raw_data(dtype_of<T>()));
  }
  // The same memory untyped, for files: storage_elements() * size_bytes(dtype()).
  void* bytes() { return raw_data(dtype()); }
  const void* bytes() const { return raw_data(dtype()); }
  // The only element of a tensor of one.
  float item() const;
  // The logical elements in row-major order, whatever the layout, of f32 or bf16.
  std::vector<float> to_vector() const;

  // Same elements under another shape of as many, outside any graph; shares storage. Layouts must agree in
  // memory (plain always; lanes where no plane padding is in the way): throws Error otherwise.
  Tensor view(const Shape& shape) const;
  Tensor clone() const;              // a copy in fresh storage, outside any graph
  void copy_(const Tensor& source);  // same shape, layout and type
  void zero_();
  void fill_(float value);
  bool shares_storage_with(const Tensor& other) const;
  // No other tensor refers to the memory: it may be overwritten.
  bool owns_storage_alone() const;
  // Gives the memory up while its elements are known elsewhere: whoever asks for them next, through any
  // tensor that shares it, has `restore` write them, in storage order. Until then it takes none.
  void put_away(std::function<void(void* elements)> restore);
  bool away() const;

  // --- differentiation (framework/autograd/)
  bool requires_grad() const;
  // Makes this a leaf whose gradient backward() computes.
  Tensor& set_requires_grad(bool value = true);
  Tensor grad() const;  // undefined before the first backward()
  // Of this shape, layout and type, or undefined: throws Error otherwise.
  void set_grad(Tensor gradient);
  // The same elements outside the graph; shares storage.
  Tensor detach() const;
  // The operation that produced this, or null for a leaf.
  const std::shared_ptr<Node>& node() const;
  void set_node(std::shared_ptr<Node> node);
  // Gradients of this scalar with respect to every leaf it depends on, added to their grad().
  void backward() const;

  // Identity of the handle's target: two handles of the same tensor agree.
  const void* id() const { return impl_.get(); }

 private:
  struct Impl {
    Shape shape;
    Layout layout = Layout::plain;
    DType dtype = DType::f32;
    std::shared_ptr<Storage> storage;
    bool requires_grad = false;
    std::shared_ptr<Node> node;
    std::shared_ptr<Impl> grad;
  };

  explicit Tensor(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  void* raw_data(DType type) const;
  Impl& impl() const;

  std::shared_ptr<Impl> impl_;
};

}  // namespace espalier

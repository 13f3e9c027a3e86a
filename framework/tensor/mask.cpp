#include "framework/tensor/mask.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "framework/core/error.h"

namespace espalier {
namespace {

std::uint64_t next_version() {
  static std::atomic<std::uint64_t> last = 0;
  return ++last;
}

}  // namespace

Mask::Mask(Tensor bytes)
    : bytes_(std::move(bytes)), version_(std::make_shared<std::uint64_t>(next_version())) {}

std::uint8_t* Mask::data() {
  if (dense()) return nullptr;
  *version_ = next_version();
  return bytes_.data<std::uint8_t>();
}

Mask Mask::ones(const Shape& shape) {
  Mask mask(Tensor::empty(shape, Layout::plain, DType::u8));
  std::fill_n(mask.data(), shape.numel(), std::uint8_t{1});
  return mask;
}

Mask Mask::from(Tensor bytes) {
  check(!bytes.is_lanes() && bytes.dtype() == DType::u8, "mask", "expected a plain u8 tensor, got {}",
        dtype_name(bytes.dtype()));
  const std::uint8_t* data = bytes.data<std::uint8_t>();
  check(std::all_of(data, data + bytes.numel(), [](std::uint8_t b) { return b <= 1; }), "mask",
        "a mask holds zeros and ones only");
  return Mask(std::move(bytes));
}

std::int64_t Mask::kept(std::int64_t numel) const {
  if (dense()) return numel;
  return std::count(data(), data() + bytes_.numel(), std::uint8_t{1});
}

void Mask::check_fits(const Tensor& values) const {
  if (dense()) return;
  check(values.shape() == bytes_.shape() && !values.is_lanes() && values.dtype() == DType::f32, "mask",
        "a mask of shape {} expects plain f32 values of that shape, got {} of shape {}", bytes_.shape().str(),
        dtype_name(values.dtype()), values.shape().str());
}

void Mask::apply_(Tensor& values) const {
  if (dense()) return;
  check_fits(values);
  float* v = values.data();
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    if (data()[i] == 0) v[i] = 0.0f;
  }
}

bool Mask::holds(const Tensor& values) const {
  if (dense()) return true;
  check_fits(values);
  const float* v = values.data();
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    if (data()[i] == 0 && v[i] != 0.0f) return false;
  }
  return true;
}

}  // namespace espalier

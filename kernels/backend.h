// Whose kernels run where there is a choice: our own, or oneDNN's behind the same contracts.
#pragma once

#include <string_view>

#include "kernels/conv2d/conv2d.h"
#include "kernels/gemm/gemm.h"
#include "kernels/norm/norm.h"

namespace espalier::kernels {

enum class Backend { native, onednn };

std::string_view backend_name(Backend backend);

// Was this backend compiled in?
bool backend_available(Backend backend);

// native, or what ESPALIER_BACKEND=native|onednn asks for. Read once. A value that is unknown or not compiled
// in is reported by backend_request_error() and otherwise ignored.
Backend active_backend();

// Empty, or why ESPALIER_BACKEND could not be followed.
std::string_view backend_request_error();

// The convolution that this process runs for a shape and pass: the active backend's, or the native one where
// that has none.
const Conv2dKernel& backend_conv2d(const Conv2dShape& shape, Conv2dPass pass);

// The active backend's plain matrix product (kernels/gemm/gemm.h).
void backend_gemm_f32(const GemmShape& shape, const float* A, const float* B, float* C);

// The active backend's batch norm; layer norm, and all of bf16, is always native (kernels/norm/norm.h).
template <class T = float>
const NormKernels<T>& backend_norm();
template <>
const NormKernels<float>& backend_norm();
template <>
const NormKernels<Bf16>& backend_norm();

}  // namespace espalier::kernels

#include "kernels/backend.h"

#include <cstdlib>
#include <string>

#if defined(ESPALIER_WITH_ONEDNN)
#include "kernels/onednn/onednn.h"
#endif

namespace espalier::kernels {
namespace {

struct Choice {
  Backend backend = Backend::native;
  std::string error;
};

Choice choose() {
  Choice choice;
  const char* wanted = std::getenv("ESPALIER_BACKEND");
  if (wanted == nullptr || *wanted == '\0') return choice;
  for (Backend backend : {Backend::native, Backend::onednn}) {
    if (backend_name(backend) != wanted) continue;
    if (backend_available(backend)) {
      choice.backend = backend;
    } else {
      choice.error = "ESPALIER_BACKEND=" + std::string(wanted) + ": not compiled into this build";
    }
    return choice;
  }
  choice.error = "ESPALIER_BACKEND=" + std::string(wanted) + ": expected native or onednn";
  return choice;
}

const Choice& chosen() {
  static const Choice choice = choose();
  return choice;
}

}  // namespace

std::string_view backend_name(Backend backend) {
  switch (backend) {
    case Backend::native:
      return "native";
    case Backend::onednn:
      return "onednn";
  }
  return "unknown";
}

bool backend_available(Backend backend) {
#if defined(ESPALIER_WITH_ONEDNN)
  if (backend == Backend::onednn) return true;
#endif
  return backend == Backend::native;
}

Backend active_backend() { return chosen().backend; }

std::string_view backend_request_error() { return chosen().error; }

const Conv2dKernel& backend_conv2d(const Conv2dShape& shape, Conv2dPass pass) {
#if defined(ESPALIER_WITH_ONEDNN)
  if (active_backend() == Backend::onednn) {
    if (const Conv2dKernel* kernel = onednn::conv2d(shape, pass)) return *kernel;
  }
#endif
  return select_conv2d(shape, pass);
}

void backend_gemm_f32(const GemmShape& shape, const float* A, const float* B, float* C) {
#if defined(ESPALIER_WITH_ONEDNN)
  if (active_backend() == Backend::onednn) return onednn::gemm_f32(shape, A, B, C);
#endif
  gemm_f32(shape, A, B, C);
}

template <>
const NormKernels<float>& backend_norm() {
#if defined(ESPALIER_WITH_ONEDNN)
  static const NormKernels<> with_onednn = [] {
    NormKernels<> kernels = norm();
    kernels.batch_norm_fwd_training = onednn::batch_norm_fwd_training;
    kernels.batch_norm_fwd_inference = onednn::batch_norm_fwd_inference;
    kernels.batch_norm_bwd = onednn::batch_norm_bwd;
    return kernels;
  }();
  if (active_backend() == Backend::onednn) return with_onednn;
#endif
  return norm();
}
template <>
const NormKernels<Bf16>& backend_norm() {
  return norm<Bf16>();
}

}  // namespace espalier::kernels

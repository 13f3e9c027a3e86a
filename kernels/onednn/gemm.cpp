#include <oneapi/dnnl/dnnl.h>

#include "kernels/onednn/onednn.h"
#include "kernels/onednn/primitives.h"

namespace espalier::kernels::onednn {

void gemm_f32(const GemmShape& s, const float* A, const float* B, float* C) {
  const Threads threads;
  const dnnl_status_t status = dnnl_sgemm(s.transpose_a ? 'T' : 'N', s.transpose_b ? 'T' : 'N', s.M, s.N, s.K,
                                          s.alpha, A, s.lda, B, s.ldb, s.beta, C, s.ldc);
  // An empty product, or no memory for oneDNN's own buffers.
  if (status != dnnl_success) kernels::gemm_f32(s, A, B, C);
}

}  // namespace espalier::kernels::onednn

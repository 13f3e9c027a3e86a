#include "kernels/base/parallel.h"

namespace espalier::kernels {
namespace {

int& thread_count() {
#if defined(_OPENMP)
  static int count = omp_get_max_threads();
#else
  static int count = 1;
#endif
  return count;
}

}  // namespace

int num_threads() { return thread_count(); }

void set_num_threads(int count) { thread_count() = count < 1 ? 1 : count; }

}  // namespace espalier::kernels

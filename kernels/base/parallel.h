// Parallelism by shape: work is cut into tasks by its size alone, never by the number of threads,
// so the bits of a result do not depend on how many threads there are.
#pragma once

#include <cstdint>

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace espalier::kernels {

// Threads that parallel_for may use; at first OpenMP's default (OMP_NUM_THREADS or all cores).
int num_threads();
void set_num_threads(int count);

// The index of the calling thread in the current parallel_for, 0 .. num_threads()-1. For scratch only:
// a result must not depend on it.
inline int thread_index() {
#if defined(_OPENMP)
  return omp_get_thread_num();
#else
  return 0;
#endif
}

// Calls body(task) for task = 0 .. tasks-1, each once, in any order and on any thread. Tasks must
// not write to the same memory; a sum over tasks goes into per-task partials that are then added in
// task order.
template <class Body>
void parallel_for(std::int64_t tasks, const Body& body) {
#if defined(_OPENMP)
  if (tasks > 1 && num_threads() > 1) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(num_threads())
    for (std::int64_t task = 0; task < tasks; ++task) body(task);
    return;
  }
#endif
  for (std::int64_t task = 0; task < tasks; ++task) body(task);
}

}  // namespace espalier::kernels

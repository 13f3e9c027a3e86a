// What every oneDNN kernel needs: the engine, our number of threads, and the two ways of creating primitives
// (2.x describes an operation first, 3.x does it in one call).
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <oneapi/dnnl/dnnl.hpp>
#include <utility>

#include "kernels/base/parallel.h"

namespace espalier::kernels::onednn {

dnnl::engine& engine();
dnnl::stream& stream();

// oneDNN takes OpenMP's number of threads: sets it to ours in a scope.
class Threads {
 public:
  Threads() : before_(omp_get_max_threads()) { omp_set_num_threads(num_threads()); }
  ~Threads() { omp_set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

// Scratch memory of a primitive comes from the caller.
dnnl::primitive_attr caller_scratchpad();

template <class Primitive, class... Arguments>
typename Primitive::primitive_desc forward_desc(const Arguments&... arguments) {
#if DNNL_VERSION_MAJOR >= 3
  return typename Primitive::primitive_desc(engine(), arguments..., caller_scratchpad());
#else
  return typename Primitive::primitive_desc(typename Primitive::desc(arguments...), caller_scratchpad(),
                                            engine());
#endif
}

template <class Primitive, class Hint, class... Arguments>
typename Primitive::primitive_desc backward_desc(const Hint& forward, const Arguments&... arguments) {
#if DNNL_VERSION_MAJOR >= 3
  return typename Primitive::primitive_desc(engine(), arguments..., forward, caller_scratchpad());
#else
  return typename Primitive::primitive_desc(typename Primitive::desc(arguments...), caller_scratchpad(),
                                            engine(), forward);
#endif
}

// One Plan a key, made at the first request. Plans hold memory objects that calls point elsewhere: one call
// at a time may use a plan.
template <class Key, class Plan>
class PlanCache {
 public:
  template <class Make>
  Plan& get(const Key& key, const Make& make) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::unique_ptr<Plan>& plan = plans_[key];
    if (plan == nullptr) plan = make();
    return *plan;
  }

 private:
  std::mutex mutex_;
  std::map<Key, std::unique_ptr<Plan>> plans_;
};

}  // namespace espalier::kernels::onednn

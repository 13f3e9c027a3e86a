#include "kernels/base/parallel.h"

#include <doctest/doctest.h>

#include <atomic>
#include <vector>

using namespace espalier::kernels;

namespace {

struct Threads {
  explicit Threads(int count) { set_num_threads(count); }
  ~Threads() { set_num_threads(before_); }

 private:
  int before_ = num_threads();
};

float half_of_the_smallest_normal() {
  volatile float x = 1.17549435e-38f;
  return x * 0.5f;
}

}  // namespace

TEST_CASE("every task is done once, on any number of threads") {
  for (const int threads : {1, 2, 3}) {
    const Threads use(threads);
    std::vector<std::atomic<int>> calls(100);
    parallel_for(100, [&](std::int64_t task) { ++calls[static_cast<std::size_t>(task)]; });
    for (const auto& count : calls) CHECK(count == 1);
  }
}

#if defined(__SSE__) || defined(__aarch64__)
TEST_CASE("denormals are zeros to tasks, on any number of threads, and to nobody else") {
  for (const int threads : {1, 2}) {
    const Threads use(threads);
    for (const std::int64_t tasks : {1, 8}) {
      std::vector<float> results(static_cast<std::size_t>(tasks), 1.0f);
      parallel_for(tasks, [&](std::int64_t task) {
        results[static_cast<std::size_t>(task)] = half_of_the_smallest_normal();
      });
      for (const float result : results) CHECK(result == 0.0f);
      CHECK(half_of_the_smallest_normal() > 0.0f);
    }
  }
}
#endif

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

}  // namespace

TEST_CASE("every task is done once, on any number of threads") {
  for (const int threads : {1, 2, 3}) {
    const Threads use(threads);
    std::vector<std::atomic<int>> calls(100);
    parallel_for(100, [&](std::int64_t task) { ++calls[static_cast<std::size_t>(task)]; });
    for (const auto& count : calls) CHECK(count == 1);
  }
}

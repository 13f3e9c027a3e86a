#include "experiments/cli/bench_data.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kernels/base/parallel.h"

namespace espalier::cli {

void print_data_json(const bench::DataBenchOptions& options) {
  for (const bench::DataSpeed& speed : bench::measure_loading(options)) {
    fmt::print("{}\n", nlohmann::ordered_json{{"augmentation", speed.augmentation},
                                              {"batch", options.batch},
                                              {"threads", kernels::num_threads()},
                                              {"dtype", dtype_name(options.precision)},
                                              {"images_per_second", speed.images_per_s},
                                              {"us_per_image", 1e6 / speed.images_per_s}}
                           .dump());
  }
}

void print_data_table(const bench::DataBenchOptions& options) {
  fmt::print("one loader thread, random images of 3x32x32, batch {}, {}\n", options.batch,
             dtype_name(options.precision));
  fmt::print("{:<40} {:>9} {:>12}\n", "augmentation", "images/s", "us an image");
  for (const bench::DataSpeed& speed : bench::measure_loading(options)) {
    fmt::print("{:<40} {:>9.0f} {:>12.1f}\n", speed.augmentation, speed.images_per_s,
               1e6 / speed.images_per_s);
  }
}

}  // namespace espalier::cli

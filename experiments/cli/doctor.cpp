// espalier doctor: what this build can do here, and what it would choose.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "datasets/archive.h"
#include "datasets/cifar10.h"
#include "datasets/download.h"
#include "datasets/find_data.h"
#include "experiments/bench/conv_shapes.h"
#include "experiments/cli/command.h"
#include "experiments/system_info.h"
#include "experiments/tuning.h"
#include "framework/core/error.h"
#include "framework/tune/layer_shape.h"
#include "kernels/backend.h"
#include "kernels/base/isa.h"
#include "kernels/base/parallel.h"

#if defined(ESPALIER_WITH_ONEDNN)
#include "kernels/onednn/onednn.h"
#endif

namespace espalier::cli {
namespace {

using Json = nlohmann::ordered_json;
using namespace kernels;

Json cpu() {
  Json supported = Json::array();
  for (Isa isa : {Isa::amx, Isa::avx512bf16, Isa::avx512, Isa::avx2, Isa::neon, Isa::portable}) {
    if (isa_supported(isa)) supported.push_back(isa_name(isa));
  }
  return {{"model", cpu_model()}, {"isa", isa_name(isa_limit())}, {"isa_supported", supported}};
}

Json threads() {
  return {{"used", num_threads()},
          {"cores", static_cast<int>(std::thread::hardware_concurrency())},
          {"openmp", openmp_runtime()}};
}

Json memory() {
  constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;
  const auto gib = [](std::int64_t bytes) {
    return std::round(10.0 * static_cast<double>(bytes) / kGiB) / 10.0;
  };
  return {{"total_gib", gib(memory_bytes())},
          {"available_gib", gib(memory_available_bytes())},
          {"large_pages", large_pages()}};
}

Json libraries() {
#if defined(ESPALIER_WITH_ONEDNN)
  const std::string onednn_version = onednn::version();
#else
  const std::string onednn_version = "not built in (Debian: libdnnl-dev)";
#endif
  return {{"onednn", onednn_version},
          {"libcurl", datasets::can_download() ? "yes" : "not built in (Debian: libcurl4-openssl-dev)"},
          {"libarchive", datasets::can_unpack() ? "yes" : "not built in (Debian: libarchive-dev)"}};
}

Json data() {
  if (const auto directory = datasets::find_cifar10()) return {{"cifar10", directory->string()}};
  std::vector<std::string> places;
  for (const auto& place : datasets::data_directories("")) places.push_back(place.string());
  return {{"cifar10",
           fmt::format("not found in {}; `espalier data get cifar10` fetches it", fmt::join(places, ", "))}};
}

// What runs each convolution of ResNet-18 on a batch of 128; the other families have one body for every ISA.
Json kernels_chosen() {
  Json chosen = {{"gemm, norm, pool, softmax, eltwise, update", isa_name(active_isa())}};
  for (const bench::ConvLayer& layer : bench::conv_layers(128)) {
    if (layer.in_resnet18 == 0) continue;
    for (Conv2dPass pass : {Conv2dPass::forward, Conv2dPass::backward_data, Conv2dPass::backward_weights}) {
      if (pass == Conv2dPass::backward_data && !layer.has_backward_data()) continue;
      chosen[layer.name() + " " + tune::pass_name(pass)] = tune::conv2d_kernel(layer.shape, pass).name;
    }
  }
  return chosen;
}

// What this machine has measured for this build and number of threads.
Json tuning(const tune::Cache& cache, const tune::Choices& cached) {
  return {{"used", tuning_environment() ? "on, but for --no-tune" : "off: ESPALIER_TUNE"},
          {"cache", cache.path().string()},
          {"kernels_measured", cached.dense.size()},
          {"break_evens_measured", cached.break_even.size()}};
}

std::vector<std::string> problems() {
  std::vector<std::string> found;
  for (std::string_view error : {isa_request_error(), backend_request_error()}) {
    if (!error.empty()) found.emplace_back(error);
  }
  return found;
}

void print_text(const Json& diagnosis) {
  for (const auto& [section, values] : diagnosis.items()) {
    if (!values.is_object()) continue;
    fmt::print("{}\n", section);
    for (const auto& [key, value] : values.items()) {
      fmt::print("  {:<42} {}\n", key, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  for (const Json& problem : diagnosis["problems"]) fmt::print("problem: {}\n", problem.get<std::string>());
}

}  // namespace

int doctor(int argc, char** argv) {
  cxxopts::Options options("espalier doctor", "what this machine and build can do, and what is chosen");
  options.add_options()("json", "as JSON");
  const auto arguments = parse(options, argc, argv);
  if (!arguments) return 0;
  std::vector<std::string> found = problems();
  const tune::Cache cache = machine_cache([&](const std::string& problem) { found.push_back(problem); });
  const tune::Choices cached = tuning_environment() ? cache.load() : tune::Choices();
  tune::Tuner tuner({.cached = cached, .measures = false});
  const tune::UseTuner use(&tuner);
  const Json diagnosis = {{"cpu", cpu()},
                          {"backend", {{"used", backend_name(active_backend())}}},
                          {"threads", threads()},
                          {"memory", memory()},
                          {"libraries", libraries()},
                          {"data", data()},
                          {"tuning", tuning(cache, cached)},
                          {"kernels", kernels_chosen()},
                          {"problems", found}};
  if (arguments->count("json") > 0) {
    print_json(diagnosis);
  } else {
    print_text(diagnosis);
  }
  return diagnosis["problems"].empty() ? 0 : static_cast<int>(ErrorKind::usage);
}

}  // namespace espalier::cli

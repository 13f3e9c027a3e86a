// espalier bench conv|train: how fast this machine runs convolutions, or trains.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "experiments/bench/conv.h"
#include "experiments/bench/limits.h"
#include "experiments/cli/command.h"
#include "framework/core/error.h"
#include "framework/core/suggest.h"
#include "kernels/base/parallel.h"

namespace espalier::cli {
namespace {

using bench::ConvTime;

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> found;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" ,", begin), text.size());
    if (end > begin) found.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return found;
}

int at_least_one(const cxxopts::ParseResult& arguments, const std::string& option) {
  const int value = arguments[option].as<int>();
  if (value < 1) fail(ErrorKind::usage, "espalier bench", "--{} expects 1 or more, got {}", option, value);
  return value;
}

void print_json_lines(const std::vector<ConvTime>& times, std::int64_t batch) {
  for (const ConvTime& time : times) {
    fmt::print("{}\n", nlohmann::ordered_json{{"shape", time.layer->name()},
                                              {"pass", bench::pass_name(time.pass)},
                                              {"backend", time.backend},
                                              {"dtype", "f32"},
                                              {"kernel", time.kernel},
                                              {"gflops", time.gflops},
                                              {"ms", 1e3 * time.seconds},
                                              {"batch", batch},
                                              {"threads", kernels::num_threads()}}
                           .dump());
  }
  std::fflush(stdout);
}

// The first contender of each backend times how often the layer occurs.
struct NetworkTotals {
  double native = 0.0, onednn = 0.0;

  void add(const std::vector<ConvTime>& times, int occurrences) {
    bool seen_native = false;
    for (const ConvTime& time : times) {
      if (time.backend == "onednn") onednn += occurrences * time.seconds;
      if (time.backend == "native" && !seen_native) native += occurrences * time.seconds;
      seen_native |= time.backend == "native";
    }
  }

  void print(const char* network) const {
    if (native > 0.0)
      fmt::print("{}, all convolutions, three passes: native {:.0f} ms", network, 1e3 * native);
    if (native > 0.0 && onednn > 0.0)
      fmt::print(", onednn {:.0f} ms: {:.2f} times as fast", 1e3 * onednn, onednn / native);
    if (native > 0.0) fmt::print("\n");
  }
};

int bench_conv(const cxxopts::ParseResult& arguments) {
  bench::ConvBenchOptions options;
  options.batch = at_least_one(arguments, "batch");
  options.rounds = at_least_one(arguments, "rounds");
  options.every_kernel = arguments.count("every-kernel") > 0;
  if (arguments.count("only") > 0) options.only = words(arguments["only"].as<std::string>());
  const bool json = arguments.count("json") > 0;
  if (!json) {
    const bench::MachineLimits limits = bench::measure_limits();
    fmt::print("{} thread{}, batch {}; multiply-adds in registers reach {:.0f} GFLOP/s\n",
               kernels::num_threads(), kernels::num_threads() == 1 ? "" : "s", options.batch, limits.gflops);
    fmt::print("{:<24} {:<17} {:>9} {:>8}  {}\n", "shape", "pass", "GFLOP/s", "ms", "kernel");
  }
  NetworkTotals resnet18, vgg16;
  run_conv_bench(options, [&](const std::vector<ConvTime>& times) {
    if (json) return print_json_lines(times, options.batch);
    for (const ConvTime& time : times) {
      fmt::print("{:<24} {:<17} {:>9.0f} {:>8.2f}  {}{}\n", time.layer->name(), bench::pass_name(time.pass),
                 time.gflops, 1e3 * time.seconds, time.backend == "onednn" ? "onednn " : "", time.kernel);
    }
    std::fflush(stdout);
    resnet18.add(times, times.front().layer->in_resnet18);
    vgg16.add(times, times.front().layer->in_vgg16);
  });
  if (!json && options.only.empty()) {
    resnet18.print("ResNet-18");
    vgg16.print("VGG-16");
  }
  return 0;
}

}  // namespace

int bench(int argc, char** argv) {
  cxxopts::Options options("espalier bench",
                           "conv: the convolutions of ResNet-18 and VGG-16, ours and oneDNN's");
  options.add_options()("batch", "images in a batch", cxxopts::value<int>()->default_value("128"), "N")(
      "threads", "threads to use (default: all cores)", cxxopts::value<int>(), "N")(
      "rounds", "repetitions; the median counts", cxxopts::value<int>()->default_value("7"), "N")(
      "only", "conv: words that the shape, pass or backend must contain: \"IC64,forward\"",
      cxxopts::value<std::string>(),
      "WORDS")("every-kernel", "conv: every kernel that this CPU can run, not just the one it chooses")(
      "json", "one JSON object a line")("what", "conv", cxxopts::value<std::string>(), "WHAT");
  options.parse_positional("what");
  const auto arguments = parse(options, argc, argv, "conv");
  if (!arguments) return 0;
  if (arguments->count("threads") > 0) kernels::set_num_threads(at_least_one(*arguments, "threads"));
  const std::string what = required(*arguments, "what");
  if (what == "conv") return bench_conv(*arguments);
  fail(ErrorKind::usage, "espalier bench", "there is no benchmark '{}'{} (known: conv)", what,
       did_you_mean(what, {"conv"}));
}

}  // namespace espalier::cli

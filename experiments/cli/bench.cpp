// espalier bench conv|sparse|train|infer: how fast this machine runs convolutions, dense and sparse, trains,
// or infers.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "experiments/bench/conv.h"
#include "experiments/bench/limits.h"
#include "experiments/bench/train.h"
#include "experiments/cli/bench_infer.h"
#include "experiments/cli/bench_sparse.h"
#include "experiments/cli/command.h"
#include "experiments/cli/run_options.h"
#include "experiments/system_info.h"
#include "experiments/tuning.h"
#include "framework/core/error.h"
#include "framework/core/suggest.h"
#include "kernels/backend.h"
#include "kernels/base/isa.h"
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

// What every benchmark is told.
struct Request {
  int batch, rounds;
  std::vector<std::string> only;
  bool every_kernel, json, tune;
  std::string model, checkpoint;
  double sparsity;
};

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

int bench_conv(const Request& request) {
  bench::ConvBenchOptions options;
  options.batch = request.batch;
  options.rounds = request.rounds;
  options.every_kernel = request.every_kernel;
  options.only = request.only;
  if (!request.json) {
    const bench::MachineLimits limits = bench::measure_limits();
    fmt::print("{} thread{}, batch {}; multiply-adds in registers reach {:.0f} GFLOP/s\n",
               kernels::num_threads(), kernels::num_threads() == 1 ? "" : "s", options.batch, limits.gflops);
    fmt::print("{:<24} {:<17} {:>9} {:>8}  {}\n", "shape", "pass", "GFLOP/s", "ms", "kernel");
  }
  NetworkTotals resnet18, vgg16;
  run_conv_bench(options, [&](const std::vector<ConvTime>& times) {
    if (request.json) return print_json_lines(times, options.batch);
    for (const ConvTime& time : times) {
      fmt::print("{:<24} {:<17} {:>9.0f} {:>8.2f}  {}{}\n", time.layer->name(), bench::pass_name(time.pass),
                 time.gflops, 1e3 * time.seconds, time.backend == "onednn" ? "onednn " : "", time.kernel);
    }
    std::fflush(stdout);
    resnet18.add(times, times.front().layer->in_resnet18);
    vgg16.add(times, times.front().layer->in_vgg16);
  });
  if (!request.json && options.only.empty()) {
    resnet18.print("ResNet-18");
    vgg16.print("VGG-16");
  }
  return 0;
}

int bench_sparse(const Request& request) {
  bench::SparseBenchOptions options;
  options.batch = request.batch;
  options.rounds = request.rounds;
  options.only = request.only;
  request.json ? print_sparse_json(options) : print_sparse_table(options);
  return 0;
}

void print_train(const bench::TrainBenchOptions& options, const bench::TrainSpeed& speed,
                 const bench::MachineLimits& limits) {
  std::string model = options.model;
  for (const std::string& assignment : options.overrides) model.append(" ").append(assignment);
  fmt::print("{}, batch {}, {} thread{}, {} {}\n", model, options.batch, kernels::num_threads(),
             kernels::num_threads() == 1 ? "" : "s", kernels::isa_name(kernels::active_isa()),
             kernels::backend_name(kernels::active_backend()));
  fmt::print("{:.0f} images/s, {:.1f} ms a step\n", speed.images_per_s, 1e3 * speed.step_seconds);
  fmt::print(
      "{:.0f} GFLOP/s, {:.2f} of the {:.0f} that multiply-adds in registers reach; copies reach {:.1f} "
      "GB/s\n",
      speed.gflops, speed.gflops / limits.gflops, limits.gflops, limits.copy_gb_per_s);
  fmt::print("tensors held {} MiB at most, the process {} MiB\n\n", speed.tensor_bytes >> 20,
             speed.process_bytes >> 20);
  fmt::print("{:<28} {:>7} {:>9} {:>9} {:>7}\n", "operation", "share", "forward", "backward", "calls");
  double total = 0.0;
  for (const Profile::Row& row : speed.operations) total += row.seconds();
  for (const Profile::Row& row : speed.operations) {
    fmt::print("{:<28} {:>6.1f}% {:>6.1f} ms {:>6.1f} ms {:>7}\n", row.name, 100.0 * row.seconds() / total,
               1e3 * row.forward_seconds / options.steps, 1e3 * row.backward_seconds / options.steps,
               row.calls / options.steps);
  }
}

nlohmann::ordered_json train_json(const bench::TrainBenchOptions& options, const bench::TrainSpeed& speed,
                                  const bench::MachineLimits& limits) {
  double total = 0.0;
  for (const Profile::Row& row : speed.operations) total += row.seconds();
  nlohmann::ordered_json shares;
  for (const Profile::Row& row : speed.operations) shares[row.name] = row.seconds() / total;
  return {{"model", options.model},
          {"model_overrides", options.overrides},
          {"batch", options.batch},
          {"threads", kernels::num_threads()},
          {"isa", kernels::isa_name(kernels::active_isa())},
          {"backend", kernels::backend_name(kernels::active_backend())},
          {"kernels", tuning_wanted() ? "measured" : "fixed"},
          {"dtype", "f32"},
          {"images_per_second", speed.images_per_s},
          {"step_ms", 1e3 * speed.step_seconds},
          {"gflops", speed.gflops},
          {"fma_peak_gflops", limits.gflops},
          {"fma_peak_fraction", speed.gflops / limits.gflops},
          {"copy_gb_per_second", limits.copy_gb_per_s},
          {"tensor_bytes", speed.tensor_bytes},
          {"process_bytes", speed.process_bytes},
          {"time_share", shares}};
}

// Which model: for the benchmarks that take one.
template <class Options>
Options options_for_model(const Request& request) {
  Options options;
  options.overrides = words(request.model);
  if (options.overrides.empty()) fail(ErrorKind::usage, "espalier bench", "--model names none");
  options.model = options.overrides.front();
  options.overrides.erase(options.overrides.begin());
  if (!request.checkpoint.empty()) {
    options.checkpoint = request.checkpoint;
    options.model = request.checkpoint;  // what reports call it
    options.overrides.clear();
  }
  options.batch = request.batch;
  return options;
}

int bench_train(const Request& request) {
  auto options = options_for_model<bench::TrainBenchOptions>(request);
  options.steps = request.rounds;
  const MachineTuner kernels_chosen({}, [](const std::string& note) { fmt::print(stderr, "{}\n", note); });
  // In this order: the limits take memory too.
  const bench::TrainSpeed speed = bench::measure_training(options);
  kernels_chosen.save();
  const bench::MachineLimits limits = bench::measure_limits();
  if (request.json) {
    fmt::print("{}\n", train_json(options, speed, limits).dump());
  } else {
    print_train(options, speed, limits);
  }
  return 0;
}

int bench_infer(const Request& request) {
  auto options = options_for_model<bench::InferBenchOptions>(request);
  options.calls = request.rounds;
  options.sparsity = request.sparsity;
  options.tune = request.tune;
  request.json ? print_infer_json(options) : print_infer_table(options);
  return 0;
}

}  // namespace

int bench(int argc, char** argv) {
  cxxopts::Options options(
      "espalier bench",
      "conv: the convolutions of ResNet-18 and VGG-16, ours and oneDNN's\n"
      "sparse: those and a ViT's linear layers with some of their weights, against dense ones\n"
      "train: steps of a model on random images, and where their time goes\n"
      "infer: a compiled model on random images, call by call");
  options.add_options()("batch", "images in a batch (default: 128; infer: 1)", cxxopts::value<int>(), "N")(
      "threads", "threads to use (default: all cores)", cxxopts::value<int>(), "N")(
      "rounds", "repetitions, training steps or calls; the median counts (default: 7; infer: 200)",
      cxxopts::value<int>(), "N")("json", "one JSON object a line")(
      "only", "conv, sparse: words that the shape, pass or (conv) backend must contain: \"IC64,forward\"",
      cxxopts::value<std::string>(),
      "WORDS")("every-kernel", "conv: every kernel that this CPU can run, not just the one it chooses")(
      "model", "train, infer: as `espalier methods` lists them, and keys to change: \"vit depth=6\"",
      cxxopts::value<std::string>()->default_value("resnet18"),
      "NAME")("checkpoint", "train, infer: a saved model instead, with its masks and widths",
              cxxopts::value<std::string>()->default_value(""), "DIR")(
      "sparsity", "infer: remove this fraction of every convolution's weights first, the smallest",
      cxxopts::value<double>()->default_value("0"),
      "S")("tune", "infer: measure every convolution's kernels and take the fastest")(
      "what", "conv, sparse, train or infer", cxxopts::value<std::string>(), "WHAT");
  add_tuning_option(options);
  options.parse_positional("what");
  const auto arguments = parse(options, argc, argv, "conv|sparse|train|infer");
  if (!arguments) return 0;
  if (arguments->count("threads") > 0) kernels::set_num_threads(at_least_one(*arguments, "threads"));
  ask_for_tuning(*arguments);
  const std::string what = required(*arguments, "what");
  const auto number = [&](const char* option, int otherwise) {
    return arguments->count(option) > 0 ? at_least_one(*arguments, option) : otherwise;
  };
  const Request request = {.batch = number("batch", what == "infer" ? 1 : 128),
                           .rounds = number("rounds", what == "infer" ? 200 : 7),
                           .only = arguments->count("only") > 0
                                       ? words((*arguments)["only"].as<std::string>())
                                       : std::vector<std::string>(),
                           .every_kernel = arguments->count("every-kernel") > 0,
                           .json = arguments->count("json") > 0,
                           .tune = arguments->count("tune") > 0,
                           .model = (*arguments)["model"].as<std::string>(),
                           .checkpoint = (*arguments)["checkpoint"].as<std::string>(),
                           .sparsity = (*arguments)["sparsity"].as<double>()};
  if (what == "conv") return bench_conv(request);
  if (what == "sparse") return bench_sparse(request);
  if (what == "train") return bench_train(request);
  if (what == "infer") return bench_infer(request);
  fail(ErrorKind::usage, "espalier bench", "there is no benchmark '{}'{} (known: conv, sparse, train, infer)",
       what, did_you_mean(what, {"conv", "sparse", "train", "infer"}));
}

}  // namespace espalier::cli

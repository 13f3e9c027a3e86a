// espalier bench conv|sparse|attention|train|infer|data: how fast this machine runs convolutions, dense and
// sparse, and attention, trains, infers, or makes batches.
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "experiments/bench/conv.h"
#include "experiments/bench/limits.h"
#include "experiments/cli/bench_attention.h"
#include "experiments/cli/bench_data.h"
#include "experiments/cli/bench_infer.h"
#include "experiments/cli/bench_sparse.h"
#include "experiments/cli/bench_train.h"
#include "experiments/cli/command.h"
#include "experiments/cli/lists.h"
#include "experiments/cli/run_options.h"
#include "experiments/tuning.h"
#include "framework/core/error.h"
#include "framework/core/suggest.h"
#include "framework/tune/layer_shape.h"
#include "kernels/base/parallel.h"

namespace espalier::cli {
namespace {

using bench::ConvTime;

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
  std::vector<double> sparsities;
  std::vector<bench::Unit> units;
  DType precision;
};

// "1x1,4x4"
std::vector<bench::Unit> units(const std::string& names) {
  std::vector<bench::Unit> found;
  for (const std::string& name : words(names)) found.push_back(bench::unit_from(name));
  if (found.empty()) fail(ErrorKind::usage, "espalier bench", "--blocks names none");
  return found;
}

DType precision(const std::string& name) {
  for (const DType type : {DType::f32, DType::bf16}) {
    if (name == dtype_name(type)) return type;
  }
  fail(ErrorKind::usage, "espalier bench", "--precision is f32 or bf16, got '{}'", name);
}

void print_json_lines(const std::vector<ConvTime>& times, std::int64_t batch) {
  for (const ConvTime& time : times) {
    fmt::print("{}\n", nlohmann::ordered_json{{"shape", time.layer->name()},
                                              {"pass", tune::pass_name(time.pass)},
                                              {"backend", time.backend},
                                              {"dtype", dtype_name(dtype_of(time.layer->shape.element))},
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
  options.element = element_of(request.precision);
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
      fmt::print("{:<24} {:<17} {:>9.0f} {:>8.2f}  {}{}\n", time.layer->name(), tune::pass_name(time.pass),
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
  options.element = element_of(request.precision);
  options.rounds = request.rounds;
  options.only = request.only;
  request.json ? print_sparse_json(options) : print_sparse_table(options);
  return 0;
}

// Which model: for the benchmarks that take one.
bench::SubjectOptions subject_options(const Request& request) {
  bench::SubjectOptions options;
  options.overrides = words(request.model);
  if (options.overrides.empty()) fail(ErrorKind::usage, "espalier bench", "--model names none");
  options.model = options.overrides.front();
  options.overrides.erase(options.overrides.begin());
  options.checkpoint = request.checkpoint;
  return options;
}

void bench_sparse_train(const Request& request) {
  bench::SparseTrainOptions options;
  options.subject = subject_options(request);
  options.batch = request.batch;
  options.rounds = request.rounds;
  options.sparsities = request.sparsities;
  options.units = request.units;
  options.precision = request.precision;
  request.json ? print_sparse_train_json(options) : print_sparse_train_table(options);
}

int bench_train(const Request& request) {
  // Measured while steps warm up.
  const MachineTuner kernels_chosen({}, [](const std::string& note) { fmt::print(stderr, "{}\n", note); });
  if (!request.sparsities.empty()) {
    bench_sparse_train(request);
  } else {
    const bench::TrainBenchOptions options{.subject = subject_options(request),
                                           .batch = request.batch,
                                           .precision = request.precision,
                                           .steps = request.rounds};
    request.json ? print_train_json(options) : print_train_table(options);
  }
  kernels_chosen.save();
  return 0;
}

int bench_infer(const Request& request) {
  bench::InferBenchOptions options{.subject = subject_options(request)};
  if (request.sparsities.size() > 1 || request.units.size() > 1)
    fail(ErrorKind::usage, "espalier bench", "infer takes one --sparsity and one of --blocks");
  if (!request.sparsities.empty()) options.sparsity = request.sparsities.front();
  options.unit = request.units.front();
  options.batch = request.batch;
  options.calls = request.rounds;
  options.tune = request.tune;
  request.json ? print_infer_json(options) : print_infer_table(options);
  return 0;
}

int bench_data(const Request& request) {
  const bench::DataBenchOptions options{
      .batch = request.batch, .precision = request.precision, .rounds = request.rounds};
  request.json ? print_data_json(options) : print_data_table(options);
  return 0;
}

int bench_attention(const Request& request) {
  const bench::AttentionBenchOptions options{
      .batch = request.batch, .precision = request.precision, .rounds = request.rounds};
  request.json ? print_attention_json(options) : print_attention_table(options);
  return 0;
}

struct Benchmark {
  const char* name;
  int (*run)(const Request&);
};
constexpr Benchmark kBenchmarks[] = {{"conv", bench_conv},           {"sparse", bench_sparse},
                                     {"attention", bench_attention}, {"train", bench_train},
                                     {"infer", bench_infer},         {"data", bench_data}};

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const Benchmark& benchmark : kBenchmarks) all.emplace_back(benchmark.name);
  return all;
}

}  // namespace

int bench(int argc, char** argv) {
  cxxopts::Options options(
      "espalier bench",
      "conv: the convolutions of ResNet-18 and VGG-16, ours and oneDNN's\n"
      "sparse: those and a ViT's linear layers with some of their weights, against dense ones\n"
      "attention: in blocks, against the same with its scores in memory\n"
      "train: steps of a model on random images, and where their time goes\n"
      "infer: a compiled model on random images, call by call\n"
      "data: batches of random images from one loader thread, augmented as the configs do");
  options.add_options()("batch", "images in a batch (default: 128; infer: 1)", cxxopts::value<int>(), "N")(
      "threads", "threads to use (default: all cores)", cxxopts::value<int>(), "N")(
      "rounds",
      "repetitions, training steps (with --sparsity: turns of three), calls or epochs; the median counts "
      "(default: 7; infer: 200)",
      cxxopts::value<int>(), "N")("json", "one JSON object a line")(
      "only", "conv, sparse: words that the shape, pass or (conv) backend must contain: \"IC64,forward\"",
      cxxopts::value<std::string>(),
      "WORDS")("every-kernel", "conv: every kernel that this CPU can run, not just the one it chooses")(
      "model", "train, infer: as `espalier methods` lists them, and keys to change: \"vit depth=6\"",
      cxxopts::value<std::string>()->default_value("resnet18"),
      "NAME")("checkpoint", "train, infer: a saved model instead, with its masks and widths",
              cxxopts::value<std::string>()->default_value(""), "DIR")(
      "sparsity",
      "train, infer: remove this fraction of every layer's weights first, at random; train compares "
      "several with the dense step: 0.5,0.9",
      cxxopts::value<std::string>()->default_value(""),
      "S")("blocks",
           "with --sparsity: what is removed as one, single weights (1x1), blocks of channels (4x4), or "
           "filters: then the fraction is of the multiply-adds; train: \"1x1,4x4\" compares both",
           cxxopts::value<std::string>()->default_value("1x1"), "SIZES")(
      "precision", "of activations and their gradients in memory, f32 or bf16; data: the images",
      cxxopts::value<std::string>()->default_value("f32"),
      "TYPE")("tune", "infer: measure every convolution's kernels and take the fastest")(
      "what", fmt::format("{}", fmt::join(names(), ", ")), cxxopts::value<std::string>(), "WHAT");
  add_tuning_option(options);
  options.parse_positional({"what", "checkpoint"});
  const auto arguments = parse(options, argc, argv, fmt::format("{} [CHECKPOINT]", fmt::join(names(), "|")));
  if (!arguments) return 0;
  if (arguments->count("threads") > 0) kernels::set_num_threads(at_least_one(*arguments, "threads"));
  ask_for_tuning(*arguments);
  const std::string what = required(*arguments, "what");
  const auto* benchmark = std::find_if(std::begin(kBenchmarks), std::end(kBenchmarks),
                                       [&](const Benchmark& known) { return what == known.name; });
  if (benchmark == std::end(kBenchmarks))
    fail(ErrorKind::usage, "espalier bench", "there is no benchmark '{}'{} (known: {})", what,
         did_you_mean(what, names()), fmt::join(names(), ", "));
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
                           .sparsities = numbers((*arguments)["sparsity"].as<std::string>(), "sparsity"),
                           .units = units((*arguments)["blocks"].as<std::string>()),
                           .precision = precision((*arguments)["precision"].as<std::string>())};
  if (!request.checkpoint.empty() && what != "train" && what != "infer")
    fail(ErrorKind::usage, "espalier bench", "{} measures no checkpoint ('{}'): train and infer do", what,
         request.checkpoint);
  if (what == "infer" && request.precision != DType::f32) {
    fail(ErrorKind::usage, "espalier bench", "--precision is not for infer, which has kernels of f32 alone");
  }
  return benchmark->run(request);
}

}  // namespace espalier::cli

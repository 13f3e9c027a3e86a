#include "experiments/cli/bench_infer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "experiments/bench/limits.h"
#include "experiments/system_info.h"
#include "kernels/base/isa.h"
#include "kernels/base/parallel.h"

namespace espalier::cli {
namespace {

// A step of the plan as it is reported.
struct StepReport {
  std::string what, kernel, why;
  double seconds = 0.0, gflops = 0.0, density = 1.0;
};

std::vector<StepReport> report_steps(const bench::InferSpeed& speed) {
  const infer::Executor& executor = speed.plan.executor();
  std::vector<StepReport> reports;
  auto chosen = executor.kernels().begin();
  for (std::size_t i = 0; i < speed.step_seconds.size(); ++i) {
    const infer::Step& step = executor.program().steps[i];
    StepReport report{.what = infer::step_name(step.kind), .kernel = {}, .why = {}};
    report.seconds = speed.step_seconds[i];
    if (step.layer >= 0) {
      report.what = executor.network().layers[static_cast<std::size_t>(step.layer)].name;
    }
    if (step.kind == infer::StepKind::convolution) {
      report.kernel = chosen->kernel;
      report.why = chosen->why;
      report.density = chosen->density;
      report.gflops = 2e-9 * static_cast<double>(chosen->macs * executor.batch()) / speed.step_seconds[i];
      ++chosen;
    }
    reports.push_back(report);
  }
  return reports;
}

}  // namespace

void print_infer_json(const bench::InferBenchOptions& options) {
  const bench::MachineLimits limits = bench::measure_limits();
  const bench::InferSpeed speed = bench::measure_inference(options);
  const infer::Executor& executor = speed.plan.executor();
  nlohmann::ordered_json steps = nlohmann::ordered_json::array();
  for (const StepReport& report : report_steps(speed)) {
    nlohmann::ordered_json step = {{"step", report.what}, {"ms", 1e3 * report.seconds}};
    if (!report.kernel.empty()) {
      step["kernel"] = report.kernel;
      step["why"] = report.why;
      step["density"] = report.density;
      step["gflops"] = report.gflops;
    }
    steps.push_back(step);
  }
  fmt::print("{}\n", nlohmann::ordered_json{{"model", options.subject.name()},
                                            {"batch", options.batch},
                                            {"threads", kernels::num_threads()},
                                            {"isa", kernels::isa_name(kernels::active_isa())},
                                            {"dtype", "f32"},
                                            {"sparsity", options.sparsity},
                                            {"blocks", bench::unit_name(options.unit)},
                                            {"lanes", executor.program().lanes_note},
                                            {"p50_ms", 1e3 * speed.p50_seconds},
                                            {"p99_ms", 1e3 * speed.p99_seconds},
                                            {"best_ms", 1e3 * speed.best_seconds},
                                            {"images_per_second", speed.images_per_s},
                                            {"gflops", speed.gflops},
                                            {"fma_peak_gflops", limits.gflops},
                                            {"compile_ms", 1e3 * speed.compile_seconds},
                                            {"weight_bytes", executor.weight_bytes()},
                                            {"buffer_bytes", executor.arena_bytes()},
                                            {"process_bytes", peak_process_bytes()},
                                            {"steps", steps}}
                         .dump());
}

void print_infer_table(const bench::InferBenchOptions& options) {
  const bench::MachineLimits limits = bench::measure_limits();
  const bench::InferSpeed speed = bench::measure_inference(options);
  const infer::Executor& executor = speed.plan.executor();
  fmt::print("{}, batch {}, {} thread{}, {}; lanes: {}\n", options.subject.name(), options.batch,
             kernels::num_threads(), kernels::num_threads() == 1 ? "" : "s",
             kernels::isa_name(kernels::active_isa()), executor.program().lanes_note);
  fmt::print("{:.3f} ms a call (p99 {:.3f}, best {:.3f}), {:.0f} images/s\n", 1e3 * speed.p50_seconds,
             1e3 * speed.p99_seconds, 1e3 * speed.best_seconds, speed.images_per_s);
  fmt::print("{:.0f} GFLOP/s of the dense model; multiply-adds in registers reach {:.0f}\n", speed.gflops,
             limits.gflops);
  fmt::print("{:.1f} MiB of weights, {:.1f} MiB of buffers, compiled in {:.0f} ms\n\n",
             static_cast<double>(executor.weight_bytes()) / (1 << 20),
             static_cast<double>(executor.arena_bytes()) / (1 << 20), 1e3 * speed.compile_seconds);
  fmt::print("{:>9} {:>8}  {:<28} {}\n", "us", "GFLOP/s", "kernel", "step");
  for (const StepReport& report : report_steps(speed)) {
    fmt::print("{:>9.1f} {:>8}  {:<28} {}{}\n", 1e6 * report.seconds,
               report.kernel.empty() ? "" : fmt::format("{:.0f}", report.gflops), report.kernel, report.what,
               report.why.empty() ? "" : ": " + report.why);
  }
}

}  // namespace espalier::cli

#include "framework/tune/tuner.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "framework/core/error.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/ops/sum.h"
#include "kernels/backend.h"
#include "kernels/base/parallel.h"
#include "kernels/conv2d/candidates.h"
#include "kernels/spconv2d/break_even.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using kernels::Conv2dPass;
using kernels::Conv2dShape;
using tune::Trial;
using tune::Tuner;

namespace {

constexpr Conv2dPass kPasses[] = {Conv2dPass::forward, Conv2dPass::backward_data,
                                  Conv2dPass::backward_weights};

// A 3x3 layer that Winograd and direct kernels compute.
Conv2dShape shape(std::int64_t batch = 16) {
  return {.N = batch, .IC = 16, .IH = 8, .IW = 8, .OC = 16, .KH = 3, .KW = 3, .PH = 1, .PW = 1};
}

// Every trial takes as long as its algorithm's row says, and nothing is run.
struct FakeClock {
  std::map<std::string, double> by_algorithm = {};
  // Of sparse passes, in units of the dense one, over the density.
  double at_zero = 0.1, slope = 4.0, bend = 0.0;
  int calls = 0;

  double operator()(const Trial& trial) {
    ++calls;
    if (trial.name.starts_with("sparse")) {
      const double density = std::stod(trial.name.substr(trial.name.find("at ") + 3)) / 100.0;
      return at_zero + slope * density + bend * density * density;
    }
    const auto found = by_algorithm.find(std::string(kernels::conv2d_algorithm(trial.name)));
    return found == by_algorithm.end() ? 1.0 : found->second;
  }
};

tune::TunerSettings settings(FakeClock& clock) {
  return {.stopwatch = [&clock](const Trial& trial) { return clock(trial); }};
}

std::string algorithm(const kernels::Conv2dKernel& kernel) {
  return std::string(kernels::conv2d_algorithm(kernel.name));
}

const bool kNative = kernels::active_backend() == kernels::Backend::native;

}  // namespace

TEST_CASE("candidates begin with the usual kernel and have each algorithm once") {
  for (const Conv2dPass pass : kPasses) {
    const auto candidates = kernels::conv2d_candidates(shape(), pass);
    REQUIRE(candidates.size() >= 2);
    CHECK(candidates.front() == &kernels::select_conv2d(shape(), pass));
    std::vector<std::string> names;
    for (const auto* kernel : candidates) {
      CHECK(kernels::find_conv2d(kernel->name, shape(), pass) == kernel);
      names.push_back(algorithm(*kernel));
    }
    std::sort(names.begin(), names.end());
    CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
  }
  CHECK(kernels::find_conv2d("conv2d_fwd_f32_none_avx2", shape(), Conv2dPass::forward) == nullptr);
  CHECK(kernels::conv2d_algorithm("conv2d_fwd_f32_wino4x4_avx2") == "wino4x4");
  CHECK(kernels::conv2d_algorithm("linear") == "linear");
}

TEST_CASE("outside of a tuner's scope the fixed rule decides") {
  for (const Conv2dPass pass : kPasses)
    CHECK(&tune::conv2d_kernel(shape(), pass) == &kernels::backend_conv2d(shape(), pass));
  const double table = kernels::break_even_density(shape(), Conv2dPass::forward, 1);
  CHECK(tune::break_even(shape(), Conv2dPass::forward, 1, 0.01).density == table);
  CHECK(tune::compared_ms(shape(), Conv2dPass::forward).empty());
}

TEST_CASE("a tuner takes the fastest kernel, measures a shape once, and tells of the unusual" *
          doctest::skip(!kNative)) {
  FakeClock clock{{{"wino4x4", 1.0}, {"direct", 0.5}, {"lanes", 3.0}}};
  std::vector<std::string> notes;
  auto with_notes = settings(clock);
  with_notes.note = [&](const std::string& note) { notes.push_back(note); };
  Tuner tuner(std::move(with_notes));
  CHECK(algorithm(tuner.conv2d(shape(), Conv2dPass::forward)) == "direct");
  const int calls = clock.calls;
  CHECK(algorithm(tuner.conv2d(shape(), Conv2dPass::forward)) == "direct");
  CHECK(algorithm(tuner.conv2d(shape(3), Conv2dPass::forward)) == "direct");  // the last batch of an epoch
  CHECK(clock.calls == calls);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("direct") < notes[0].find("instead of"));
  clock.by_algorithm["direct"] = 2.0;
  CHECK(algorithm(tuner.conv2d(shape(), Conv2dPass::backward_data)) == "wino4x4");
  CHECK(algorithm(tuner.conv2d(shape(17), Conv2dPass::forward)) == "wino4x4");  // compared at 32 images
  CHECK(notes.size() == 1);
  CHECK(tuner.record().dense.size() == 3);
  CHECK(tuner.measured().dense.size() == 3);
  const auto& choice = tuner.record().dense.at(tune::dense_key(shape(), Conv2dPass::forward));
  CHECK(choice.ms.size() == 2);
}

TEST_CASE("a shape with one kernel is not measured" * doctest::skip(!kNative)) {
  FakeClock clock;
  Tuner tuner(settings(clock));
  Conv2dShape strided = shape();
  strided.SH = strided.SW = 2;
  CHECK(algorithm(tuner.conv2d(strided, Conv2dPass::forward)) == "direct");
  CHECK(clock.calls == 0);
  CHECK(tuner.record().dense.size() == 1);
  CHECK(tuner.measured().size() == 0);
}

TEST_CASE("the run's record holds against the cache, and the cache against the clock" *
          doctest::skip(!kNative)) {
  FakeClock clock{{{"wino4x4", 1.0}, {"direct", 0.1}}};
  const std::string key = tune::dense_key(shape(), Conv2dPass::forward);
  const std::string direct = kernels::conv2d_candidates(shape(), Conv2dPass::forward)[1]->name;
  const std::string usual = kernels::select_conv2d(shape(), Conv2dPass::forward).name;
  tune::TunerSettings both = settings(clock);
  both.recorded.dense[key] = {usual, {}};
  both.cached.dense[key] = {direct, {}};
  CHECK(Tuner(std::move(both)).conv2d(shape(), Conv2dPass::forward).name == usual);

  tune::TunerSettings cached = settings(clock);
  cached.cached.dense[key] = {usual, {}};
  Tuner tuner(std::move(cached));
  CHECK(tuner.conv2d(shape(), Conv2dPass::forward).name == usual);
  CHECK(tuner.record().dense.at(key).kernel == usual);
  CHECK(tuner.measured().size() == 0);
  CHECK(clock.calls == 0);
}

TEST_CASE("a kernel that is not there is replaced: silently from the cache, with a note from the record" *
          doctest::skip(!kNative)) {
  const std::string key = tune::dense_key(shape(), Conv2dPass::forward);
  for (const std::string bad : {"conv2d_fwd_f32_gone_avx2", "conv2d_bwd_data_f32_direct_portable", ""}) {
    CAPTURE(bad);
    FakeClock clock{{{"direct", 0.1}}};
    std::vector<std::string> notes;
    tune::TunerSettings bad_settings = settings(clock);
    bad_settings.recorded.dense[key] = {bad, {}};
    bad_settings.note = [&](const std::string& note) { notes.push_back(note); };
    Tuner tuner(std::move(bad_settings));
    CHECK(algorithm(tuner.conv2d(shape(), Conv2dPass::forward)) == "direct");
    CHECK(tuner.record().dense.at(key).kernel != bad);
    REQUIRE(notes.size() == 2);
    CHECK(notes[0].find("the bits will differ") != std::string::npos);

    tune::TunerSettings cached = settings(clock);
    cached.cached.dense[key] = {bad, {}};
    CHECK(algorithm(Tuner(std::move(cached)).conv2d(shape(), Conv2dPass::forward)) == "direct");
  }
}

TEST_CASE("without measurements what is not known goes by the fixed rule, and is recorded" *
          doctest::skip(!kNative)) {
  FakeClock clock{{{"direct", 0.1}}};
  tune::TunerSettings fixed = settings(clock);
  fixed.measures = false;
  Tuner tuner(std::move(fixed));
  CHECK(&tuner.conv2d(shape(), Conv2dPass::forward) == &kernels::select_conv2d(shape(), Conv2dPass::forward));
  const double table = kernels::break_even_density(shape(), Conv2dPass::forward, 1);
  CHECK(tuner.break_even(shape(), Conv2dPass::forward, 1, 0.01).density == table);
  CHECK(clock.calls == 0);
  CHECK(tuner.record().size() == 2);
  CHECK(tuner.measured().size() == 0);
}

TEST_CASE("break-even is where sparse and dense times meet, less the margin, also if it is no straight line" *
          doctest::skip(!kNative)) {
  for (const tune::LayerShape layer :
       {tune::LayerShape(shape()), tune::LayerShape(kernels::LinearShape{16, 9, 64, 64})}) {
    const double table = tune::break_even(layer, Conv2dPass::forward, 1, 0.01).density;
    const double at = 1.2 * table, left = 1.0 / 1.05 - 0.1;
    FakeClock straight{.at_zero = 0.1, .slope = left / at},
        bent{.at_zero = 0.1, .slope = 0.0, .bend = left / (at * at)};
    for (FakeClock* clock : {&straight, &bent}) {
      Tuner tuner(settings(*clock));
      const tune::BreakEven even = tuner.break_even(layer, Conv2dPass::forward, 1, 0.01);
      // A chord of a bent one lies above it: the error is on the safe side.
      CHECK(even.density <= 1.01 * at);
      CHECK(even.density >= (clock == &straight ? 0.99 : 0.8) * at);
      CHECK(even.cost(even.density) == doctest::Approx(1.0));
      CHECK(!even.against.empty());
      const int calls = clock->calls;
      tuner.break_even(layer, Conv2dPass::forward, 1, 0.5 * table);
      tuner.break_even(layer, Conv2dPass::forward, 4, 1.0);  // no machine is so different
      CHECK(clock->calls == calls);
    }
  }
}

TEST_CASE("sparse kernels that never pay, or always, are known as such" * doctest::skip(!kNative)) {
  FakeClock never{.at_zero = 1.0, .slope = 1.0}, always{.at_zero = 0.2, .slope = 0.0};
  CHECK(Tuner(settings(never)).break_even(shape(), Conv2dPass::forward, 1, 0.001).cost(0.001) > 1.0);
  // Up to twice the fixed table's density; beyond, no measurement is believed.
  const double table = kernels::break_even_density(shape(), Conv2dPass::forward, 1);
  Tuner tuner(settings(always));
  CHECK(tuner.break_even(shape(), Conv2dPass::forward, 1, 0.01).density == doctest::Approx(2.0 * table));
  CHECK(tuner.break_even(shape(), Conv2dPass::forward, 1, 1.9 * table).cost(1.9 * table) < 1.0);
  CHECK(tuner.break_even(shape(), Conv2dPass::forward, 1, 2.1 * table).cost(2.1 * table) > 1.0);
}

TEST_CASE("over bf16 sparse passes are timed as such, and pay later than over f32") {
  const kernels::LinearShape linear{16, 9, 64, 64};
  for (const tune::LayerShape& narrow : {tune::LayerShape(shape()), tune::LayerShape(linear)}) {
    tune::LayerShape wide = narrow, half = narrow;
    std::visit([](auto& s) { s.element = kernels::Element::bf16; }, half);
    CHECK(tune::shape_name(half) == tune::shape_name(wide) + " bf16");
    CHECK(tune::shape_key(half) != tune::shape_key(wide));
    const auto pattern = tune::random_pattern(tune::weights_shape(half), 4, 0.3);
    const tune::Operands operands(half);
    for (const Conv2dPass pass : kPasses) {
      CHECK(tune::break_even(half, pass, 1, 0.0).density < tune::break_even(wide, pass, 1, 0.0).density);
      tune::sparse_trial(half, pass, pattern, operands).run();
      if (const auto* s = std::get_if<kernels::LinearShape>(&half))
        tune::dense_trial(*s, pass, operands).run();
    }
    const kernels::Bf16* dst = operands.dst.data<kernels::Bf16>();
    CHECK(std::all_of(dst, dst + operands.dst.numel(),
                      [](kernels::Bf16 x) { return std::isfinite(widen(x)); }));
  }
}

TEST_CASE("a cached break-even counts only against the dense kernel that is chosen" *
          doctest::skip(!kNative)) {
  FakeClock clock{{{"wino4x4", 1.0}, {"direct", 9.0}}};
  const std::string key = tune::sparse_key(shape(), Conv2dPass::forward, 1);
  const auto candidates = kernels::conv2d_candidates(shape(), Conv2dPass::forward);
  for (const bool same : {true, false}) {
    tune::TunerSettings cached = settings(clock);
    cached.cached.break_even[key] = {0.077, 0.0, candidates[same ? 0 : 1]->name};
    Tuner tuner(std::move(cached));
    CHECK((tuner.break_even(shape(), Conv2dPass::forward, 1, 0.01).density == 0.077) == same);
    CHECK(tuner.measured().break_even.count(key) == (same ? 0 : 1));
  }
}

TEST_CASE("choices survive the way through JSON, and nonsense is refused") {
  tune::Choices choices;
  choices.dense["a forward"] = {"kernel", {{"kernel", 0.25}, {"other", 0.5}}};
  choices.dense["b forward"] = {"kernel", {}};
  choices.break_even["a forward 1x1"] = {0.1 / 3.0, 1.0 / 7.0, "kernel"};
  const nlohmann::json json = nlohmann::json::parse(tune::to_json(choices).dump());
  const tune::Choices back = tune::choices_from_json(json);
  CHECK(tune::to_json(back) == tune::to_json(choices));
  CHECK(back.break_even.at("a forward 1x1").density == 0.1 / 3.0);
  for (const char* bad : {"[]", "3", "{}", R"({"dense":{"a":3},"break_even":{}})",
                          R"({"dense":{"a":{"kernel":7}},"break_even":{}})",
                          R"({"dense":{},"break_even":{"a":{"density":-1,"at_zero":0,"against":""}}})",
                          R"({"dense":{},"break_even":{"a":{"density":1e300,"at_zero":0,"against":""}}})",
                          R"({"dense":{},"break_even":{"a":{"density":0.1,"at_zero":"x","against":""}}})",
                          R"({"dense":{"a":{"kernel":"\u001b[2J"}},"break_even":{}})",
                          R"({"dense":{"a":{"kernel":"k","ms":{"k":"fast"}}},"break_even":{}})"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(tune::choices_from_json(nlohmann::json::parse(bad)), Error);
  }
}

TEST_CASE("with the same choices a layer has the same bits on any number of threads, and others with others" *
          doctest::skip(!kNative)) {
  const Tensor x = testing::random_tensor({16, 16, 8, 8}, Layout::lanes, 1);
  const auto results = [&](const tune::Choices& recorded, int threads) {
    kernels::set_num_threads(threads);
    Tuner tuner({.recorded = recorded, .measures = false});
    const tune::UseTuner use(&tuner);
    nn::Conv2d conv(16, 16, 3, {.padding = 1});
    const Tensor y = conv(x);
    ops::sum(y).backward();
    std::vector<float> all = y.to_vector(), gradient = conv.weight().value.grad().to_vector();
    all.insert(all.end(), gradient.begin(), gradient.end());
    return all;
  };
  tune::Choices direct;
  for (const Conv2dPass pass : kPasses) {
    for (const auto* kernel : kernels::conv2d_candidates(shape(), pass)) {
      if (algorithm(*kernel) == "direct") direct.dense[tune::dense_key(shape(), pass)] = {kernel->name, {}};
    }
  }
  const int threads = kernels::num_threads();
  const std::vector<float> one = results(direct, 1), three = results(direct, 3), usual = results({}, 1);
  kernels::set_num_threads(threads);
  CHECK(one == three);
  CHECK(one != usual);
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(one[i] == doctest::Approx(usual[i]).epsilon(1e-3));
}

TEST_CASE("trials run what they are named for: the clock's times are positive") {
  const tune::Operands operands{tune::LayerShape(shape())};
  const auto pattern = tune::random_pattern({16, 16, 3, 3}, 4, 0.5);
  CHECK(pattern->density() == doctest::Approx(0.5).epsilon(0.2));
  for (const Conv2dPass pass : kPasses) {
    CHECK(tune::seconds_of(tune::dense_trial(kernels::select_conv2d(shape(), pass), shape(), operands)) >
          0.0);
    CHECK(tune::seconds_of(tune::sparse_trial(shape(), pass, pattern, operands)) > 0.0);
  }
  const kernels::LinearShape linear{16, 9, 16, 32};
  const tune::Operands tokens{tune::LayerShape(linear)};
  for (const Conv2dPass pass : kPasses) {
    CHECK(tune::seconds_of(tune::dense_trial(linear, pass, tokens)) > 0.0);
    CHECK(tune::seconds_of(tune::sparse_trial(linear, pass, tune::random_pattern({32, 16}, 1, 0.3), tokens)) >
          0.0);
  }
}

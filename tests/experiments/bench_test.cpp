#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "experiments/bench/attention.h"
#include "experiments/bench/conv.h"
#include "experiments/bench/data.h"
#include "experiments/bench/infer.h"
#include "experiments/bench/limits.h"
#include "experiments/bench/sparse.h"
#include "experiments/bench/sparse_train.h"
#include "experiments/bench/timing.h"
#include "experiments/bench/train.h"
#include "experiments/system_info.h"
#include "framework/core/error.h"
#include "framework/tensor/tensor.h"
#include "framework/tune/layer_shape.h"
#include "kernels/base/isa.h"

using namespace espalier;

TEST_CASE("the median is the middle value, or the mean of the middle two") {
  CHECK(bench::median({3.0, 1.0, 2.0}) == 2.0);
  CHECK(bench::median({4.0, 1.0, 2.0, 3.0}) == 2.5);
}

TEST_CASE("contenders of a race run equally often") {
  int first = 0, second = 0;
  const std::vector<double> seconds = bench::race({[&] { ++first; }, [&] { ++second; }}, 3, 0.0);
  CHECK(first == second);
  CHECK(seconds.size() == 2);
}

TEST_CASE("the convolutions of the benchmark are those of the networks") {
  double resnet18_macs = 0.0, vgg16_macs = 0.0;
  int resnet18_layers = 0, vgg16_layers = 0;
  for (const bench::ConvLayer& layer : bench::conv_layers(1)) {
    resnet18_macs += layer.in_resnet18 * layer.shape.macs();
    vgg16_macs += layer.in_vgg16 * layer.shape.macs();
    resnet18_layers += layer.in_resnet18;
    vgg16_layers += layer.in_vgg16;
  }
  CHECK(resnet18_layers == 20);
  CHECK(vgg16_layers == 13);
  // The literature's 0.556 and 0.313 GMAC, less the linear layers' 5,120.
  CHECK(resnet18_macs == doctest::Approx(0.5554e9).epsilon(0.002));
  CHECK(vgg16_macs == doctest::Approx(0.3132e9).epsilon(0.002));
}

TEST_CASE("the break-even density lies where sparse and dense take as long") {
  CHECK(bench::break_even_density({0.4, 0.2, 0.1}, {8.0, 4.0, 2.0}, 5.0) == doctest::Approx(0.25));
  CHECK(bench::break_even_density({0.4, 0.2}, {8.0, 4.0}, 9.0) == 0.4);  // sparse even at the densest
  CHECK(bench::break_even_density({0.4, 0.2}, {8.0, 4.0}, 3.0) == 0.0);  // never
}

TEST_CASE("the sparse benchmark times every density of the shapes that --only asks for") {
  bench::SparseBenchOptions options;
  options.batch = 1;
  options.only = {"IC256", "K1", "backward_weights"};
  options.rounds = 1;
  options.round_seconds = 0.0;
  int rows = 0;
  run_sparse_bench(options, [&](const bench::SparseRow& row) {
    ++rows;
    CHECK(row.shape == "IC256 OC512 H8 K1 S2");
    CHECK(row.times == std::array{1, 0, 0});
    CHECK(row.dense_seconds > 0.0);
    REQUIRE(row.sparse.size() == options.densities.size());
    for (const bench::SparseTime& time : row.sparse) {
      CHECK(time.single_seconds > 0.0);
      CHECK(time.block_seconds > 0.0);
    }
  });
  CHECK(rows == 1);
}

TEST_CASE("benchmarks refuse an --only that leaves nothing") {
  bench::SparseBenchOptions sparse;
  sparse.only = {"IC65"};
  CHECK_THROWS_WITH_AS(run_sparse_bench(sparse, [](const bench::SparseRow&) {}), doctest::Contains("IC65"),
                       Error);
  bench::ConvBenchOptions conv;
  conv.only = {"IC64", "sideways"};
  CHECK_THROWS_WITH_AS(run_conv_bench(conv, [](const std::vector<bench::ConvTime>&) {}),
                       doctest::Contains("IC64 sideways"), Error);
}

TEST_CASE("the conv benchmark reports what --only asks for, once for each backend") {
  bench::ConvBenchOptions options;
  options.batch = 1;
  options.only = {"IC64", "S2", "forward"};
  options.rounds = 1;
  options.round_seconds = 0.0;
  std::set<std::string> seen;
  run_conv_bench(options, [&](const std::vector<bench::ConvTime>& times) {
    for (const bench::ConvTime& time : times) {
      seen.insert(time.layer->name() + " " + tune::pass_name(time.pass) + " " + time.backend);
      CHECK(time.gflops > 0.0);
      CHECK(time.seconds * time.gflops == doctest::Approx(2e-9 * time.layer->shape.macs()));
    }
  });
  CHECK(seen.count("IC64 OC128 H32 K3 S2 forward native") == 1);
  CHECK(seen.count("IC64 OC128 H32 K1 S2 forward native") == 1);
#if defined(ESPALIER_WITH_ONEDNN)
  CHECK(seen.size() == 4);
#else
  CHECK(seen.size() == 2);
#endif
}

TEST_CASE("with every kernel, all rows that this CPU runs take part") {
  bench::ConvBenchOptions options;
  options.batch = 1;
  options.only = {"IC256 OC512 H4", "forward", "native"};
  options.every_kernel = true;
  options.rounds = 1;
  options.round_seconds = 0.0;
  std::set<std::string> kernels_seen;
  run_conv_bench(options, [&](const std::vector<bench::ConvTime>& times) {
    for (const bench::ConvTime& time : times) kernels_seen.insert(time.kernel);
  });
  CHECK(kernels_seen.count("conv2d_fwd_f32_direct_portable") == 1);
  CHECK(kernels_seen.size() >= 2);
}

TEST_CASE("the machine describes itself") {
  CHECK(cpu_model() != "");
  CHECK(memory_bytes() > memory_available_bytes());
  CHECK(memory_available_bytes() > 0);
  CHECK(peak_process_bytes() > 0);
  const std::int64_t faults = minor_page_faults();
  const Tensor fresh = Tensor::zeros({1 << 24});  // so large that nothing freed before can serve again
  CHECK(minor_page_faults() > faults);
  CHECK(openmp_runtime().find("OpenMP") != std::string::npos);
  const bench::MachineLimits limits = bench::measure_limits();
  CHECK(limits.gflops > 0.0);
  CHECK(limits.copy_gb_per_s > 0.0);
}

TEST_CASE("the training benchmark counts steps, multiply-adds and the time of every operation") {
  const bench::TrainSpeed speed =
      bench::measure_training({.subject = {.model = "resnet20"}, .batch = 2, .steps = 2, .warm_up = 1});
  CHECK(speed.images_per_s == doctest::Approx(2.0 / speed.step_seconds));
  CHECK(speed.macs == doctest::Approx(0.0408e9).epsilon(0.01));  // He et al.'s ResNet-20
  CHECK(std::isfinite(speed.loss));
  CHECK(speed.tensor_bytes > 0);
  CHECK(speed.process_bytes > speed.tensor_bytes);
  std::set<std::string> names;
  for (const Profile::Row& row : speed.operations) names.insert(row.name);
  for (const char* name : {"conv2d", "batch_norm", "linear", "cross_entropy", "optimizer"}) {
    CHECK_MESSAGE(names.count(name) == 1, name);
  }
}

TEST_CASE("the inference benchmark times a compiled model, its steps, and removes weights when asked to") {
  bench::InferBenchOptions options;
  options.subject = {.model = "resnet20", .overrides = {"width=4"}};
  options.sparsity = 0.95;
  options.calls = 5;
  options.warm_up = 1;
  const bench::InferSpeed speed = bench::measure_inference(options);
  CHECK(speed.best_seconds > 0.0);
  CHECK(speed.best_seconds <= speed.p50_seconds);
  CHECK(speed.p50_seconds <= speed.p99_seconds);
  CHECK(speed.step_seconds.size() == speed.plan.executor().program().steps.size());
  REQUIRE_FALSE(speed.plan.executor().kernels().empty());
  for (const infer::ChosenKernel& chosen : speed.plan.executor().kernels()) CHECK(chosen.density < 0.1);
  options.sparsity = 1.0;
  CHECK_THROWS_WITH_AS(bench::measure_inference(options), doctest::Contains("--sparsity"), Error);
}

TEST_CASE("training is timed at every sparsity in both formats, beside the dense step") {
  bench::SparseTrainOptions options;
  options.subject = {.model = "resnet20", .overrides = {"width=8"}};
  options.batch = 16;
  options.sparsities = {0.0, 0.5, 0.98};
  options.units = {bench::Unit::weight, bench::Unit::block};
  options.rounds = 2;
  options.steps = 1;
  const std::vector<bench::SparseTrainRow> rows = bench::measure_sparse_training(options);
  REQUIRE(rows.size() == 5);
  CHECK(rows[0].unit == bench::Unit::none);
  CHECK(rows[0].density == 1.0);
  const auto sparse = [](const bench::SparseTrainRow& row) {
    return std::count_if(row.layers.begin(), row.layers.end(), [](const auto& layer) {
      return layer.forward && layer.backward_data && layer.backward_weights;
    });
  };
  CHECK(sparse(rows[0]) == 0);
  for (std::size_t i = 1; i < rows.size(); ++i) {
    CAPTURE(i);
    CHECK(rows[i].unit == (i < 3 ? bench::Unit::weight : bench::Unit::block));
    CHECK(rows[i].sparsity == (i % 2 == 1 ? 0.5 : 0.98));
    // 4x4 blocks do not divide conv1, with 3 channels, and fc, with 10 outputs: 536 of 67,352 weights.
    const double prunable = i < 3 ? 1.0 : 1.0 - 536.0 / 67352.0;
    CHECK(rows[i].density == doctest::Approx(1.0 - rows[i].sparsity * prunable).epsilon(0.01));
    CHECK(rows[i].step_seconds > 0.0);
    CHECK(rows[i].layers.size() == 20);
    CHECK(rows[i].tensor_bytes > 0);
    CHECK(rows[i].process_bytes > rows[i].tensor_bytes);
  }
  CHECK(sparse(rows[2]) > 10);
  options.sparsities = {1.0};
  CHECK_THROWS_WITH_AS(bench::measure_sparse_training(options), doctest::Contains("--sparsity"), Error);
}

TEST_CASE("filters are removed until a fraction of the multiply-adds is gone") {
  bench::SparseTrainOptions options;
  options.subject = {.model = "resnet20", .overrides = {"width=8"}};
  options.batch = 16;
  options.sparsities = {0.25, 0.5};
  options.units = {bench::Unit::filter};
  options.rounds = 1;
  options.steps = 1;
  const std::vector<bench::SparseTrainRow> rows = bench::measure_sparse_training(options);
  REQUIRE(rows.size() == 3);
  const auto dense = static_cast<double>(rows[0].macs);
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const double left = static_cast<double>(rows[i].macs) / dense;
    CHECK(left <= 1.0 - rows[i].sparsity);
    CHECK(left > 0.95 - rows[i].sparsity);
    CHECK(rows[i].density == 1.0);  // of the weights that are left
  }
  CHECK_THROWS_WITH_AS(bench::unit_from("2x2"), doctest::Contains("filters"), Error);
}

TEST_CASE("the data benchmark times a loader's thread with every augmentation, each once") {
  for (const DType precision : {DType::f32, DType::bf16}) {
    std::set<std::string> names;
    for (const bench::DataSpeed& speed :
         bench::measure_loading({.batch = 16, .precision = precision, .rounds = 1, .images = 40})) {
      CAPTURE(speed.augmentation);
      CHECK(names.insert(speed.augmentation).second);
      CHECK(speed.images_per_s > 0.0);
    }
    CHECK(names.size() == 6);
  }
  CHECK_THROWS_WITH_AS(bench::measure_loading({.batch = 0}), doctest::Contains("batch"), Error);
}

TEST_CASE("the training benchmark takes a model's keys") {
  const auto macs = [](std::vector<std::string> overrides) {
    return bench::measure_training({.subject = {.model = "vit", .overrides = std::move(overrides)},
                                    .batch = 1,
                                    .steps = 1,
                                    .warm_up = 0})
        .macs;
  };
  // Tokens of 16 features: the block's MLP, and all else.
  const std::int64_t rest = 64 * 48 * 16 + 65 * 4 * 16 * 16 + 2 * 65 * 65 * 16 + 10 * 16;
  CHECK(macs({"dim=16", "heads=2", "depth=1", "mlp_ratio=2"}) == rest + 65 * 4 * 16 * 16);
  CHECK_THROWS_WITH_AS(macs({"dimm=16"}), doctest::Contains("dim"), Error);
}

TEST_CASE("the attention benchmark times both ways of each sequence") {
  int sequences = 0;
  bench::run_attention_bench(
      {.batch = 16, .longest = 65, .rounds = 1, .round_seconds = 0.0}, [&](const bench::AttentionTime& time) {
        ++sequences;
        CAPTURE(time.name());
        for (const double seconds :
             {time.forward, time.forward_unfused, time.training, time.training_unfused})
          CHECK(seconds > 0.0);
        CHECK(time.gflop > 0.0);
      });
  CHECK(sequences == 3);
}

#include "kernels/softmax/softmax.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "kernels/softmax/reference.h"
#include "tests/kernels/lanes_support.h"

namespace espalier::kernels {
namespace {

struct Case {
  LaneShape shape;
  Doubles x, dy, soft;
  std::vector<std::int32_t> labels;  // [N][T]
  Floats src, diff_dst, soft_lanes;

  Case(std::int64_t n, std::int64_t t, std::int64_t classes, double spread = 5.0)
      : shape(token_lanes(n, t, classes)),
        x(random_values(logical_size(shape), 1, 0.0, spread)),
        dy(random_values(logical_size(shape), 2)),
        soft(random_values(logical_size(shape), 3, 0.5, 0.5)),
        src(in_lanes(shape, x, 3.0f)),
        diff_dst(in_lanes(shape, dy, 0.0f)),
        soft_lanes(in_lanes(shape, soft, 0.25f)) {
    std::mt19937 engine(4);
    for (std::int64_t row = 0; row < n * t; ++row)
      labels.push_back(static_cast<std::int32_t>(engine() % classes));
  }
  std::size_t C() const { return static_cast<std::size_t>(shape.C); }
  std::size_t floats() const { return static_cast<std::size_t>(shape.floats()); }
  std::size_t rows() const { return static_cast<std::size_t>(shape.G() * shape.T * kLanes); }
};

template <class Check>
void for_each_case(const Check& check) {
  for (std::int64_t n : kBatches) {
    for (std::int64_t t : {1, 3}) {
      for (std::int64_t classes : {1, 2, 10, 101}) {
        CAPTURE(n);
        CAPTURE(t);
        CAPTURE(classes);
        check(Case(n, t, classes));
      }
    }
  }
}

// exp within 2 ulp of arguments up to 10, whose rounding it multiplies, and sums of up to 101 terms.
constexpr double kTolerance = 64 * kEpsilon;

}  // namespace

TEST_CASE("softmax and its logarithm agree with the reference forward and backward") {
  for_each_case([](const Case& c) {
    const Doubles y = reference::softmax_fwd(c.x, c.C()), log_y = reference::log_softmax_fwd(c.x, c.C());
    for_each_isa<SoftmaxKernels>([&](const SoftmaxKernels& kernels) {
      Floats dst(c.floats()), diff_src(c.floats());
      kernels.softmax_fwd(c.shape, c.src.data(), dst.data());
      CHECK(worst_error(c.shape, dst, y) < kTolerance);
      kernels.softmax_bwd(c.shape, dst.data(), c.diff_dst.data(), diff_src.data());
      CHECK(worst_error(c.shape, diff_src, reference::softmax_bwd(y, c.dy, c.C())) < kTolerance);
      CHECK(padding_lanes_are_zero(c.shape, diff_src));
      kernels.log_softmax_fwd(c.shape, c.src.data(), dst.data());
      CHECK(worst_error(c.shape, dst, log_y) < kTolerance);
      kernels.log_softmax_bwd(c.shape, dst.data(), c.diff_dst.data(), diff_src.data());
      CHECK(worst_error(c.shape, diff_src, reference::log_softmax_bwd(log_y, c.dy, c.C()), 10.0) <
            kTolerance);
      CHECK(padding_lanes_are_zero(c.shape, diff_src));
    });
  });
}

TEST_CASE("cross entropy agrees with the reference for labels and probabilities, smoothed or not") {
  for_each_case([](const Case& c) {
    for (float smoothing : {0.0f, 0.1f}) {
      for (bool with_labels : {true, false}) {
        const reference::CrossEntropy truth =
            reference::cross_entropy(c.x, with_labels ? reference::one_hot(c.labels, c.C()) : c.soft,
                                     static_cast<double>(smoothing), c.C());
        CrossEntropyTarget target;
        target.labels = with_labels ? c.labels.data() : nullptr;
        target.probabilities = with_labels ? nullptr : c.soft_lanes.data();
        target.smoothing = smoothing;
        for_each_isa<SoftmaxKernels>([&](const SoftmaxKernels& kernels) {
          Floats log_sum_exp(c.rows()), diff(c.floats());
          const double loss = kernels.cross_entropy_fwd(c.shape, c.src.data(), target, log_sum_exp.data());
          CHECK(std::fabs(loss - truth.loss) < kTolerance * (1.0 + truth.loss));
          Doubles twice = truth.diff_logits;
          for (double& v : twice) v *= 2.0;
          kernels.cross_entropy_bwd(c.shape, c.src.data(), target, log_sum_exp.data(), 2.0f, diff.data());
          const double weight = with_labels ? 1.0 : static_cast<double>(c.C());  // the sum of the targets
          CHECK(worst_error(c.shape, diff, twice, weight / static_cast<double>(c.labels.size())) <
                kTolerance);
          CHECK(padding_lanes_are_zero(c.shape, diff));
        });
      }
    }
  });
}

TEST_CASE("large logits do not overflow and a class at minus infinity counts for nothing") {
  const LaneShape shape = token_lanes(1, 1, 3);
  const Floats src = in_lanes(shape, {1000.0, 998.0, -HUGE_VAL}, 0.0f);
  const std::int32_t label = 1;
  for_each_isa<SoftmaxKernels>([&](const SoftmaxKernels& kernels) {
    Floats dst(48), log_sum_exp(16), diff(48);
    kernels.softmax_fwd(shape, src.data(), dst.data());
    const double p = 1.0 / (1.0 + std::exp(-2.0));
    CHECK(worst_error(shape, dst, {p, 1.0 - p, 0.0}) < 4 * kEpsilon);
    CrossEntropyTarget target;
    target.labels = &label;
    // log sum exp is near 1000, where f32 has steps of 6e-5.
    CHECK(std::fabs(kernels.cross_entropy_fwd(shape, src.data(), target, log_sum_exp.data()) +
                    std::log(1.0 - p)) < 1e-4);
    kernels.cross_entropy_bwd(shape, src.data(), target, log_sum_exp.data(), 1.0f, diff.data());
    CHECK(worst_error(shape, diff, {p, -p, 0.0}) < 1e-4);
  });
}

TEST_CASE("answers are counted as a sort would count them") {
  for_each_case([](const Case& c) {
    for_each_isa<SoftmaxKernels>([&](const SoftmaxKernels& kernels) {
      std::vector<std::int32_t> answers(c.labels.size());
      kernels.argmax(c.shape, c.src.data(), answers.data());
      std::int64_t right[2] = {0, 0};  // among the first 1, among the first 5
      for (std::size_t row = 0; row < c.labels.size(); ++row) {
        const double* x = &c.x[row * c.C()];
        CHECK(answers[row] == std::max_element(x, x + c.C()) - x);
        const double mark = x[c.labels[row]];
        const auto before = std::count_if(x, x + c.C(), [&](double v) { return v > mark; });
        right[0] += before < 1;
        right[1] += before < 5;
      }
      CHECK(kernels.count_top_k(c.shape, c.src.data(), c.labels.data(), 1) == right[0]);
      CHECK(kernels.count_top_k(c.shape, c.src.data(), c.labels.data(), 5) == right[1]);
    });
  });
}

TEST_CASE("of equal logits the lower class is the answer, and NaN is never right") {
  const LaneShape shape = token_lanes(3, 1, 3);
  const Floats src = in_lanes(shape, {2.0, 2.0, 1.0, 2.0, 2.0, 1.0, NAN, NAN, NAN}, 0.0f);
  const std::int32_t labels[3] = {0, 1, 0};
  for_each_isa<SoftmaxKernels>([&](const SoftmaxKernels& kernels) {
    CHECK(kernels.count_top_k(shape, src.data(), labels, 1) == 1);
    CHECK(kernels.count_top_k(shape, src.data(), labels, 2) == 2);
  });
}

TEST_CASE("softmax kernels give the same bits for any number of threads") {
  const Case c(37, 70, 33);
  CrossEntropyTarget target;
  target.labels = c.labels.data();
  for_each_isa<SoftmaxKernels>([&](const SoftmaxKernels& kernels) {
    CHECK(same_for_any_threads(c.floats(),
                               [&](Floats& dst) { kernels.softmax_fwd(c.shape, c.src.data(), dst.data()); }));
    Floats log_sum_exp(c.rows());
    const double once = kernels.cross_entropy_fwd(c.shape, c.src.data(), target, log_sum_exp.data());
    for (int threads = 1; threads <= 4; ++threads) {
      with_threads(threads, [&] {
        CHECK(kernels.cross_entropy_fwd(c.shape, c.src.data(), target, log_sum_exp.data()) == once);
      });
    }
  });
}

}  // namespace espalier::kernels

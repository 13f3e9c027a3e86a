#include "framework/autograd/profile.h"

#include <doctest/doctest.h>

#include "framework/ops/relu.h"
#include "framework/ops/sum.h"

using namespace espalier;

namespace {

const Profile::Row* row(const Profile& profile, const std::string& name) {
  for (const Profile::Row& r : profile.rows()) {
    if (r.name == name) return &r;
  }
  return nullptr;
}

}  // namespace

TEST_CASE("a profile counts every operation and gives both passes their time") {
  Tensor x = Tensor::full({1000}, 0.5f);
  x.set_requires_grad();
  Profile profile;
  Tensor y = ops::relu(ops::relu(x));
  profile.skip();
  ops::sum(y).backward();
  profile.lap("optimizer", 1 << 20);
  REQUIRE(row(profile, "relu") != nullptr);
  CHECK(row(profile, "relu")->calls == 2);
  CHECK(row(profile, "relu")->forward_seconds > 0.0);
  CHECK(row(profile, "relu")->backward_seconds > 0.0);
  REQUIRE(row(profile, "sum") != nullptr);
  CHECK(row(profile, "sum")->backward_seconds > 0.0);
  // Two calls read and write 1000 floats each; backward reads the input and the output's gradient, and writes
  // the input's.
  CHECK(row(profile, "relu")->forward_bytes == 2 * 2 * 4000);
  CHECK(row(profile, "relu")->backward_bytes == 2 * 3 * 4000);
  CHECK(row(profile, "relu")->forward_gb_per_s() ==
        doctest::Approx(1e-9 * 16000.0 / row(profile, "relu")->forward_seconds));
  REQUIRE(row(profile, "optimizer") != nullptr);
  CHECK(row(profile, "optimizer")->forward_bytes == 1 << 20);
  CHECK(row(profile, "optimizer")->backward_seconds == 0.0);
}

TEST_CASE("profiles nest, and outside of them nothing is counted") {
  CHECK(Profile::active() == nullptr);
  Profile outer;
  {
    const Profile inner;
    CHECK(Profile::active() == &inner);
    ops::relu(Tensor::zeros({4}));
    CHECK(row(inner, "relu") != nullptr);
  }
  CHECK(Profile::active() == &outer);
  CHECK(outer.rows().empty());
}

#include "framework/nn/summary.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "framework/nn/modules/batch_norm2d.h"
#include "framework/nn/modules/conv2d.h"
#include "framework/nn/modules/linear.h"
#include "framework/nn/modules/relu.h"
#include "framework/nn/modules/sequential.h"
#include "framework/ops/global_avg_pool.h"

using namespace espalier;

namespace {

class Net : public nn::Module {
 public:
  Net() {
    conv_ = register_module(
        "conv",
        std::make_shared<nn::Conv2d>(4, 6, 3, nn::Conv2d::Options{.stride = 2, .padding = 1, .groups = 2}));
    bn_ = register_module("bn", std::make_shared<nn::BatchNorm2d>(6));
    fc_ = register_module("fc", std::make_shared<nn::Linear>(6, 10));
  }
  Tensor forward(const Tensor& x) override {
    return (*fc_)(ops::global_avg_pool(bn_->forward_relu((*conv_)(x))));
  }
  std::string type_name() const override { return "Net"; }

  std::shared_ptr<nn::Conv2d> conv_;
  std::shared_ptr<nn::BatchNorm2d> bn_;
  std::shared_ptr<nn::Linear> fc_;
};

}  // namespace

TEST_CASE("a summary counts parameters and multiply-accumulates, dense and without pruned weights") {
  Net net;
  nn::Parameter& weight = net.conv_->weight();
  weight.mask = Mask::ones(weight.value.shape());
  for (int i = 0; i < 8; ++i) weight.mask.data()[i] = 0;
  const nn::ModelSummary summary = nn::summary(net, {4, 9, 8});
  REQUIRE(summary.layers.size() == 3);

  const nn::LayerSummary& conv = summary.layers[0];
  CHECK(conv.name == "conv");
  CHECK(conv.type == "Conv2d");
  CHECK(conv.output == Shape{6, 5, 4});
  CHECK(conv.parameters == 6 * 2 * 9 + 6);
  CHECK(conv.nonzeros == conv.parameters - 8);
  CHECK(conv.macs == 6 * 2 * 9 * 5 * 4);
  CHECK(conv.effective_macs == (6 * 2 * 9 - 8) * 5 * 4);

  CHECK(summary.layers[1].name == "bn");
  CHECK(summary.layers[1].parameters == 12);
  CHECK(summary.layers[1].output == Shape{6, 5, 4});
  CHECK(summary.layers[1].macs == 0);
  CHECK(summary.layers[2].macs == 60);

  CHECK(summary.total.parameters == net.parameter_count());
  CHECK(summary.total.macs == conv.macs + 60);
  CHECK(summary.total.effective_macs == conv.effective_macs + 60);
}

TEST_CASE("a summary changes neither mode nor running statistics") {
  Net net;
  const std::vector<float> before = net.buffers()[1]->value.to_vector();
  nn::summary(net, {4, 8, 8});
  CHECK(net.is_training());
  CHECK(net.bn_->is_training());
  CHECK(net.buffers()[1]->value.to_vector() == before);
}

TEST_CASE("a summary leaves frozen modules frozen, also when the model throws") {
  Net net;
  net.bn_->eval();
  nn::summary(net, {4, 8, 8});
  CHECK_THROWS_AS(nn::summary(net, {3, 8, 8}), Error);
  CHECK(net.is_training());
  CHECK(net.conv_->is_training());
  CHECK_FALSE(net.bn_->is_training());
}

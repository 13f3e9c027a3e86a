// Attention and the modules around it, against loops in double.
#include <doctest/doctest.h>

#include <cmath>

#include "framework/core/error.h"
#include "framework/nn/init.h"
#include "framework/nn/modules/patch_embed.h"
#include "framework/nn/modules/sequence_pool.h"
#include "framework/nn/modules/transformer_block.h"
#include "framework/nn/positions.h"
#include "framework/nn/summary.h"
#include "kernels/eltwise/reference.h"
#include "tests/support/gradient_check.h"

using namespace espalier;
using testing::random_tensor;

namespace {

using Rows = std::vector<std::vector<double>>;

// The values of the parameter called `name` at (row, column); a vector has one row.
struct Matrix {
  std::vector<float> values;
  std::size_t columns;

  double operator()(std::size_t row, std::size_t column) const {
    return double{values[row * columns + column]};
  }
};

Matrix parameter(nn::Module& module, const std::string& name) {
  for (auto& [key, tensor] : module.state_dict()) {
    if (key == name) return {tensor.to_vector(), static_cast<std::size_t>(tensor.dim(-1))};
  }
  FAIL("no parameter ", name);
  return {};
}

// One token's x weight^T + bias.
std::vector<double> linear(const std::vector<double>& x, const Matrix& weight, const Matrix& bias) {
  std::vector<double> y(bias.values.size());
  for (std::size_t o = 0; o < y.size(); ++o) {
    y[o] = bias(0, o);
    for (std::size_t i = 0; i < x.size(); ++i) y[o] += weight(o, i) * x[i];
  }
  return y;
}

// Head h's queries, keys and values are the rows h*D .. of the first, second and third part of qkv.
Rows attention(nn::Module& module, const Rows& x, std::size_t heads) {
  const std::size_t tokens = x.size(), dim = x[0].size(), D = dim / heads;
  Rows qkv;
  for (const auto& token : x) {
    qkv.push_back(linear(token, parameter(module, "qkv.weight"), parameter(module, "qkv.bias")));
  }
  Rows mixed(tokens, std::vector<double>(dim));
  for (std::size_t h = 0; h < heads; ++h) {
    for (std::size_t i = 0; i < tokens; ++i) {
      std::vector<double> p(tokens);
      double total = 0.0;
      for (std::size_t j = 0; j < tokens; ++j) {
        double score = 0.0;
        for (std::size_t d = 0; d < D; ++d) score += qkv[i][h * D + d] * qkv[j][dim + h * D + d];
        p[j] = std::exp(score / std::sqrt(static_cast<double>(D)));
        total += p[j];
      }
      for (std::size_t j = 0; j < tokens; ++j) {
        for (std::size_t d = 0; d < D; ++d) {
          mixed[i][h * D + d] += p[j] / total * qkv[j][2 * dim + h * D + d];
        }
      }
    }
  }
  Rows y;
  for (const auto& token : mixed) {
    y.push_back(linear(token, parameter(module, "proj.weight"), parameter(module, "proj.bias")));
  }
  return y;
}

Rows rows_of(const Tensor& x, std::int64_t image) {
  const std::vector<float> values = x.to_vector();
  const auto tokens = static_cast<std::size_t>(x.dim(1)), dim = static_cast<std::size_t>(x.dim(2));
  Rows rows(tokens, std::vector<double>(dim));
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t c = 0; c < dim; ++c) {
      rows[t][c] = double{values[(static_cast<std::size_t>(image) * tokens + t) * dim + c]};
    }
  }
  return rows;
}

std::vector<std::string> state_names(nn::Module& module) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : module.state_dict()) names.push_back(name + " " + tensor.shape().str());
  return names;
}

constexpr nn::TransformerBlock::Options kSmall = {.dim = 6, .heads = 2, .hidden = 10};

}  // namespace

TEST_CASE("attention agrees with loops, head by head, for any batch and head size") {
  struct Case {
    std::int64_t n, dim, heads;
  };
  for (const Case& tried : {Case{1, 6, 2}, Case{17, 9, 3}, Case{5, 5, 1}}) {
    const std::int64_t n = tried.n, dim = tried.dim, heads = tried.heads;
    CAPTURE(n);
    CAPTURE(dim);
    nn::MultiheadAttention module(dim, heads);
    nn::initialise(module, 1);
    const Tensor x = random_tensor({n, 7, dim}, Layout::lanes, 2), y = module(x);
    REQUIRE(y.shape() == x.shape());
    for (std::int64_t image = 0; image < n; ++image) {
      const Rows expected = attention(module, rows_of(x, image), static_cast<std::size_t>(heads));
      const Rows actual = rows_of(y, image);
      for (std::size_t t = 0; t < expected.size(); ++t) {
        // Sums of up to 9 terms of size 1, through two layers and a softmax.
        for (std::size_t c = 0; c < expected[t].size(); ++c) {
          CHECK(std::abs(actual[t][c] - expected[t][c]) <= 64 * 1.2e-7);
        }
      }
    }
  }
}

TEST_CASE("an MLP computes either formula of GELU between its layers") {
  struct Case {
    ops::Gelu formula;
    double (*gelu)(double);
  };
  for (const Case& tried : {Case{ops::Gelu::erf, kernels::reference::kGelu.value},
                            Case{ops::Gelu::tanh, kernels::reference::kGeluTanh.value}}) {
    nn::Mlp module(6, 10, 0.0, tried.formula);
    nn::initialise(module, 1);
    // Large enough for the formulas to differ by much more than is allowed.
    const Tensor x = random_tensor({17, 3, 6}, Layout::lanes, 2, 3.0f), y = module(x);
    for (std::int64_t image = 0; image < 17; ++image) {
      const Rows tokens = rows_of(x, image), actual = rows_of(y, image);
      for (std::size_t t = 0; t < tokens.size(); ++t) {
        std::vector<double> hidden =
            linear(tokens[t], parameter(module, "fc1.weight"), parameter(module, "fc1.bias"));
        for (double& h : hidden) h = tried.gelu(h);
        const std::vector<double> expected =
            linear(hidden, parameter(module, "fc2.weight"), parameter(module, "fc2.bias"));
        // Sums of 6 and 10 terms of size 3.
        for (std::size_t c = 0; c < 6; ++c) CHECK(std::abs(actual[t][c] - expected[c]) <= 64 * 1.2e-7);
      }
    }
  }
}

TEST_CASE("attention and blocks have the state that timm's have") {
  nn::MultiheadAttention without_bias(6, 2, {.qkv_bias = false});
  CHECK(state_names(without_bias) ==
        std::vector<std::string>{"qkv.weight [18, 6]", "proj.weight [6, 6]", "proj.bias [6]"});
  nn::TransformerBlock block(kSmall);
  CHECK(state_names(block) ==
        std::vector<std::string>{"norm1.weight [6]", "norm1.bias [6]", "attn.qkv.weight [18, 6]",
                                 "attn.qkv.bias [18]", "attn.proj.weight [6, 6]", "attn.proj.bias [6]",
                                 "norm2.weight [6]", "norm2.bias [6]", "mlp.fc1.weight [10, 6]",
                                 "mlp.fc1.bias [10]", "mlp.fc2.weight [6, 10]", "mlp.fc2.bias [6]"});
  CHECK_THROWS_WITH_AS(nn::MultiheadAttention(8, 3),
                       "[MultiheadAttention] the heads share the features alike: expected a number that "
                       "divides 8, got 3 heads",
                       Error);
}

TEST_CASE("a block's gradients are its derivatives, in training with branches left out") {
  nn::TransformerBlock::Options options = kSmall;
  options.dropout = 0.2;
  options.stochastic_depth = 0.4;
  for (const auto residual : {nn::MlpResidual::input, nn::MlpResidual::normalised}) {
    options.mlp_residual = residual;
    nn::TransformerBlock block(options);
    nn::initialise(block, 3);
    const auto run = [&](const std::vector<Tensor>& in) {
      nn::start_dropout_step(block, 1, 2);  // the same choices every time
      return block(in[0]);
    };
    // Two layer norms and a GELU bend more than single operations do.
    testing::check_gradients(run, {random_tensor({5, 3, 6}, Layout::lanes, 4)}, {.tolerance = 6e-3});
  }
}

TEST_CASE(
    "stochastic depth passes an image on as it came, or its branches larger; evaluation always adds them") {
  nn::TransformerBlock::Options options = kSmall;
  options.stochastic_depth = 0.5;
  nn::TransformerBlock block(options);
  nn::initialise(block, 3);
  const Tensor x = random_tensor({64, 3, 6}, Layout::lanes, 4);
  const auto run = [&](std::int64_t step) {
    nn::start_dropout_step(block, 1, step);
    return block(x);
  };
  const Tensor y = run(0);
  int untouched = 0;
  for (std::int64_t image = 0; image < 64; ++image) untouched += rows_of(x, image) == rows_of(y, image);
  // Both branches are left out for a quarter: four standard deviations are 4 * sqrt(64 * 3 / 16) = 14.
  CHECK(std::abs(untouched - 16) < 14);
  CHECK(run(0).to_vector() == y.to_vector());
  CHECK(run(1).to_vector() != y.to_vector());

  block.eval();
  nn::TransformerBlock whole(kSmall);
  nn::initialise(whole, 3);
  CHECK(block(x).to_vector() == whole(x).to_vector());
}

TEST_CASE("blocks are left out more often the deeper they lie") {
  nn::TransformerBlock::Options options = kSmall;
  options.stochastic_depth = 0.6;
  const auto blocks = nn::transformer_blocks(3, options);
  const Tensor x = random_tensor({512, 2, 6}, Layout::lanes, 4);
  nn::start_dropout_step(*blocks, 1, 0);
  Tensor y = x;
  std::vector<double> shares;
  for (nn::Module* block : blocks->modules()) {
    if (block->type_name() != "TransformerBlock") continue;
    const Tensor next = (*block)(y);
    int untouched = 0;
    for (std::int64_t image = 0; image < 512; ++image) untouched += rows_of(y, image) == rows_of(next, image);
    shares.push_back(std::sqrt(untouched / 512.0));  // of one branch
    y = next;
  }
  REQUIRE(shares.size() == 3);
  CHECK(shares[0] == 0.0);
  CHECK(shares[1] == doctest::Approx(0.3).epsilon(0.2));
  CHECK(shares[2] == doctest::Approx(0.6).epsilon(0.2));
}

TEST_CASE("patches are embedded from the pixels they cover, row by row") {
  nn::PatchEmbed embed(2, 3, 2);
  nn::initialise(embed, 1);
  const Tensor image = random_tensor({1, 2, 4, 6}, Layout::lanes, 2);
  const std::vector<float> pixels = image.to_vector();
  const Tensor tokens = embed(image);
  REQUIRE(tokens.shape() == Shape{1, 6, 3});
  const Matrix weight = parameter(embed, "proj.weight");
  const std::vector<float> bias = parameter(embed, "proj.bias").values, y = tokens.to_vector();
  for (std::size_t token = 0; token < 6; ++token) {
    for (std::size_t f = 0; f < 3; ++f) {
      double expected = double{bias[f]};
      for (std::size_t c = 0; c < 2; ++c) {
        for (std::size_t i = 0; i < 4; ++i) {
          const std::size_t row = token / 3 * 2 + i / 2, column = token % 3 * 2 + i % 2;
          expected += double{weight.values[(f * 2 + c) * 4 + i]} * double{pixels[(c * 4 + row) * 6 + column]};
        }
      }
      CHECK(double{y[token * 3 + f]} == doctest::Approx(expected).epsilon(1e-5));
    }
  }
  CHECK_THROWS_WITH_AS(embed(random_tensor({1, 2, 4, 5}, Layout::lanes, 2)),
                       doctest::Contains("patches of 2x2 expect images of a multiple of that, got 4x5"),
                       Error);
}

TEST_CASE("sequence pooling is a softmax-weighted mean of the tokens") {
  nn::SequencePool pool(5);
  nn::initialise(pool, 1);
  const Tensor x = random_tensor({17, 4, 5}, Layout::lanes, 2);
  const Tensor y = pool(x);
  REQUIRE(y.shape() == Shape{17, 5});
  const std::vector<float> values = y.to_vector();
  for (std::int64_t image = 0; image < 17; ++image) {
    const Rows tokens = rows_of(x, image);
    std::vector<double> expected(5), p;
    double total = 0.0;
    for (const auto& token : tokens) {
      p.push_back(std::exp(linear(token, parameter(pool, "weight"), parameter(pool, "bias"))[0]));
      total += p.back();
    }
    for (std::size_t c = 0; c < 5; ++c) {
      for (std::size_t t = 0; t < 4; ++t) expected[c] += p[t] / total * tokens[t][c];
      CHECK(std::abs(double{values[static_cast<std::size_t>(image) * 5 + c]} - expected[c]) <= 16 * 1.2e-7);
    }
  }
  testing::check_gradients([&](const std::vector<Tensor>& in) { return pool(in[0]); }, {x});
}

TEST_CASE("fixed positions are sines and cosines of the place, slower from feature to feature") {
  const std::vector<float> line = nn::sine_positions(3, 5).to_vector();
  CHECK(std::vector<float>(line.begin(), line.begin() + 5) == std::vector<float>{0, 1, 0, 1, 0});
  CHECK(line[10] == doctest::Approx(std::sin(2.0)));
  CHECK(line[11] == doctest::Approx(std::cos(2.0)));
  CHECK(line[12] == doctest::Approx(std::sin(2.0 / std::pow(10000.0, 2.0 / 5))));
  // Token 5 of a grid of 2 x 3 stands in row 1, column 2.
  const std::vector<float> grid = nn::sine_positions_2d(2, 3, 8).to_vector();
  const double expected[8] = {std::sin(2.0), std::sin(0.02), std::cos(2.0), std::cos(0.02),
                              std::sin(1.0), std::sin(0.01), std::cos(1.0), std::cos(0.01)};
  for (std::size_t i = 0; i < 8; ++i) CHECK(grid[40 + i] == doctest::Approx(expected[i]));
  CHECK_THROWS_WITH_AS(nn::sine_positions_2d(2, 3, 6),
                       "[sine_positions_2d] dim expects a multiple of 4, got 6", Error);
}

TEST_CASE("a summary counts what attention multiplies beside its weights") {
  class Net : public nn::Module {
   public:
    Tensor forward(const Tensor& x) override { return (*pool_)((*attn_)((*embed_)(x))); }
    std::string type_name() const override { return "Net"; }

    std::shared_ptr<nn::PatchEmbed> embed_ =
        register_module("embed", std::make_shared<nn::PatchEmbed>(2, 6, 2));
    std::shared_ptr<nn::MultiheadAttention> attn_ =
        register_module("attn", std::make_shared<nn::MultiheadAttention>(6, 3));
    std::shared_ptr<nn::SequencePool> pool_ = register_module("pool", std::make_shared<nn::SequencePool>(6));
  } net;
  const nn::ModelSummary summary = nn::summary(net, {2, 4, 10});  // ten tokens of six features
  REQUIRE(summary.layers.size() == 5);
  CHECK(summary.layers[0].macs == 10 * 6 * 8);
  CHECK(summary.layers[1].name == "attn");
  CHECK(summary.layers[1].type == "MultiheadAttention");
  CHECK(summary.layers[1].parameters == 0);
  CHECK(summary.layers[1].macs == 2 * 10 * 10 * 6);
  CHECK(summary.layers[1].effective_macs == summary.layers[1].macs);
  CHECK(summary.layers[2].macs == 10 * 18 * 6);
  CHECK(summary.layers[3].macs == 10 * 6 * 6);
  CHECK(summary.layers[4].macs == 10 * 6 + 10 * 6);  // scores, and the weighted sum
  CHECK(summary.total.macs == 480 + 1200 + 1080 + 360 + 120);
}

TEST_CASE("transformers start with normal weights and no biases") {
  nn::Mlp mlp(64, 256);
  nn::normal_linear_init_(mlp, 0.02, 1);
  for (float b : parameter(mlp, "fc1.bias").values) REQUIRE(b == 0.0f);
  double sum = 0.0, squares = 0.0;
  const Matrix weight = parameter(mlp, "fc1.weight");
  for (float w : weight.values) {
    sum += double{w};
    squares += double{w} * double{w};
  }
  const auto count = static_cast<double>(weight.values.size());
  CHECK(std::abs(sum / count) < 4 * 0.02 / std::sqrt(count));
  CHECK(std::sqrt(squares / count) == doctest::Approx(0.02).epsilon(4 / std::sqrt(2 * count)));
}

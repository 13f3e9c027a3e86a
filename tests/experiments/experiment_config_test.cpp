#include "experiments/experiment_config.h"

#include <doctest/doctest.h>

#include "framework/core/error.h"
#include "framework/core/random.h"

namespace espalier {
namespace {

std::string hash_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  ExperimentConfig config = read_experiment(parse_config_text(text, "test.toml"), overrides);
  return config_hash(config);
}

constexpr const char* kPruned = R"(
name = "a"
seed = 2
model = { kind = "resnet18", width = 32 }
data = { kind = "cifar10", validation_images = 5000 }
augment = { crop_padding = 4, flip = true }
[[stage]]
kind = "train"
epochs = 12
optimizer = { kind = "sgd", lr = 0.2, momentum = 0.9, nesterov = true, weight_decay = 5e-4 }
schedule = { kind = "cosine", warmup_fraction = 0.05 }
label_smoothing = 0.1
[[stage.prune]]
sparsity = 0.5
schedule = { kind = "cubic", begin = 0.1, end = 0.6, every = 50 }
exclude = ["fc.*"]
)";

constexpr const char* kTransformer = "model = { kind = \"cct\", dim = 12, heads = 3 }\n[[stage]]\n";

// These hashes identify experiments that were run. They change only when a default, a key or the canonical
// form changes under them: then old results no longer belong to their configs, and that must be meant.
TEST_CASE("the hashes of configs stay what they are") {
  CHECK(hash_of("[[stage]]\n") == "aae3c7b04867e1c371dc93db142f5b8765d1942aacc44054c874838c827d566e");
  CHECK(hash_of(kPruned) == "afac736d16afa5230197912d0ef12d01044cfcd92e34aea6ea28e874f5470538");
  CHECK(hash_of(kTransformer) == "d55e7ecd3843e9b30352983241b118c2a6b0d1c36fd1b5cafba7647597af562b");
}

TEST_CASE("the hash is that of the experiment, not of its circumstances") {
  const std::string hash = hash_of(kPruned);
  CHECK(hash_of(kPruned, {"name=b"}) == hash);
  CHECK(hash_of(kPruned, {"data.path=/elsewhere"}) == hash);
  CHECK(hash_of(kPruned, {"checkpoint.every_steps=10"}) == hash);
  CHECK(hash_of(kPruned, {"stage.0.name=other"}) == hash);
  CHECK(hash_of(kPruned, {"seed=3"}) != hash);
  CHECK(hash_of(kPruned, {"stage.0.epochs=13"}) != hash);
  CHECK(hash_of(kPruned, {"stage.0.prune.0.sparsity=0.6"}) != hash);
  CHECK(hash_of(kPruned, {"model.width=16"}) != hash);
  CHECK(hash_of(kPruned, {"precision=f32"}) == hash);
  CHECK(hash_of(kPruned, {"precision=bf16"}) != hash);
  CHECK_THROWS_AS(hash_of(kPruned, {"precision=f16"}), Error);
}

TEST_CASE("a transformer's GELU is part of the experiment unless it is the exact one") {
  CHECK(hash_of(kTransformer, {"model.gelu=erf"}) == hash_of(kTransformer));
  CHECK(hash_of(kTransformer, {"model.gelu=tanh"}) != hash_of(kTransformer));
  CHECK_THROWS_WITH_AS(hash_of(kTransformer, {"model.gelu=tan"}), doctest::Contains("tanh"), Error);
}

TEST_CASE("a config damaged anywhere is read or refused with 2, and nothing worse") {
  const std::string whole = kPruned;
  Random random(9, "config mutations");
  for (int i = 0; i < 600; ++i) {
    std::string text = whole;
    const std::size_t at = random.below(static_cast<std::uint32_t>(text.size()));
    switch (i % 3) {
      case 0:
        text[at] = static_cast<char>(text[at] ^ (1 << random.below(8)));
        break;
      case 1:
        text = text.substr(0, at);
        break;
      default:
        text.insert(at, text.substr(random.below(static_cast<std::uint32_t>(text.size())), 12));
    }
    CAPTURE(text);
    try {
      hash_of(text);
    } catch (const Error& error) { CHECK(error.exit_code() == 2); }
  }
}

TEST_CASE("names that cannot be those of directories, and experiments without stages, are refused") {
  for (const char* text : {"", "name = \"a/b\"\n[[stage]]\n", "name = \"\"\n[[stage]]\n",
                           "name = \"..\"\n[[stage]]\n", "[[stage]]\nname = \"../x\"\n"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(hash_of(text), Error);
  }
}

}  // namespace
}  // namespace espalier

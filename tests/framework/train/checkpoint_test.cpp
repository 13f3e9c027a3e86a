#include "framework/train/checkpoint.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <functional>
#include <memory>

#include "framework/core/error.h"
#include "framework/core/files.h"
#include "framework/core/random.h"
#include "framework/nn/init.h"
#include "framework/nn/modules/linear.h"
#include "tests/support/temporary_directory.h"

namespace espalier::train {
namespace {

namespace fs = std::filesystem;

std::shared_ptr<nn::Module> sample_model() {
  auto model = std::make_shared<nn::Linear>(5, 3);
  nn::initialise(*model, 1);
  nn::Parameter& weight = *model->parameters()[0];
  weight.mask = Mask::ones(weight.value.shape());
  weight.mask.data()[4] = 0;
  weight.mask.apply_(weight.value);
  return model;
}

Checkpoint sample_checkpoint(nn::Module& model) {
  return {{{"note", "a test"}, {"step", 7}},
          model_tensors(model),
          NamedTensors{{"optimizer.weight.momentum", Tensor::full({3, 5}, 0.25f)}}};
}

int exit_code_of(const std::function<void()>& body) {
  try {
    body();
    return 0;
  } catch (const Error& error) { return error.exit_code(); }
}

int exit_code_of_loading(const fs::path& path) {
  return exit_code_of([&] {
    const std::shared_ptr<nn::Module> model = sample_model();
    load_model_tensors(*model, load_checkpoint(path).model);
  });
}

TEST_CASE("a checkpoint gives back model, masks and state as they were") {
  const testing::TemporaryDirectory directory;
  const std::shared_ptr<nn::Module> model = sample_model();
  save_checkpoint(directory.path() / "c", sample_checkpoint(*model));
  const Checkpoint read = load_checkpoint(directory.path() / "c");
  CHECK(read.about["step"] == 7);
  REQUIRE(read.state);
  CHECK(read.state->at(0).second.to_vector() == std::vector<float>(15, 0.25f));

  nn::Linear other(5, 3);
  nn::initialise(other, 2);
  CHECK(weights_sha256(other) != weights_sha256(*model));
  load_model_tensors(other, read.model);
  CHECK(weights_sha256(other) == weights_sha256(*model));
  CHECK(other.parameters()[0]->nonzeros() == 14);
}

TEST_CASE("saving again replaces the checkpoint and leaves nothing aside") {
  const testing::TemporaryDirectory directory;
  const std::shared_ptr<nn::Module> model = sample_model();
  Checkpoint checkpoint = sample_checkpoint(*model);
  save_checkpoint(directory.path() / "c", checkpoint);
  checkpoint.about["step"] = 8;
  checkpoint.state.reset();
  save_checkpoint(directory.path() / "c", checkpoint);
  const Checkpoint read = load_checkpoint(directory.path() / "c");
  CHECK(read.about["step"] == 8);
  CHECK(!read.state);
  CHECK(std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("a mask that its weights do not keep to, or that is no mask, is refused") {
  const std::shared_ptr<nn::Module> model = sample_model();
  const auto load_changed = [&](const std::function<void(NamedTensors&)>& change) {
    NamedTensors tensors;
    for (const auto& [name, tensor] : model_tensors(*model)) tensors.emplace_back(name, tensor.clone());
    change(tensors);
    nn::Linear other(5, 3);
    return exit_code_of([&] { load_model_tensors(other, tensors); });
  };
  const auto find = [](NamedTensors& tensors, const char* name) -> Tensor& {
    for (auto& [key, tensor] : tensors) {
      if (key == name) return tensor;
    }
    throw std::runtime_error(name);
  };
  CHECK(load_changed([](NamedTensors&) {}) == 0);
  CHECK(load_changed([&](NamedTensors& t) { find(t, "weight.mask").data<std::uint8_t>()[0] = 2; }) == 3);
  CHECK(load_changed([&](NamedTensors& t) { find(t, "weight").data()[4] = 1.0f; }) == 3);
  CHECK(load_changed([&](NamedTensors& t) { t.emplace_back("other.mask", find(t, "weight.mask")); }) == 3);
  CHECK(load_changed([&](NamedTensors& t) { t.emplace_back("extra", Tensor::scalar(1.0f)); }) == 3);
  CHECK(load_changed([&](NamedTensors& t) { t.erase(t.begin()); }) == 3);
  CHECK(load_changed([&](NamedTensors& t) {
          find(t, "weight.mask") = Tensor::zeros({3}, Layout::plain, DType::u8);
        }) == 3);
}

TEST_CASE("any change to any file of a checkpoint is noticed") {
  const testing::TemporaryDirectory directory;
  const std::shared_ptr<nn::Module> model = sample_model();
  const fs::path good = directory.path() / "good", bad = directory.path() / "bad";
  save_checkpoint(good, sample_checkpoint(*model));
  const auto with = [&](const char* file, const std::string& content) {
    fs::remove_all(bad);
    fs::copy(good, bad);
    testing::write_text(bad / file, content);
    return exit_code_of_loading(bad);
  };
  Random random(5, "mutations");
  for (const char* file : {"model.safetensors", "state.safetensors"}) {
    const std::string whole = read_file(good / file, 1 << 20);
    CHECK(with(file, whole) == 0);
    CHECK(with(file, whole + '\0') == 3);
    for (int i = 0; i < 120; ++i) {
      CAPTURE(file);
      CAPTURE(i);
      const std::size_t at = random.below(static_cast<std::uint32_t>(whole.size()));
      std::string flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << random.below(8)));
      CHECK(with(file, flipped) == 3);
      CHECK(with(file, whole.substr(0, at)) == 3);
    }
    fs::remove_all(bad);
    fs::copy(good, bad);
    fs::remove(bad / file);
    CHECK(exit_code_of_loading(bad) == 3);
  }
  // In the manifest a flip may hit a letter of the caller's own text; whatever it hits, nothing crashes.
  const std::string manifest = read_file(good / "manifest.json", 1 << 20);
  for (int i = 0; i < 300; ++i) {
    std::string flipped = manifest;
    const std::size_t at = random.below(static_cast<std::uint32_t>(manifest.size()));
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << random.below(8)));
    const int code = with("manifest.json", flipped);
    CHECK((code == 0 || code == 3));
    const int short_code = with("manifest.json", manifest.substr(0, at));
    CHECK((short_code == 3 || at + 1 == manifest.size()));
  }
}

TEST_CASE("manifests that lie are refused") {
  const testing::TemporaryDirectory directory;
  const std::shared_ptr<nn::Module> model = sample_model();
  const fs::path path = directory.path() / "c";
  save_checkpoint(path, sample_checkpoint(*model));
  const nlohmann::json good = nlohmann::json::parse(read_file(path / "manifest.json", 1 << 20));
  const auto with = [&](const std::function<void(nlohmann::json&)>& change) {
    nlohmann::json manifest = good;
    change(manifest);
    testing::write_text(path / "manifest.json", manifest.dump());
    return exit_code_of_loading(path);
  };
  using Json = nlohmann::json;
  CHECK(with([](Json&) {}) == 0);
  CHECK(with([](Json& m) { m = 3; }) == 3);
  CHECK(with([](Json& m) { m = Json::array(); }) == 3);
  CHECK(with([](Json& m) { m["format"] = "other"; }) == 3);
  CHECK(with([](Json& m) { m["version"] = 2; }) == 3);
  CHECK(with([](Json& m) { m["version"] = "1"; }) == 3);
  CHECK(with([](Json& m) { m.erase("version"); }) == 3);
  CHECK(with([](Json& m) { m.erase("files"); }) == 3);
  CHECK(with([](Json& m) { m["about"] = "text"; }) == 3);
  CHECK(with([](Json& m) { m["files"].erase("model.safetensors"); }) == 3);
  CHECK(with([](Json& m) { m["files"]["../../etc/passwd"] = m["files"]["model.safetensors"]; }) == 3);
  CHECK(with([](Json& m) { m["files"]["model.safetensors"]["size_bytes"] = 1; }) == 3);
  CHECK(with([](Json& m) { m["files"]["model.safetensors"]["size_bytes"] = -1; }) == 3);
  CHECK(with([](Json& m) { m["files"]["model.safetensors"]["size_bytes"] = 1e30; }) == 3);
  CHECK(with([](Json& m) { m["files"]["model.safetensors"]["sha256"] = "00"; }) == 3);
  CHECK(with([](Json& m) { m["files"]["model.safetensors"] = Json::array(); }) == 3);
  testing::write_text(path / "manifest.json", std::string(200000, '['));
  CHECK(exit_code_of_loading(path) == 3);
  fs::remove(path / "manifest.json");
  CHECK(exit_code_of_loading(path) == 5);
}

// Files of this process cannot grow beyond a size in a scope, as on a disk that is full.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t size_bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{size_bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_CASE("when the disk is full the old checkpoint stays whole and nothing is left behind") {
  const testing::TemporaryDirectory directory;
  const std::shared_ptr<nn::Module> model = sample_model();
  const fs::path path = directory.path() / "c";
  save_checkpoint(path, sample_checkpoint(*model));
  Checkpoint next = sample_checkpoint(*model);
  next.about["step"] = 8;
  rlim_t largest_file = 0;
  for (const auto& file : fs::directory_iterator(path))
    largest_file = std::max<rlim_t>(largest_file, file.file_size());
  for (const rlim_t limit : {rlim_t{0}, rlim_t{1}, rlim_t{100}, largest_file / 2, largest_file - 1}) {
    CAPTURE(limit);
    int code = 0;
    {
      const FileSizeLimit full(limit);
      code = exit_code_of([&] { save_checkpoint(path, next); });
    }
    CHECK(code == 5);
    CHECK(load_checkpoint(path).about["step"] == 7);
    CHECK(std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator()) == 1);
  }
}

TEST_CASE("a file that cannot be written says so") {
  CHECK(exit_code_of([] { DurableFile("/dev/full").write("x", 1); }) == 5);
  CHECK(exit_code_of([] { DurableFile("/nonexistent/x"); }) == 5);
  CHECK(exit_code_of([] { make_directories("/proc/espalier/x"); }) == 5);
  CHECK(exit_code_of([] { read_file("/nonexistent/x", 10); }) == 5);
}

}  // namespace
}  // namespace espalier::train

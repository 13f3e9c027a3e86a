// The configs that come with the program: a key that was renamed, a layer that a pattern no longer finds, are
// noticed here and not by who runs them.
#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>

#include "experiments/runner.h"
#include "experiments/sweep.h"
#include "tests/support/set_fields.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

// As many images as CIFAR-10 has. Nobody looks at them: nothing is trained.
class Unread : public datasets::Dataset {
 public:
  explicit Unread(std::int64_t size) : size_(size) {}
  std::int64_t size() const override { return size_; }
  Shape image_shape() const override { return {3, 32, 32}; }
  std::int64_t classes() const override { return 10; }
  std::int32_t label(std::int64_t) const override { throw std::logic_error("a label is read"); }
  std::int32_t read(std::int64_t, std::uint8_t*) const override {
    throw std::logic_error("an image is read");
  }

 private:
  std::int64_t size_;
};

// What `espalier run` does before the first step, with few channels: layers have the same names at any width.
void rehearse(const ConfigNode& document) {
  ExperimentConfig config = read_experiment(document);
  testing::SetFields narrow;
  narrow.numbers["width"] = 16;
  config.model->fields(narrow);
  datasets::Splits data;
  data.train = std::make_shared<Unread>(50000);
  data.test = std::make_shared<Unread>(10000);
  data.normalisation = {{0.5, 0.5, 0.5}, {0.25, 0.25, 0.25}};
  rehearse_experiment(config, data);
}

}  // namespace

TEST_CASE("every config is read, and so is every cell of every sweep; their stages refuse nothing") {
  int experiments = 0, sweeps = 0;
  for (const auto& entry :
       fs::directory_iterator(fs::path(ESPALIER_SOURCE_DIR) / "experiments" / "configs")) {
    CAPTURE(entry.path().filename().string());
    const ConfigNode document = parse_config_file(entry.path());
    if (!is_sweep(document)) {
      CHECK_NOTHROW(rehearse(document));
      ++experiments;
      continue;
    }
    std::optional<Sweep> sweep;
    REQUIRE_NOTHROW(sweep.emplace(entry.path(), std::vector<std::string>()));
    std::set<std::string> hashes;  // rows that the columns do not change have cells alike
    for (const SweepCell& cell : sweep->cells()) {
      CAPTURE(cell.label);
      if (hashes.insert(cell.hash).second) CHECK_NOTHROW(rehearse(cell.document));
    }
    ++sweeps;
  }
  CHECK(experiments > 0);
  CHECK(sweeps > 0);
}

}  // namespace espalier

#include "datasets/cifar10.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <map>

#include "tests/datasets/support.h"

using namespace espalier;
using namespace espalier::datasets;
using namespace espalier::datasets::testing;

namespace {

constexpr std::int64_t kImages = 20;  // a file of the small sets here

// Sets or clears $ESPALIER_DATA until the end of the scope.
class DataEnvironment {
 public:
  explicit DataEnvironment(const char* value) {
    const char* before = std::getenv("ESPALIER_DATA");
    if (before != nullptr) before_ = before;
    had_ = before != nullptr;
    set(value);
  }
  ~DataEnvironment() { set(had_ ? before_.c_str() : nullptr); }

 private:
  static void set(const char* value) {
    if (value == nullptr) {
      unsetenv("ESPALIER_DATA");
    } else {
      setenv("ESPALIER_DATA", value, 1);
    }
  }
  std::string before_;
  bool had_;
};

Splits load(const fs::path& path) {
  Cifar10Spec spec(kImages);
  spec.path = path.string();
  return spec.load();
}

}  // namespace

TEST_CASE("cifar10: reads labels and pixels in the order of the files") {
  const TemporaryDirectory directory;
  write_cifar10(directory.path(), kImages);
  const Splits splits = load(directory.path());
  CHECK(splits.name == "cifar10");
  CHECK(splits.description.find("100 training, 0 validation and 20 test images") != std::string::npos);
  REQUIRE(splits.train->size() == 5 * kImages);
  REQUIRE(splits.test->size() == kImages);
  CHECK(splits.validation == nullptr);
  CHECK(splits.train->image_shape() == Shape{3, 32, 32});
  CHECK(splits.train->classes() == 10);
  std::vector<std::uint8_t> image(kCifar10ImageBytes);
  for (std::int64_t i = 0; i < splits.train->size(); ++i) {
    const std::string records = cifar10_records(kImages, static_cast<std::uint64_t>(1 + i / kImages));
    const std::int32_t label = splits.train->read(i, image.data());
    const std::string record =
        records.substr(static_cast<std::size_t>(i % kImages * kCifar10RecordBytes), kCifar10RecordBytes);
    CHECK(label == record[0]);
    CHECK(label == splits.train->label(i));
    CHECK(record.substr(1) == std::string(image.begin(), image.end()));
  }
}

TEST_CASE("cifar10: validation images are taken out of the training data, the same share of each class") {
  const TemporaryDirectory directory;
  write_cifar10(directory.path(), kImages);
  Cifar10Spec spec(kImages);
  spec.path = directory.path().string();
  spec.validation_images = 30;
  spec.train_images = 50;
  const Splits splits = spec.load();
  CHECK(splits.train->size() == 50);
  CHECK(splits.validation->size() == 30);
  std::map<std::int32_t, int> count;
  for (std::int64_t i = 0; i < 30; ++i) ++count[splits.validation->label(i)];
  for (std::int32_t label = 0; label < 10; ++label) CHECK(count[label] == 3);
}

TEST_CASE("cifar10: the directory may be it or hold it, and $ESPALIER_DATA names it where no path is given") {
  const TemporaryDirectory directory;
  const fs::path files = write_cifar10(directory.path(), kImages);
  CHECK(load(files).train->size() == 5 * kImages);
  CHECK(load(files.string() + "/").train->size() == 5 * kImages);
  const fs::path renamed = directory.path() / "under another name";
  fs::rename(files, renamed);
  CHECK(load(renamed).train->size() == 5 * kImages);
  const DataEnvironment environment(renamed.c_str());
  CHECK(load("").train->size() == 5 * kImages);
}

TEST_CASE(
    "cifar10: when it is not found, the error says where it was looked for; or synthetic data stands in") {
  const TemporaryDirectory directory;
  const DataEnvironment environment(directory.path().c_str());
  check_error(ErrorKind::io, {"cifar-10-batches-bin", directory.path().string(), "espalier data get"},
              [] { load(""); });
  Cifar10Spec spec;
  spec.if_missing = "synthetic";
  spec.train_images = 40;
  const Splits splits = spec.load();
  CHECK(splits.name == "synthetic");
  CHECK(splits.train->size() == 40);
  // A path that was given is meant.
  spec.path = (directory.path() / "nowhere").string();
  check_error(ErrorKind::io, {"nowhere"}, [&] { spec.load(); });
}

TEST_CASE("cifar10: a damaged file is refused by name, and by byte where one is wrong") {
  struct Damage {
    std::string what;
    std::function<void(const fs::path&)> apply;
    ErrorKind kind;
    std::vector<std::string> text;
  };
  const auto rewrite = [](const std::function<void(std::string&)>& change) {
    return [change](const fs::path& file) {
      std::string bytes = cifar10_records(kImages, 99);
      change(bytes);
      write_file(file, bytes);
    };
  };
  std::vector<Damage> damages = {
      {"missing",
       [](const fs::path& f) { fs::remove(f); },
       ErrorKind::io,
       {"is missing", "espalier data get"}},
      {"directory",
       [](const fs::path& f) { fs::remove(f), fs::create_directory(f); },
       ErrorKind::io,
       {"no regular file"}},
      {"dangling link",
       [](const fs::path& f) { fs::remove(f), fs::create_symlink("nowhere", f); },
       ErrorKind::io,
       {"is missing"}},
      {"endless device",
       [](const fs::path& f) { fs::remove(f), fs::create_symlink("/dev/zero", f); },
       ErrorKind::io,
       {"no regular file"}},
      {"one byte more",
       rewrite([](std::string& b) { b += 'x'; }),
       ErrorKind::integrity,
       {"61460 bytes", "goes on"}},
      {"twice", rewrite([](std::string& b) { b += b; }), ErrorKind::integrity, {"61460 bytes", "goes on"}},
  };
  for (const std::size_t size : {0, 1, 3072, 3073, 30730, 61459}) {
    damages.push_back({"truncated",
                       rewrite([size](std::string& b) { b.resize(size); }),
                       ErrorKind::integrity,
                       {"61460 bytes", fmt::format("ends at byte {}", size)}});
  }
  for (const int image : {0, 7, 19}) {
    for (const int label : {10, 11, 64, 127, 128, 255}) {
      const int byte = image * 3073;
      damages.push_back(
          {"wrong label",
           rewrite([=](std::string& b) { b[static_cast<std::size_t>(byte)] = static_cast<char>(label); }),
           ErrorKind::integrity,
           {fmt::format("the label at byte {} ", byte), fmt::format("is {},", label)}});
    }
  }
  for (const char* file : {"data_batch_1.bin", "data_batch_4.bin", "test_batch.bin"}) {
    for (const Damage& damage : damages) {
      CAPTURE(file);
      CAPTURE(damage.what);
      const TemporaryDirectory directory;
      const fs::path files = write_cifar10(directory.path(), kImages);
      damage.apply(files / file);
      std::vector<std::string> text = damage.text;
      text.push_back(file);
      check_error(damage.kind, text, [&] { load(files); });
    }
  }
}

TEST_CASE("cifar10: flipped bits never crash the reader") {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "batch.bin";
  const std::string good = cifar10_records(kImages, 5);
  Random random(1, "flips");
  for (int round = 0; round < 200; ++round) {
    std::string bytes = good;
    bool label_stays = true;
    for (int flip = 0; flip < 3; ++flip) {
      // Every other flip hits a label, which is where it can matter.
      std::size_t at = random.below(static_cast<std::uint32_t>(bytes.size()));
      if (flip % 2 == 0) at -= at % kCifar10RecordBytes;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
    }
    for (std::size_t at = 0; at < bytes.size(); at += kCifar10RecordBytes) {
      label_stays = label_stays && static_cast<unsigned char>(bytes[at]) < 10;
    }
    write_file(file, bytes);
    if (label_stays) {
      CHECK(read_cifar10({file}, kImages)->size() == kImages);
    } else {
      check_error(ErrorKind::integrity, {"label at byte"}, [&] { read_cifar10({file}, kImages); });
    }
  }
}

TEST_CASE("cifar10: the real data set, where it is there") {
  // Tests run in the build folder: look from the source folder as well.
  std::optional<fs::path> directory = find_cifar10();
  const fs::path source = ESPALIER_SOURCE_DIR;
  for (const fs::path& place : {source / "data", source / ".." / "shared" / "data"}) {
    if (!directory && fs::is_directory(place)) directory = find_cifar10(place.string());
  }
  if (!directory) {
    MESSAGE("skipped: CIFAR-10 was not found (set ESPALIER_DATA)");
    return;
  }
  Cifar10Spec spec;
  spec.path = directory->string();
  spec.validation_images = 5000;
  const Splits splits = spec.load();
  CHECK(splits.train->size() == 45000);
  CHECK(splits.validation->size() == 5000);
  CHECK(splits.test->size() == 10000);
  std::map<std::int32_t, int> train, validation;
  for (std::int64_t i = 0; i < splits.train->size(); ++i) ++train[splits.train->label(i)];
  for (std::int64_t i = 0; i < splits.validation->size(); ++i) ++validation[splits.validation->label(i)];
  for (std::int32_t label = 0; label < 10; ++label) {
    CHECK(train[label] == 4500);
    CHECK(validation[label] == 500);
  }
  // The constants are those of the training images.
  const Normalisation measured = measure_normalisation(*splits.train);
  for (std::size_t c = 0; c < 3; ++c) {
    CHECK(measured.mean[c] == doctest::Approx(splits.normalisation.mean[c]).epsilon(0.003));
    CHECK(measured.stddev[c] == doctest::Approx(splits.normalisation.stddev[c]).epsilon(0.003));
  }
}

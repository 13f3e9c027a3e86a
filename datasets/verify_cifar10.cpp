#include "datasets/verify_cifar10.h"

#include <array>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "datasets/read_file.h"
#include "framework/core/error.h"
#include "framework/core/sha256.h"

namespace espalier::datasets {
namespace {

namespace fs = std::filesystem;

void check_class_counts(const Dataset& dataset, std::string_view what, const fs::path& directory) {
  std::array<std::int64_t, kCifar10Classes> count{};
  for (std::int64_t i = 0; i < dataset.size(); ++i) ++count[static_cast<std::size_t>(dataset.label(i))];
  const std::int64_t expected = dataset.size() / kCifar10Classes;
  for (std::size_t label = 0; label < count.size(); ++label) {
    if (count[label] != expected) {
      fail(ErrorKind::integrity, "cifar10", "the {} files in {} have {} images of class {}, expected {}",
           what, directory.string(), count[label], label, expected);
    }
  }
}

// File name -> sum. Lines as sha256sum writes them; '*' before the name marks binary mode.
std::map<std::string, std::string> read_sums(const fs::path& path) {
  constexpr std::size_t kMostBytes = 1 << 20;
  const std::vector<std::uint8_t> bytes = read_up_to(path, kMostBytes, "cifar10");
  std::istringstream text(std::string(bytes.begin(), bytes.end()));
  std::map<std::string, std::string> sums;
  std::string line;
  for (int number = 1; std::getline(text, line); ++number) {
    const bool well_formed = line.size() > 66 && line[64] == ' ' && (line[65] == ' ' || line[65] == '*') &&
                             line.find_first_not_of("0123456789abcdef") == 64;
    if (!well_formed) {
      fail(ErrorKind::integrity, "cifar10", "{}, line {}: expected 64 hex digits, two spaces and a file name",
           path.string(), number);
    }
    sums[line.substr(66)] = line.substr(0, 64);
  }
  return sums;
}

}  // namespace

Cifar10Verification verify_cifar10(const fs::path& directory, std::int64_t images_per_file) {
  std::vector<fs::path> files;
  for (const char* name : kCifar10TrainFiles) files.push_back(directory / name);
  Cifar10Verification result;
  const auto train = read_cifar10(files, images_per_file);
  check_class_counts(*train, "training", directory);
  const auto test = read_cifar10({directory / kCifar10TestFile}, images_per_file);
  check_class_counts(*test, "test", directory);
  result.train_images = train->size();
  result.test_images = test->size();

  std::error_code error;
  if (!fs::exists(directory / kSumsFile, error)) return result;
  const std::map<std::string, std::string> sums = read_sums(directory / kSumsFile);
  files.push_back(directory / kCifar10TestFile);
  for (const fs::path& file : files) {
    const auto sum = sums.find(file.filename().string());
    if (sum == sums.end()) {
      fail(ErrorKind::integrity, "cifar10", "{} has no line for {}", (directory / kSumsFile).string(),
           file.filename().string());
    }
    const std::string actual = sha256_file(file);
    if (actual != sum->second) {
      fail(ErrorKind::integrity, "cifar10", "{} has SHA-256 {}, {} says {}; it is damaged or was changed",
           file.string(), actual, kSumsFile, sum->second);
    }
  }
  result.sums_checked = true;
  return result;
}

}  // namespace espalier::datasets

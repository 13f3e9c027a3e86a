// espalier data get|verify cifar10
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "datasets/get_cifar10.h"
#include "datasets/verify_cifar10.h"
#include "experiments/cli/command.h"
#include "experiments/reporter.h"
#include "framework/core/error.h"
#include "framework/core/suggest.h"
#include "framework/train/stop.h"

namespace espalier::cli {
namespace {

constexpr const char* kWhere = "espalier data";

void require_cifar10(const std::string& name) {
  if (name == "cifar10") return;
  fail(ErrorKind::usage, kWhere, "there is no data set '{}' to get{}; only cifar10 comes from the network",
       name, did_you_mean(name, {"cifar10"}));
}

std::string option(const cxxopts::ParseResult& arguments, const char* name, const char* otherwise) {
  return arguments.count(name) > 0 ? arguments[name].as<std::string>() : otherwise;
}

std::filesystem::path get(const cxxopts::ParseResult& arguments, Reporter& reporter) {
  train::catch_stop_signals();
  datasets::GetOptions options;
  if (arguments.count("mirror") > 0) options.mirror = arguments["mirror"].as<std::string>();
  if (arguments.count("from") > 0) options.from = arguments["from"].as<std::string>();
  options.download.progress = [&](std::int64_t done, std::int64_t total) {
    reporter.live(fmt::format("{:.1f} of {:.1f} MB", static_cast<double>(done) * 1e-6,
                              static_cast<double>(total) * 1e-6));
    return !train::stop_requested();
  };
  return datasets::get_cifar10(option(arguments, "dir", "data"), options);
}

}  // namespace

int data(int argc, char** argv) {
  cxxopts::Options options(
      "espalier data", "get: download, check and unpack a data set.  verify: is it complete and undamaged?");
  options.add_options()("dir", "where it goes (get: data/) or lies (verify: searched for)",
                        cxxopts::value<std::string>(), "DIR")(
      "mirror", "another URL of the archive, or of its directory (ends in /)", cxxopts::value<std::string>(),
      "URL")("from", "an archive that is already here", cxxopts::value<std::string>(), "FILE")(
      "json", "the outcome as JSON")("action", "get or verify", cxxopts::value<std::string>(), "ACTION")(
      "name", "cifar10", cxxopts::value<std::string>(), "NAME");
  options.parse_positional({"action", "name"});
  const auto arguments = parse(options, argc, argv, "get|verify cifar10");
  if (!arguments) return 0;
  const std::string action = required(*arguments, "action");
  if (action != "get" && action != "verify") {
    fail(ErrorKind::usage, kWhere, "there is no action '{}'{} (known: get, verify)", action,
         did_you_mean(action, {"get", "verify"}));
  }
  require_cifar10(required(*arguments, "name"));
  const bool json = arguments->count("json") > 0;
  Reporter reporter(json ? stderr : stdout);
  const std::filesystem::path directory = action == "get"
                                              ? get(*arguments, reporter)
                                              : datasets::cifar10_directory(option(*arguments, "dir", ""));
  const datasets::Cifar10Verification verified = datasets::verify_cifar10(directory);
  if (json) {
    const nlohmann::ordered_json result = {{"directory", directory.string()},
                                           {"train_images", verified.train_images},
                                           {"test_images", verified.test_images},
                                           {"sums_checked", verified.sums_checked}};
    print_json(result);
  } else {
    reporter.line(fmt::format("{}: {} training and {} test images, {}", directory.string(),
                              verified.train_images, verified.test_images,
                              verified.sums_checked ? "checksums right" : "no SHA256SUMS to compare with"));
  }
  return 0;
}

}  // namespace espalier::cli

#include "framework/tune/choices.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "framework/core/error.h"

namespace espalier::tune {
namespace {

// Beyond them a figure or a name cannot mean what it says.
constexpr double kLargest = 1e6;
constexpr std::size_t kLongestName = 200;

double read_figure(const nlohmann::json& json, const char* key) {
  const auto value = json.at(key).get<double>();
  if (!std::isfinite(value) || value < 0.0 || value > kLargest)
    fail(ErrorKind::integrity, "kernels", "'{}' is {}", key, value);
  return value;
}

// A kernel's name, which may be printed.
std::string read_name(const std::string& name) {
  const bool sane = name.size() <= kLongestName &&
                    std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (!sane) fail(ErrorKind::integrity, "kernels", "a kernel's name is none");
  return name;
}

DenseChoice read_dense(const nlohmann::json& json) {
  DenseChoice choice{read_name(json.at("kernel")), {}};
  if (!json.contains("ms")) return choice;
  for (const auto& [kernel, ms] : json.at("ms").items()) choice.ms[read_name(kernel)] = ms.get<double>();
  return choice;
}

BreakEven read_break_even(const nlohmann::json& json) {
  return {read_figure(json, "density"), read_figure(json, "at_zero"), read_name(json.at("against"))};
}

}  // namespace

double BreakEven::cost(double kept_density) const {
  if (density == 0.0) return 2.0;
  return at_zero + (1.0 - at_zero) * (kept_density / density);
}

void Choices::add(const Choices& others) {
  dense.insert(others.dense.begin(), others.dense.end());
  break_even.insert(others.break_even.begin(), others.break_even.end());
}

std::string dense_key(const LayerShape& shape, kernels::Conv2dPass pass) {
  return shape_name(at_compared_batch(shape)) + " " + pass_name(pass);
}

std::string sparse_key(const LayerShape& shape, kernels::Conv2dPass pass, int block_size) {
  return fmt::format("{} {}x{}", dense_key(shape, pass), block_size, block_size);
}

nlohmann::ordered_json to_json(const Choices& choices) {
  nlohmann::ordered_json json = {{"dense", nlohmann::ordered_json::object()},
                                 {"break_even", nlohmann::ordered_json::object()}};
  for (const auto& [key, choice] : choices.dense) {
    nlohmann::ordered_json& entry = json["dense"][key] = {{"kernel", choice.kernel}};
    for (const auto& [kernel, ms] : choice.ms) entry["ms"][kernel] = ms;
  }
  for (const auto& [key, even] : choices.break_even) {
    json["break_even"][key] = {
        {"density", even.density}, {"at_zero", even.at_zero}, {"against", even.against}};
  }
  return json;
}

Choices choices_from_json(const nlohmann::json& json) {
  Choices choices;
  try {
    for (const auto& [key, entry] : json.at("dense").items()) choices.dense[key] = read_dense(entry);
    for (const auto& [key, entry] : json.at("break_even").items())
      choices.break_even[key] = read_break_even(entry);
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::integrity, "kernels", "{}", error.what());
  }
  return choices;
}

}  // namespace espalier::tune

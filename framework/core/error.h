// Errors that a person can act on: where, what was expected, what arrived, what to try.
//
//   check(weight.dim(1) == channels, "conv2d", "weight expects {} input channels, got {}; check groups",
//   ...);
//   -> [conv2d] weight expects 64 input channels, got 32; check groups
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>  // fmt::join: from fmt 11 on it stands there

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace espalier {

// What went wrong decides the exit code of the program; the values are those codes.
enum class ErrorKind {
  failure = 1,     // anything else
  usage = 2,       // command line or config
  integrity = 3,   // data or checkpoint is not what it claims to be
  not_finite = 4,  // NaN or Inf in training
  io = 5,          // the system refused to read or write
  stopped = 75,    // stopped by a signal; resumable
};

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, std::string_view where, std::string_view message)
      : std::runtime_error(fmt::format("[{}] {}", where, message)), kind_(kind) {}

  ErrorKind kind() const { return kind_; }
  int exit_code() const { return static_cast<int>(kind_); }

 private:
  ErrorKind kind_;
};

template <class... Args>
[[noreturn]] void fail(ErrorKind kind, std::string_view where, fmt::format_string<Args...> format,
                       Args&&... args) {
  throw Error(kind, where, fmt::format(format, std::forward<Args>(args)...));
}

// Throws Error (failure) unless the condition holds.
template <class... Args>
void check(bool condition, std::string_view where, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) throw Error(ErrorKind::failure, where, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace espalier

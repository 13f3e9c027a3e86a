// What a machine has measured, kept for the next process: $XDG_CACHE_HOME/espalier/kernels-<hash>.json, or
// ~/.cache/espalier/. One file for each CPU, ISA, number of threads and build, which its name is a hash of.
//
// Nothing depends on it but time: a file that is damaged, lies or cannot be written is reported, and done
// without.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "framework/tune/choices.h"

namespace espalier::tune {

// What measurements depend on besides the shape.
struct Machine {
  std::string cpu, isa;
  int threads = 1;
  std::string build;
};

// Where caches lie; empty when neither XDG_CACHE_HOME nor HOME says so.
std::filesystem::path cache_directory();

class Cache {
 public:
  // `directory` may be missing; empty: nothing is kept. `warn` hears what is wrong with the file.
  Cache(const std::filesystem::path& directory, Machine machine,
        std::function<void(const std::string&)> warn);

  const std::filesystem::path& path() const { return path_; }

  // What it holds; nothing where there is no file.
  Choices load() const;

  // Adds to the file as it is by now: another process may have written it. What is there stays, so that all
  // agree in the end.
  void add(const Choices& measured) const;

 private:
  std::filesystem::path path_;
  Machine machine_;
  std::function<void(const std::string&)> warn_;
};

}  // namespace espalier::tune

// SHA-256 (FIPS 180-4, by OpenSSL): the identity of data, checkpoints and configs.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace espalier {

// Of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(const void* data, std::size_t size_bytes);
  // The digest as 64 lower-case hex digits. Ends the sum: no update() after it.
  std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string sha256_hex(std::string_view bytes);
// Of a file's content; throws Error (io) when it cannot be read.
std::string sha256_file(const std::filesystem::path& path);

}  // namespace espalier

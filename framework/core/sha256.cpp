#include "framework/core/sha256.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "framework/core/error.h"

namespace espalier {

struct Sha256::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  const bool ready = context_->evp != nullptr && EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr) == 1;
  check(ready, "sha256", "OpenSSL offers no SHA-256; is a restricted provider configured?");
}

Sha256::~Sha256() = default;

void Sha256::update(const void* data, std::size_t size_bytes) {
  check(EVP_DigestUpdate(context_->evp, data, size_bytes) == 1, "sha256",
        "OpenSSL refused the bytes; was update() called after hex()?");
}

std::string Sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  check(EVP_DigestFinal_ex(context_->evp, digest.data(), &size) == 1, "sha256", "hex() was called twice");
  std::string text;
  for (unsigned int i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 sum;
  sum.update(bytes.data(), bytes.size());
  return sum.hex();
}

std::string sha256_file(const std::filesystem::path& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) fail(ErrorKind::io, "sha256", "cannot open {}: {}", path.string(), std::strerror(errno));
  Sha256 sum;
  std::vector<char> buffer(1 << 18);
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    sum.update(buffer.data(), got);
  }
  if (std::ferror(file.get())) {
    fail(ErrorKind::io, "sha256", "cannot read {}: {}", path.string(), std::strerror(errno));
  }
  return sum.hex();
}

}  // namespace espalier

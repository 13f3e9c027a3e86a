#include "framework/core/sha256.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "framework/core/error.h"

using namespace espalier;

// The examples of FIPS 180-2.
constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kMillionA = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST_CASE("sha256 agrees with the standard's examples") {
  CHECK(sha256_hex("") == kEmpty);
  CHECK(sha256_hex("abc") == kAbc);
  Sha256 pieces;
  const std::string piece(100, 'a');
  for (int i = 0; i < 10000; ++i) pieces.update(piece.data(), piece.size());
  CHECK(pieces.hex() == kMillionA);
}

TEST_CASE("sha256_file reads a whole file, and names one that it cannot read") {
  const std::filesystem::path path = std::filesystem::temp_directory_path() / "espalier_sha256_test";
  std::ofstream(path) << std::string(1000000, 'a');
  CHECK(sha256_file(path) == kMillionA);
  std::filesystem::remove(path);
  for (const std::filesystem::path& unreadable : {path, std::filesystem::temp_directory_path()}) {
    try {
      sha256_file(unreadable);
      FAIL("expected an error");
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::io);
      CHECK(std::string(error.what()).find(unreadable.string()) != std::string::npos);
    }
  }
}

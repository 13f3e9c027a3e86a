#include "framework/train/safetensors.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "framework/core/error.h"
#include "framework/core/files.h"
#include "framework/core/random.h"
#include "tests/support/temporary_directory.h"

namespace espalier::train {
namespace {

namespace fs = std::filesystem;

Tensor bytes_tensor(const std::vector<std::uint8_t>& values, const Shape& shape) {
  Tensor tensor = Tensor::empty(shape, Layout::plain, DType::u8);
  std::memcpy(tensor.bytes(), values.data(), values.size());
  return tensor;
}

NamedTensors sample() {
  return {{"conv.weight", Tensor::from({1.0f, -2.5f, 0.0f, 3e-20f, 5.0f, 6.0f}, {2, 3})},
          {"conv.weight.mask", bytes_tensor({1, 0, 1}, {3})},
          {"loss", Tensor::scalar(0.5f)}};
}

std::string file_of(const std::string& header, const std::string& data) {
  const std::uint64_t size = header.size();
  std::string bytes(reinterpret_cast<const char*>(&size), sizeof size);
  return bytes + header + data;
}

// The exit code that reading gives; 0 when it succeeds.
int exit_code_of(const fs::path& path) {
  try {
    read_safetensors(path);
    return 0;
  } catch (const Error& error) { return error.exit_code(); }
}

TEST_CASE("tensors come back from a file as they were, bit for bit") {
  const testing::TemporaryDirectory directory;
  const fs::path path = directory.path() / "x.safetensors";
  const NamedTensors written = sample();
  const WrittenFile file = write_safetensors(path, written);
  CHECK(fs::file_size(path) == static_cast<std::uintmax_t>(file.size_bytes));
  NamedTensors read = read_safetensors(path);
  REQUIRE(read.size() == written.size());
  for (const auto& [name, tensor] : written) {
    const auto found =
        std::find_if(read.begin(), read.end(), [&name = name](const auto& r) { return r.first == name; });
    REQUIRE(found != read.end());
    CHECK(found->second.shape() == tensor.shape());
    REQUIRE(found->second.dtype() == tensor.dtype());
    const std::size_t size = static_cast<std::size_t>(tensor.numel()) * size_bytes(tensor.dtype());
    CHECK(std::memcmp(found->second.bytes(), tensor.bytes(), size) == 0);
  }
}

TEST_CASE("headers that lie are refused") {
  const testing::TemporaryDirectory directory;
  const fs::path path = directory.path() / "x.safetensors";
  const std::string good = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  const std::string data(8, '\0');
  testing::write_text(path, file_of(good, data));
  REQUIRE(exit_code_of(path) == 0);
  const struct {
    const char* what;
    std::string header;
    std::string data;
  } cases[] = {
      {"no JSON", "{", data},
      {"not an object", "[1]", data},
      {"empty", "", data},
      {"trailing text", good + "x", data},
      {"unknown type", R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})", data},
      {"type is a number", R"({"a":{"dtype":4,"shape":[2],"data_offsets":[0,8]}})", data},
      {"a key is missing", R"({"a":{"dtype":"F32","shape":[2]}})", data},
      {"a key too many", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})", data},
      {"shape disagrees", R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", data},
      {"shape overflows", R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}})",
       data},
      {"size is negative", R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", data},
      {"size is zero", R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})", ""},
      {"size is a fraction", R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", data},
      {"rank too high", R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,2],"data_offsets":[0,8]}})", data},
      {"offsets reversed", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", data},
      {"offset beyond", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", data},
      {"offset negative", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}})", data},
      {"three offsets", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}})", data},
      {"offset huge", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}})", data},
      {"gap before", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", data},
      {"gap after", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", data},
      {"overlap",
       R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       data},
      {"name twice",
       R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       data},
      {"no name", R"({"":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", data},
      {"name with a control character", R"({"a\n":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", data},
      {"name too long",
       R"({")" + std::string(600, 'n') + R"(":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", data},
      {"nested without end", std::string(100000, '['), data},
      {"nested objects", R"({"a":{"dtype":{"a":{"a":{"a":{"a":1}}}},"shape":[2],"data_offsets":[0,8]}})",
       data},
      {"invalid UTF-8", "{\"\xff\xfe\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", data},
      {"data without tensors", "{}", data},
  };
  for (const auto& bad : cases) {
    CAPTURE(bad.what);
    testing::write_text(path, file_of(bad.header, bad.data));
    CHECK(exit_code_of(path) == 3);
  }
}

TEST_CASE("a header size that lies is refused before memory is taken for it") {
  const testing::TemporaryDirectory directory;
  const fs::path path = directory.path() / "x.safetensors";
  for (const std::uint64_t size :
       {std::uint64_t{1}, std::uint64_t{1000}, std::uint64_t{1} << 40, ~std::uint64_t{0}}) {
    std::string bytes(reinterpret_cast<const char*>(&size), sizeof size);
    testing::write_text(path, bytes);
    CHECK(exit_code_of(path) == 3);
  }
}

TEST_CASE("a file cut short anywhere is refused") {
  const testing::TemporaryDirectory directory;
  const fs::path path = directory.path() / "x.safetensors";
  write_safetensors(path, sample());
  const std::string whole = read_file(path, 1 << 20);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    testing::write_text(path, whole.substr(0, size));
    CHECK(exit_code_of(path) == 3);
  }
}

TEST_CASE("a bit flipped in the header is refused or harmless, never a crash") {
  const testing::TemporaryDirectory directory;
  const fs::path path = directory.path() / "x.safetensors";
  write_safetensors(path, sample());
  const std::string whole = read_file(path, 1 << 20);
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, whole.data(), sizeof header_bytes);
  Random random(3, "bit flips");
  for (int i = 0; i < 300; ++i) {
    std::string flipped = whole;
    const std::size_t at = random.below(static_cast<std::uint32_t>(8 + header_bytes));
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << random.below(8)));
    testing::write_text(path, flipped);
    const int code = exit_code_of(path);
    CAPTURE(at);
    CHECK((code == 0 || code == 3));  // 0: a letter of a name
  }
}

TEST_CASE("a missing file is an error of input, not of integrity") {
  const testing::TemporaryDirectory directory;
  CHECK(exit_code_of(directory.path() / "none") == 5);
}

}  // namespace
}  // namespace espalier::train

// The safetensors format (https://huggingface.co/docs/safetensors): tensors by name in one file that Python
// and others open as it is.
//
//   8 bytes   n, little endian
//   n bytes   JSON: { "name": { "dtype": "F32", "shape": [64, 3, 3, 3], "data_offsets": [begin, end] }, ... }
//   the rest  the tensors' bytes, row-major, little endian; offsets count from here
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "framework/tensor/named_tensors.h"

namespace espalier::train {

struct WrittenFile {
  std::int64_t size_bytes = 0;
  std::string sha256;
};

// Writes plain tensors, in an order that keeps each aligned to its element size. Returns once they are on the
// disk. Throws Error (io).
WrittenFile write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors);

// Throws Error (io) when the file cannot be read, and (integrity), saying what is wrong, when it is no
// safetensors file to the letter: every name, type, shape and offset is checked, offsets must cover the data
// without gap or overlap, and nothing is allocated that the file does not hold.
NamedTensors read_safetensors(const std::filesystem::path& path);

}  // namespace espalier::train

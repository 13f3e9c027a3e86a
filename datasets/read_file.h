// Files from outside, read with care: no device or pipe, never more bytes than asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

namespace espalier::datasets {

// The first `limit` bytes of a regular file, or all where it has fewer. Throws Error (io) in the name of
// `where` when it is missing (then with `advice`), no regular file or not readable.
std::vector<std::uint8_t> read_up_to(const std::filesystem::path& path, std::size_t limit,
                                     std::string_view where, std::string_view advice = "check the path");

}  // namespace espalier::datasets

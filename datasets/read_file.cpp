#include "datasets/read_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>

#include "framework/core/error.h"

namespace espalier::datasets {

std::vector<std::uint8_t> read_up_to(const std::filesystem::path& path, std::size_t limit,
                                     std::string_view where, std::string_view advice) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) {
    fail(ErrorKind::io, where, "{} is missing; {}", path.string(), advice);
  }
  if (status.type() == fs::file_type::none) {
    fail(ErrorKind::io, where, "cannot look at {}: {}", path.string(), error.message());
  }
  // A device or pipe would be read without end.
  if (!fs::is_regular_file(status)) fail(ErrorKind::io, where, "{} is no regular file", path.string());
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) fail(ErrorKind::io, where, "cannot open {}: {}", path.string(), std::strerror(errno));

  const std::uintmax_t size = fs::file_size(path, error);
  std::vector<std::uint8_t> bytes(error ? limit : std::min<std::uintmax_t>(limit, size));
  const std::size_t got = bytes.empty() ? 0 : std::fread(bytes.data(), 1, bytes.size(), file.get());
  if (std::ferror(file.get())) {
    fail(ErrorKind::io, where, "cannot read {}: {}", path.string(), std::strerror(errno));
  }
  bytes.resize(got);
  return bytes;
}

}  // namespace espalier::datasets

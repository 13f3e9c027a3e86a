#include "datasets/find_data.h"

#include <cstdlib>
#include <system_error>

namespace espalier::datasets {
namespace {

namespace fs = std::filesystem;

// Without throwing: a directory that may not be looked into holds no data.
bool directory_at(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

bool something_at(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

}  // namespace

std::vector<fs::path> data_directories(const std::string& configured) {
  if (!configured.empty()) return {configured};
  const char* environment = std::getenv("ESPALIER_DATA");
  if (environment != nullptr && *environment != '\0') return {environment};
  return {"data", fs::path("..") / "shared" / "data"};
}

std::optional<fs::path> find_data(const std::vector<fs::path>& directories, std::string_view name,
                                  std::string_view sign_file) {
  for (const fs::path& given : directories) {
    const fs::path directory = given.has_filename() ? given : given.parent_path();  // "a/b/" is called b
    if (directory_at(directory / name)) return directory / name;
    if (directory_at(directory) && (directory.filename() == name || something_at(directory / sign_file)))
      return directory;
  }
  return std::nullopt;
}

}  // namespace espalier::datasets

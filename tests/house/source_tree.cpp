#include "tests/house/source_tree.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace espalier::house {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = ESPALIER_SOURCE_DIR;

bool ends_in(const std::string& name, const std::vector<std::string>& endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](const std::string& ending) { return name.ends_with(ending); });
}

}  // namespace

std::string SourceFile::folder() const {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::vector<std::string> first_level_folders() {
  return {"datasets", "experiments", "framework", "kernels", "models", "pruning", "tests"};
}

std::vector<SourceFile> source_files(const std::string& below, const std::vector<std::string>& endings) {
  std::vector<SourceFile> files;
  const auto take = [&](const fs::directory_entry& entry) {
    if (!entry.is_regular_file() || !ends_in(entry.path().filename().string(), endings)) return;
    std::ifstream in(entry.path(), std::ios::binary);
    files.push_back({fs::relative(entry.path(), kRoot).generic_string(),
                     {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()}});
  };
  if (below.empty()) {
    for (const fs::directory_entry& entry : fs::directory_iterator(kRoot)) take(entry);
  }
  for (const std::string& folder : first_level_folders()) {
    if (!below.empty() && !(below + "/").starts_with(folder + "/")) continue;
    for (const fs::directory_entry& entry :
         fs::recursive_directory_iterator(kRoot / (below.empty() ? folder : below)))
      take(entry);
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

}  // namespace espalier::house

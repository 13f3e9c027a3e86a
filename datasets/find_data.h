// Where data lies.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace espalier::datasets {

// The directories in which data is looked for: `configured` alone where it is not empty, else $ESPALIER_DATA
// alone where it is set, else data/ and then ../shared/data/.
std::vector<std::filesystem::path> data_directories(const std::string& configured);

// The first of these directories that is the data set `name`, or holds it as a subdirectory of that name. A
// directory is the data set when it is called so or has a file `sign_file`.
std::optional<std::filesystem::path> find_data(const std::vector<std::filesystem::path>& directories,
                                               std::string_view name, std::string_view sign_file);

}  // namespace espalier::datasets

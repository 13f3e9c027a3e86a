#include "experiments/cli/lists.h"

#include <algorithm>
#include <cstdlib>

#include "framework/core/error.h"

namespace espalier::cli {

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> found;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" ,", begin), text.size());
    if (end > begin) found.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return found;
}

std::vector<double> numbers(const std::string& text, const std::string& option) {
  std::vector<double> found;
  for (const std::string& word : words(text)) {
    char* end = nullptr;
    found.push_back(std::strtod(word.c_str(), &end));
    if (*end != '\0') fail(ErrorKind::usage, "espalier", "--{} expects numbers, got '{}'", option, word);
  }
  return found;
}

}  // namespace espalier::cli

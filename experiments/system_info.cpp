#include "experiments/system_info.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <fstream>

#include "kernels/base/parallel.h"

namespace espalier {
namespace {

// The rest of the first line that begins with `key`, without the colon and blanks; "" when there is none.
std::string line_value(const char* file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t begin = line.find_first_not_of(" \t:", key.size());
    if (begin != std::string::npos) return line.substr(begin);
  }
  return "";
}

// "16384 kB" -> 16777216; 0 for anything else.
std::int64_t kilobytes(const std::string& text) {
  std::int64_t value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') break;
    value = 10 * value + (c - '0');
  }
  return 1024 * value;
}

}  // namespace

std::string cpu_model() {
  for (const char* key : {"model name", "Model", "Hardware"}) {
    const std::string model = line_value("/proc/cpuinfo", key);
    if (!model.empty()) return model;
  }
  return "unknown";
}

std::int64_t memory_bytes() { return kilobytes(line_value("/proc/meminfo", "MemTotal")); }
std::int64_t memory_available_bytes() { return kilobytes(line_value("/proc/meminfo", "MemAvailable")); }
std::int64_t process_bytes() { return kilobytes(line_value("/proc/self/status", "VmRSS")); }
std::int64_t peak_process_bytes() { return kilobytes(line_value("/proc/self/status", "VmHWM")); }

std::int64_t minor_page_faults() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

std::string openmp_runtime() {
#if defined(_OPENMP)
  constexpr int kYearMonth = _OPENMP;  // of the standard
  const char* standard = kYearMonth >= 202011   ? "5.1"
                         : kYearMonth >= 201811 ? "5.0"
                         : kYearMonth >= 201511 ? "4.5"
                                                : "older than 4.5";
  Dl_info library = {};
  const bool found = dladdr(reinterpret_cast<const void*>(&omp_get_max_threads), &library) != 0;
  return fmt::format("{}, OpenMP {}", found ? library.dli_fname : "unknown library", standard);
#else
  return "none: compiled without OpenMP";
#endif
}

std::string large_pages() {
  // "always [madvise] never": the brackets show the setting.
  const std::string setting = line_value("/sys/kernel/mm/transparent_hugepage/enabled", "");
  const std::size_t begin = setting.find('['), end = setting.find(']');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return "unknown";
  return setting.substr(begin + 1, end - begin - 1);
}

}  // namespace espalier

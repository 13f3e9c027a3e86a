// What machine this is, as Linux tells it.
#pragma once

#include <cstdint>
#include <string>

namespace espalier {

std::string cpu_model();      // "AMD EPYC 9755"; "unknown" where the system does not say
std::int64_t memory_bytes();  // of the machine; 0 where the system does not say
std::int64_t memory_available_bytes();
// The memory that this process has now, and the most that it has had.
std::int64_t process_bytes();
std::int64_t peak_process_bytes();
// How often the system has given this process a page, or mapped one anew, without reading it from a disk.
std::int64_t minor_page_faults();
// The library that runs the parallel loops: "/lib/x86_64-linux-gnu/libgomp.so.1, OpenMP 4.5".
std::string openmp_runtime();
// "madvise", "always", "never", or "unknown": does the system give large pages to those who ask?
std::string large_pages();

}  // namespace espalier

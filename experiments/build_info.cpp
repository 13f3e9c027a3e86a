#include "experiments/build_info.h"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>

#include <cstring>

namespace espalier {
namespace {

std::size_t aligned(std::size_t size) { return (size + 3) / 4 * 4; }

// The name in the first note of a loaded object that has one, as hex digits.
int find_build_id(dl_phdr_info* object, std::size_t, void* result) {
  auto& id = *static_cast<std::string*>(result);
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    const char* note = reinterpret_cast<const char*>(object->dlpi_addr + segment.p_vaddr);
    const char* const end = note + segment.p_memsz;
    while (note + sizeof(ElfW(Nhdr)) <= end) {
      ElfW(Nhdr) header;
      std::memcpy(&header, note, sizeof header);
      const char* const name = note + sizeof header;
      const char* const value = name + aligned(header.n_namesz);
      if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0) {
        for (std::size_t byte = 0; byte < header.n_descsz; ++byte)
          id += fmt::format("{:02x}", static_cast<unsigned char>(value[byte]));
        return 1;
      }
      note = value + aligned(header.n_descsz);
    }
  }
  return 1;  // the program comes first: no other object counts
}

}  // namespace

std::string build_id() {
  std::string id;
  dl_iterate_phdr(find_build_id, &id);
  return id;
}

std::string build_description() {
#if defined(__clang__)
  const std::string compiler =
      fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  const std::string compiler = fmt::format("g++ {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
#if defined(NDEBUG)
  const char* const assertions = "without assertions";
#else
  const char* const assertions = "with assertions";
#endif
  return fmt::format("{}, {}, {}", ESPALIER_VERSION, compiler, assertions);
}

}  // namespace espalier

// Unpacks the files that are expected from an archive, and nothing else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace espalier::datasets {

struct ArchiveMember {
  std::string path;  // in the archive: "cifar-10-batches-bin/test_batch.bin"
  std::int64_t size_bytes = 0;
};

// Was the program built with libarchive?
bool can_unpack();

// Writes the members of a .tar.gz file to `directory`, each under the last part of its path; what else the
// archive holds is passed over. Names in the archive never become paths. Throws Error: io when something
// cannot be read or written, integrity when a member is missing, comes twice, is no plain file or has another
// size.
void unpack(const std::filesystem::path& archive, const std::vector<ArchiveMember>& members,
            const std::filesystem::path& directory);

}  // namespace espalier::datasets

#include "datasets/get_cifar10.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "datasets/archive.h"
#include "datasets/verify_cifar10.h"
#include "framework/core/sha256.h"
#include "tests/datasets/http_server.h"
#include "tests/datasets/support.h"

using namespace espalier;
using namespace espalier::datasets;
using namespace espalier::datasets::testing;

namespace {

constexpr std::int64_t kImages = 20;
const std::string kNames = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";

struct Entry {
  std::string path;
  std::string content;
  char type = '0';  // 0 file, 1 hard link, 2 symbolic link, 5 directory
  std::string link = {};
};

// A tar file, as POSIX ustar lays it out.
std::string tar(const std::vector<Entry>& entries) {
  std::string result;
  for (const Entry& entry : entries) {
    std::string header(512, '\0');
    const auto put = [&](std::size_t at, const std::string& text) { header.replace(at, text.size(), text); };
    put(0, entry.path);
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, fmt::format("{:011o}", entry.content.size()));
    put(136, "00000000000");
    put(148, "        ");
    put(156, std::string(1, entry.type));
    put(157, entry.link);
    put(257, std::string("ustar\0"
                         "00",
                         8));
    unsigned sum = 0;
    for (const unsigned char c : header) sum += c;
    put(148, fmt::format("{:06o}", sum) + '\0' + ' ');
    result += header + entry.content + std::string((512 - entry.content.size() % 512) % 512, '\0');
  }
  return result + std::string(1024, '\0');
}

std::vector<Entry> good_entries() {
  std::vector<Entry> entries = {{"cifar-10-batches-bin/", "", '5', ""}};
  std::uint64_t seed = 0;
  for (const char* name : kCifar10TrainFiles) {
    entries.push_back({fmt::format("cifar-10-batches-bin/{}", name), cifar10_records(kImages, ++seed)});
  }
  entries.push_back({"cifar-10-batches-bin/test_batch.bin", cifar10_records(kImages, ++seed)});
  entries.push_back({"cifar-10-batches-bin/batches.meta.txt", kNames});
  entries.push_back({"cifar-10-batches-bin/readme.html", "<html></html>"});
  return entries;
}

// `gzip` of Debian's base system.
std::string gzip(const fs::path& directory, const std::string& bytes) {
  const fs::path plain = directory / "archive.tar";
  write_file(plain, bytes);
  REQUIRE(std::system(fmt::format("gzip -1 -n -f '{}'", plain.string()).c_str()) == 0);
  std::ifstream file(plain.string() + ".gz", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Cifar10Archive describe(const std::string& bytes) {
  return {.file = {"http://127.0.0.1:1/none", static_cast<std::int64_t>(bytes.size()), sha256_hex(bytes)},
          .images_per_file = kImages};
}

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

const std::vector<std::string> kExpectedFiles = {"SHA256SUMS",       "batches.meta.txt", "data_batch_1.bin",
                                                 "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                                                 "data_batch_5.bin", "test_batch.bin"};

}  // namespace

TEST_CASE("data get: downloads, unpacks only what is expected, and verifies" *
          doctest::skip(!can_download() || !can_unpack())) {
  const TemporaryDirectory directory;
  const std::string bytes = gzip(directory.path(), tar(good_entries()));
  const HttpServer server({.body = bytes, .cut_after = 5000, .cuts = 1});
  const fs::path data = directory.path() / "data";
  GetOptions options;
  options.download.wait_seconds = 0.01;
  options.mirror = server.url("/mirror/");
  const fs::path target = get_cifar10(data, options, describe(bytes));
  CHECK(target == data / "cifar-10-batches-bin");
  CHECK(names_in(target) == kExpectedFiles);
  CHECK(names_in(data) == std::vector<std::string>{"cifar-10-batches-bin"});
  CHECK(server.range_starts() == std::vector<std::int64_t>{0, 5000});
  const Cifar10Verification verification = verify_cifar10(target, kImages);
  CHECK(verification.train_images == 5 * kImages);
  CHECK(verification.test_images == kImages);
  CHECK(verification.sums_checked);
  // A second call finds it done.
  CHECK(get_cifar10(data, options, describe(bytes)) == target);
  CHECK(server.range_starts().size() == 2);
  // And a damaged one is not overwritten.
  write_file(target / "data_batch_2.bin", "short");
  check_error(ErrorKind::integrity, {"data_batch_2.bin", "move it away"},
              [&] { get_cifar10(data, options, describe(bytes)); });
}

TEST_CASE("data get --from takes an archive that is already here" * doctest::skip(!can_unpack())) {
  const TemporaryDirectory directory;
  const std::string bytes = gzip(directory.path(), tar(good_entries()));
  const fs::path archive = directory.path() / "archive.tar.gz";
  const fs::path data = directory.path() / "data";
  CHECK(names_in(get_cifar10(data, {.mirror = "", .from = archive}, describe(bytes))) == kExpectedFiles);
  CHECK(fs::exists(archive));
  Cifar10Archive other = describe(bytes);
  other.file.sha256.front() = other.file.sha256.front() == '0' ? '1' : '0';
  check_error(ErrorKind::integrity, {"archive.tar.gz", "SHA-256"},
              [&] { get_cifar10(directory.path() / "more", {.mirror = "", .from = archive}, other); });
  check_error(ErrorKind::io, {"nowhere.tar.gz"}, [&] {
    get_cifar10(directory.path() / "more", {.mirror = "", .from = "nowhere.tar.gz"}, other);
  });
}

TEST_CASE("data get: a hostile or damaged archive leaves nothing behind" * doctest::skip(!can_unpack())) {
  using Change = std::function<void(std::vector<Entry>&)>;
  struct Wrong {
    std::string what;
    Change change;
    std::string text;
  };
  const std::string kFirst = "cifar-10-batches-bin/data_batch_1.bin";
  const std::vector<Wrong> table = {
      {"missing", [](auto& e) { e.erase(e.begin() + 3); }, "lacks cifar-10-batches-bin/data_batch_3.bin"},
      {"empty", [](auto& e) { e.clear(); }, "lacks"},
      {"too long", [](auto& e) { e[1].content += "x"; }, "should be a file of 61460 bytes"},
      {"too short", [](auto& e) { e[1].content.pop_back(); }, "should be a file of 61460 bytes"},
      {"twice", [](auto& e) { e.push_back(e[1]); }, "twice"},
      {"symbolic link",
       [](auto& e) {
         e[1] = {e[1].path, "", '2', "/etc/passwd"};
       },
       "no plain file"},
      {"hard link",
       [](auto& e) {
         e[1] = {e[1].path, "", '1', "/etc/passwd"};
       },
       "no plain file"},
      {"directory",
       [](auto& e) {
         e[1] = {e[1].path, "", '5', ""};
       },
       "no plain file"},
      {"wrong label", [](auto& e) { e[2].content[3073] = 10; }, "label at byte 3073"},
      {"uneven classes", [](auto& e) { e[2].content[0] = 9; }, "images of class 0, expected 10"},
      {"path outside", [](auto& e) { e[1].path = "cifar-10-batches-bin/../../data_batch_1.bin"; }, "lacks"},
      {"absolute path", [](auto& e) { e[1].path = "/tmp/data_batch_1.bin"; }, "lacks"},
  };
  for (const Wrong& wrong : table) {
    CAPTURE(wrong.what);
    const TemporaryDirectory directory;
    std::vector<Entry> entries = good_entries();
    wrong.change(entries);
    const std::string bytes = gzip(directory.path(), tar(entries));
    const fs::path data = directory.path() / "data";
    check_error(ErrorKind::integrity, {wrong.text}, [&] {
      get_cifar10(data, {.mirror = "", .from = directory.path() / "archive.tar.gz"}, describe(bytes));
    });
    CHECK(names_in(data).empty());
  }
}

TEST_CASE("data get: extra entries that point outside are passed over" * doctest::skip(!can_unpack())) {
  const TemporaryDirectory directory;
  std::vector<Entry> entries = good_entries();
  entries.insert(entries.begin(), {"../escaped", "x"});
  entries.insert(entries.begin(), {"cifar-10-batches-bin", "", '2', "/tmp"});
  const std::string bytes = gzip(directory.path(), tar(entries));
  const fs::path data = directory.path() / "data";
  get_cifar10(data, {.mirror = "", .from = directory.path() / "archive.tar.gz"}, describe(bytes));
  CHECK_FALSE(fs::exists(directory.path() / "escaped"));
  CHECK_FALSE(fs::is_symlink(data / "cifar-10-batches-bin"));
}

TEST_CASE("unpack: truncated and flipped archives are refused, or unpack to the expected sizes" *
          doctest::skip(!can_unpack())) {
  const TemporaryDirectory directory;
  const std::string member = cifar10_records(2, 1);
  const std::string good = gzip(directory.path(), tar({{"d/member", member}}));
  const fs::path archive = directory.path() / "archive.tar.gz";
  const std::vector<ArchiveMember> members = {{"d/member", static_cast<std::int64_t>(member.size())}};
  const auto unpacks = [&](const std::string& bytes) {
    write_file(archive, bytes);
    fs::remove(directory.path() / "member");
    try {
      unpack(archive, members, directory.path());
      return fs::file_size(directory.path() / "member") == member.size();
    } catch (const Error& error) {
      CHECK(error.kind() == ErrorKind::integrity);
      CHECK(std::string(error.what()).find("archive.tar.gz") != std::string::npos);
      return false;
    }
  };
  CHECK(unpacks(good));
  for (std::size_t size = 0; size + 600 < good.size(); size += 311)
    CHECK_FALSE(unpacks(good.substr(0, size)));
  Random random(1, "flips");
  for (int round = 0; round < 150; ++round) {
    std::string bytes = good;
    char& byte = bytes[random.below(static_cast<std::uint32_t>(bytes.size()))];
    byte = static_cast<char>(byte ^ (1 << random.below(8)));
    unpacks(bytes);
  }
  check_error(ErrorKind::io, {"nowhere"}, [&] { unpack("nowhere", members, directory.path()); });
}

TEST_CASE("data verify: finds what reading alone does not") {
  struct Damage {
    std::string what;
    std::function<void(const fs::path&)> apply;
    std::vector<std::string> text;
  };
  const auto change_byte = [](const fs::path& file, std::size_t at) {
    std::string bytes = cifar10_records(kImages, 4);
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    write_file(file, bytes);
  };
  const auto sums = [](const std::string& text) {
    return [text](const fs::path& directory) { write_file(directory / "SHA256SUMS", text); };
  };
  const std::string zeros(64, '0');
  const std::vector<Damage> table = {
      {"flipped pixel",
       [&](const fs::path& d) { change_byte(d / "data_batch_4.bin", 100); },
       {"data_batch_4.bin", "SHA-256"}},
      {"changed label", [&](const fs::path& d) { change_byte(d / "data_batch_4.bin", 0); }, {"of class"}},
      {"no line for a file", sums(zeros + "  data_batch_1.bin\n"), {"SHA-256"}},
      {"no lines", sums(""), {"no line for data_batch_1.bin"}},
      {"not a sum", sums("hello\n"), {"SHA256SUMS, line 1"}},
      {"upper case", sums(std::string(64, 'A') + "  data_batch_1.bin\n"), {"line 1"}},
      {"short sum", sums(zeros.substr(1) + "   data_batch_1.bin\n"), {"line 1"}},
      {"bytes", sums(std::string(300, '\0')), {"line 1"}},
  };
  const TemporaryDirectory sound;
  const fs::path without_sums = write_cifar10(sound.path(), kImages);
  CHECK_FALSE(verify_cifar10(without_sums, kImages).sums_checked);
  for (const Damage& damage : table) {
    CAPTURE(damage.what);
    const TemporaryDirectory directory;
    const fs::path files = write_cifar10(directory.path(), kImages);
    std::string lines;
    for (const std::string& name : names_in(files))
      lines += fmt::format("{}  {}\n", sha256_file(files / name), name);
    write_file(files / "SHA256SUMS", lines);
    CHECK(verify_cifar10(files, kImages).sums_checked);
    damage.apply(files);
    check_error(ErrorKind::integrity, damage.text, [&] { verify_cifar10(files, kImages); });
  }
}

TEST_CASE("unpack: without libarchive the error says what is missing" * doctest::skip(can_unpack())) {
  check_error(ErrorKind::failure, {"libarchive-dev"}, [] { unpack("a", {}, "b"); });
}

#include "datasets/download.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "framework/core/sha256.h"
#include "tests/datasets/http_server.h"
#include "tests/datasets/support.h"

using namespace espalier;
using namespace espalier::datasets;
using namespace espalier::datasets::testing;

namespace {

std::string content(std::size_t size) {
  std::string bytes;
  Random random(4, "content");
  while (bytes.size() < size) bytes += static_cast<char>(random.next_u32() & 255u);
  return bytes;
}

const std::string kBody = content(300000);
const DownloadOptions kQuick = {.attempts = 3, .wait_seconds = 0.01};

RemoteFile remote(const HttpServer& server) {
  return {server.url(), static_cast<std::int64_t>(kBody.size()), sha256_hex(kBody)};
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_SUITE_BEGIN("download");

TEST_CASE("download: fetches, checks and reports progress; a complete file is not fetched again" *
          doctest::skip(!can_download())) {
  const TemporaryDirectory directory;
  const fs::path target = directory.path() / "file";
  const HttpServer server({.body = kBody});
  std::int64_t most = 0;
  DownloadOptions options = kQuick;
  options.progress = [&](std::int64_t done, std::int64_t total) {
    most = std::max(most, done);
    return total == static_cast<std::int64_t>(kBody.size());
  };
  download(remote(server), target, options);
  CHECK(read_file(target) == kBody);
  CHECK(most == static_cast<std::int64_t>(kBody.size()));
  CHECK_FALSE(fs::exists(directory.path() / "file.part"));
  download(remote(server), target, options);
  CHECK(server.range_starts() == std::vector<std::int64_t>{0});
}

TEST_CASE("download: goes on where the connection broke" * doctest::skip(!can_download())) {
  const TemporaryDirectory directory;
  const HttpServer server({.body = kBody, .cut_after = 100000, .cuts = 2});
  download(remote(server), directory.path() / "file", kQuick);
  CHECK(read_file(directory.path() / "file") == kBody);
  CHECK(server.range_starts() == std::vector<std::int64_t>{0, 100000, 200000});
}

TEST_CASE("download: a later call goes on where an earlier one gave up" * doctest::skip(!can_download())) {
  const TemporaryDirectory directory;
  const fs::path target = directory.path() / "file";
  const HttpServer server({.body = kBody, .cut_after = 70000, .cuts = 1});
  DownloadOptions once = kQuick;
  once.attempts = 1;
  check_error(ErrorKind::io, {server.url(), "70000 of 300000", "run it again"},
              [&] { download(remote(server), target, once); });
  CHECK_FALSE(fs::exists(target));
  CHECK(fs::file_size(directory.path() / "file.part") == 70000);
  download(remote(server), target, once);
  CHECK(read_file(target) == kBody);
  CHECK(server.range_starts() == std::vector<std::int64_t>{0, 70000});
}

TEST_CASE("download: begins anew where the server cannot go on in the middle" *
          doctest::skip(!can_download())) {
  const TemporaryDirectory directory;
  const HttpServer server({.body = kBody, .ranges = false, .cut_after = 100000, .cuts = 1});
  download(remote(server), directory.path() / "file", kQuick);
  CHECK(read_file(directory.path() / "file") == kBody);
}

TEST_CASE("download: a busy server is asked again, and a redirect is followed" *
          doctest::skip(!can_download())) {
  const TemporaryDirectory directory;
  const HttpServer server({.body = kBody, .errors = 2});
  const HttpServer redirecting({.redirect = server.url()});
  RemoteFile file = remote(server);
  file.url = redirecting.url();
  download(file, directory.path() / "file", kQuick);
  CHECK(read_file(directory.path() / "file") == kBody);
  CHECK(server.range_starts().size() == 3);
}

TEST_CASE("download: stops when it is told to, and keeps what is there" * doctest::skip(!can_download())) {
  const TemporaryDirectory directory;
  const HttpServer server({.body = kBody, .cut_after = 50000, .cuts = 3});
  DownloadOptions options = kQuick;
  options.progress = [](std::int64_t done, std::int64_t) { return done < 50000; };
  check_error(ErrorKind::stopped, {"run it again"},
              [&] { download(remote(server), directory.path() / "file", options); });
  CHECK(fs::file_size(directory.path() / "file.part") >= 50000);
  CHECK_FALSE(fs::exists(directory.path() / "file"));
}

TEST_CASE("download: what a server may do wrong" * doctest::skip(!can_download())) {
  struct Wrong {
    std::string what;
    HttpBehaviour behaviour;
    ErrorKind kind;
    std::string text;
  };
  std::string flipped = kBody;
  flipped[1234] = static_cast<char>(flipped[1234] ^ 1);
  const std::vector<Wrong> table = {
      {"another content", {.body = flipped}, ErrorKind::integrity, "SHA-256"},
      {"too long", {.body = kBody + "x"}, ErrorKind::integrity, "more than the expected 300000"},
      {"endless, no length", {.body = kBody + kBody, .length = false}, ErrorKind::integrity, "more than"},
      {"too short", {.body = kBody.substr(0, 1000)}, ErrorKind::integrity, "sent 1000 bytes"},
      {"too short, no length",
       {.body = kBody.substr(0, 1000), .length = false},
       ErrorKind::integrity,
       "1000"},
      {"empty", {.body = ""}, ErrorKind::integrity, "sent 0 bytes"},
      {"not found", {.body = "no such page", .status = 404}, ErrorKind::io, "404"},
      {"always busy", {.body = kBody, .errors = 99}, ErrorKind::io, "503"},
      {"always cut", {.body = kBody, .cut_after = 10, .cuts = 99}, ErrorKind::io, "run it again"},
      {"sent to a file", {.redirect = "file:///etc/passwd"}, ErrorKind::io, "cannot fetch"},
  };
  for (const Wrong& wrong : table) {
    CAPTURE(wrong.what);
    const TemporaryDirectory directory;
    const HttpServer server(wrong.behaviour);
    check_error(wrong.kind, {wrong.text},
                [&] { download(remote(server), directory.path() / "file", kQuick); });
    CHECK_FALSE(fs::exists(directory.path() / "file"));
    // What cannot become right is not kept.
    if (wrong.kind == ErrorKind::integrity) CHECK_FALSE(fs::exists(directory.path() / "file.part"));
  }
}

TEST_CASE("download: a part of something else, or longer than the file, does not survive" *
          doctest::skip(!can_download())) {
  for (const std::size_t size : {1000, 300000, 400000}) {
    CAPTURE(size);
    const TemporaryDirectory directory;
    const fs::path target = directory.path() / "file";
    const HttpServer server({.body = kBody});
    write_file(directory.path() / "file.part", std::string(size, 'x'));
    if (size <= kBody.size()) {
      check_error(ErrorKind::integrity, {"SHA-256"}, [&] { download(remote(server), target, kQuick); });
    }
    download(remote(server), target, kQuick);
    CHECK(read_file(target) == kBody);
  }
}

TEST_CASE("download: no server, no directory, and a target that is something else" *
          doctest::skip(!can_download())) {
  const TemporaryDirectory directory;
  RemoteFile file = {"http://127.0.0.1:1/file", 10, std::string(64, '0')};
  check_error(ErrorKind::io, {"127.0.0.1:1"}, [&] { download(file, directory.path() / "file", kQuick); });
  check_error(ErrorKind::io, {"cannot write"},
              [&] { download(file, directory.path() / "none" / "file", kQuick); });
  write_file(directory.path() / "file", "other");
  check_error(ErrorKind::integrity, {"5 bytes, expected 10", "remove it to fetch it anew"},
              [&] { download(file, directory.path() / "file", kQuick); });
}

TEST_CASE("download: without libcurl the error says what is missing" * doctest::skip(can_download())) {
  check_error(ErrorKind::failure, {"libcurl4-openssl-dev"}, [] {
    download({"http://x/y", 1, ""}, "/tmp/y");
  });
}

TEST_SUITE_END();

#include "datasets/image_folder.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wshadow"
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

#include <algorithm>

#include "datasets/decode_image.h"
#include "datasets/resize.h"
#include "tests/datasets/support.h"

using namespace espalier;
using namespace espalier::datasets;
using namespace espalier::datasets::testing;

namespace {

void append(void* text, void* bytes, int size) {
  static_cast<std::string*>(text)->append(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

// A PNG file whose pixel at (y, x) is red, y, x, 255, as far as there are channels.
std::string png(int height, int width, int red, int channels = 3) {
  std::vector<std::uint8_t> pixels;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int pixel[] = {red, y, x, 255};
      for (int c = 0; c < channels; ++c) pixels.push_back(static_cast<std::uint8_t>(pixel[c]));
    }
  }
  std::string file;
  REQUIRE(stbi_write_png_to_func(append, &file, width, height, channels, pixels.data(), 0) != 0);
  return file;
}

std::string jpeg(int height, int width, int level) {
  const std::vector<std::uint8_t> pixels(static_cast<std::size_t>(3 * height * width),
                                         static_cast<std::uint8_t>(level));
  std::string file;
  REQUIRE(stbi_write_jpg_to_func(append, &file, width, height, 3, pixels.data(), 95) != 0);
  return file;
}

// Two classes, three training images and one test image each.
fs::path write_folder(const fs::path& root) {
  for (int i = 0; i < 3; ++i) {
    write_file(root / "train" / "cat" / fmt::format("a{}.png", i), png(40, 50, 10 + i));
    write_file(root / "train" / "dog" / fmt::format("b{}.jpg", i), jpeg(20, 20, 100 + i));
  }
  write_file(root / "test" / "cat" / "x.PNG", png(32, 32, 7));
  write_file(root / "test" / "dog" / "y.jpeg", jpeg(64, 48, 200));
  return root;
}

Splits load(const fs::path& root) {
  ImageFolderSpec spec;
  spec.path = root.string();
  return spec.load();
}

Image gradient(std::int64_t height, std::int64_t width) {
  Image image{height, width, {}};
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      for (const std::int64_t value : {2 * x, 2 * y, std::int64_t{77}})
        image.pixels.push_back(static_cast<std::uint8_t>(value));
    }
  }
  return image;
}

}  // namespace

TEST_CASE("image folder: classes are the directories by name, images come in the order of their names") {
  const TemporaryDirectory directory;
  const fs::path root = write_folder(directory.path());
  write_file(root / "train" / "cat" / ".hidden.png", "not looked at");
  write_file(root / "train" / "cat" / "notes.txt", "not looked at");
  write_file(root / "train" / "README", "not looked at");
  const Splits splits = load(root);
  CHECK(splits.name == "image_folder");
  CHECK(splits.train->size() == 6);
  CHECK(splits.test->size() == 2);
  CHECK(splits.train->classes() == 2);
  CHECK(splits.train->image_shape() == Shape{3, 32, 32});
  std::vector<std::uint8_t> image(3 * 32 * 32);
  for (std::int64_t i = 0; i < 6; ++i) {
    CHECK(splits.train->read(i, image.data()) == i / 3);
    const int expected = i < 3 ? 10 + static_cast<int>(i) : 100 + static_cast<int>(i) - 3;
    CHECK(std::abs(image[0] - expected) <= 2);  // JPEG is lossy
  }
  // An image of the right size is not changed: (y, x) in the second and third channel.
  CHECK(splits.test->read(0, image.data()) == 0);
  CHECK(image[0] == 7);
  CHECK(image[1024 + 5 * 32 + 9] == 5);
  CHECK(image[2048 + 5 * 32 + 9] == 9);
  CHECK(splits.normalisation.mean.size() == 3);
}

TEST_CASE("image folder: validation images leave the training data") {
  const TemporaryDirectory directory;
  ImageFolderSpec spec;
  spec.path = write_folder(directory.path()).string();
  spec.validation_images = 2;
  spec.side = 16;
  const Splits splits = spec.load();
  CHECK(splits.train->size() == 4);
  CHECK(splits.validation->size() == 2);
  CHECK(splits.validation->image_shape() == Shape{3, 16, 16});
}

TEST_CASE("image folder: what is wrong is refused by name") {
  struct Damage {
    std::string what;
    std::function<void(const fs::path& root)> apply;
    ErrorKind kind;
    std::vector<std::string> text;
  };
  const auto content = [](const std::string& bytes) {
    return [bytes](const fs::path& root) { write_file(root / "train" / "cat" / "a1.png", bytes); };
  };
  const auto link = [](const char* target) {
    return [target](const fs::path& root) {
      fs::remove(root / "train" / "cat" / "a1.png");
      fs::create_symlink(target, root / "train" / "cat" / "a1.png");
    };
  };
  const std::string good = png(40, 50, 1);
  std::string lying = good;  // claims to be 2^31 - 1 pixels wide
  lying.replace(16, 4, "\x7f\xff\xff\xff");
  std::string tall = good;  // and 16,385 high
  tall.replace(20, 4, std::string("\x00\x00\x40\x01", 4));
  std::vector<Damage> damages = {
      {"no train",
       [](const fs::path& r) { fs::remove_all(r / "train"); },
       ErrorKind::io,
       {"cannot list", "train"}},
      {"no test",
       [](const fs::path& r) { fs::remove_all(r / "test"); },
       ErrorKind::io,
       {"cannot list", "test"}},
      {"one class",
       [](const fs::path& r) { fs::remove_all(r / "train" / "dog"); },
       ErrorKind::integrity,
       {"two classes", "has 1"}},
      {"empty class",
       [](const fs::path& r) {
         fs::create_directory(r / "train" / "eel"), fs::create_directory(r / "test" / "eel");
       },
       ErrorKind::integrity,
       {"test/eel", "holds no .png"}},
      {"class missing in test",
       [](const fs::path& r) { fs::remove_all(r / "test" / "dog"); },
       ErrorKind::io,
       {"cannot list", "test/dog"}},
      {"unknown class in test",
       [](const fs::path& r) { write_file(r / "test" / "dgo" / "z.png", "x"); },
       ErrorKind::integrity,
       {"test/dgo", "did you mean 'dog'?"}},
      {"directory called image",
       [](const fs::path& r) {
         fs::remove(r / "train" / "cat" / "a1.png"), fs::create_directory(r / "train" / "cat" / "a1.png");
       },
       ErrorKind::io,
       {"a1.png", "no regular file"}},
      {"dangling link", link("nowhere"), ErrorKind::io, {"a1.png", "missing"}},
      {"endless device", link("/dev/zero"), ErrorKind::io, {"a1.png", "no regular file"}},
      {"link to itself", link("a1.png"), ErrorKind::io, {"a1.png"}},
      {"empty file", content(""), ErrorKind::integrity, {"a1.png", "expected a PNG or JPEG"}},
      {"text", content("hello"), ErrorKind::integrity, {"a1.png", "expected a PNG or JPEG"}},
      {"another format", content("GIF89a" + std::string(100, '\0')), ErrorKind::integrity, {"a1.png"}},
      {"lying width", content(lying), ErrorKind::integrity, {"a1.png", "at most 8192x8192"}},
      {"lying height", content(tall), ErrorKind::integrity, {"a1.png", "at most 8192x8192"}},
  };
  for (const std::size_t size : {8, 20, 33, 60}) {
    damages.push_back({"truncated", content(good.substr(0, size)), ErrorKind::integrity, {"a1.png"}});
  }
  for (const Damage& damage : damages) {
    CAPTURE(damage.what);
    const TemporaryDirectory directory;
    const fs::path root = write_folder(directory.path());
    damage.apply(root);
    check_error(damage.kind, damage.text, [&] { load(root); });
  }
  check_error(ErrorKind::usage, {"needs a path"}, [] { ImageFolderSpec().load(); });
  const TemporaryDirectory directory;
  const fs::path root = write_folder(directory.path());
  check_error(ErrorKind::integrity, {"more than 5 images", "most_images"}, [&] {
    read_image_folder(root / "train", {"cat", "dog"}, 32, 5);
  });
}

TEST_CASE("image folder: flipped bits in an image give an image or an error that names it") {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "image.png";
  Random random(1, "flips");
  for (const std::string& good : {png(16, 16, 3), jpeg(16, 16, 90)}) {
    for (int round = 0; round < 150; ++round) {
      std::string bytes = good;
      for (int flip = 0; flip < 2; ++flip) {
        char& byte = bytes[random.below(static_cast<std::uint32_t>(bytes.size()))];
        byte = static_cast<char>(byte ^ (1 << random.below(8)));
      }
      write_file(file, bytes);
      try {
        const Image image = decode_image(file);
        CHECK(image.pixels.size() == static_cast<std::size_t>(3 * image.height * image.width));
      } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::integrity);
        CHECK(std::string(error.what()).find("image.png") != std::string::npos);
      }
    }
  }
}

TEST_CASE("decoding: grey becomes three equal channels, transparency is dropped") {
  const TemporaryDirectory directory;
  const fs::path file = directory.path() / "image.png";
  write_file(file, png(4, 5, 42, 1));
  const Image grey = decode_image(file);
  CHECK(grey.height == 4);
  CHECK(grey.width == 5);
  CHECK(grey.pixels == std::vector<std::uint8_t>(60, 42));
  write_file(file, png(4, 5, 42, 4));
  const Image colour = decode_image(file);
  REQUIRE(colour.pixels.size() == 60);
  CHECK(colour.pixels[0] == 42);
  CHECK(colour.pixels[3 * 7 + 1] == 1);  // y = 1, x = 2
  CHECK(colour.pixels[3 * 7 + 2] == 2);
}

TEST_CASE("resize: keeps an image of the right size, a constant, and a gradient's slope") {
  const Image same = gradient(12, 12);
  const std::vector<std::uint8_t> kept = resize_to_square(same, 12);
  for (std::size_t i = 0; i < 144; ++i) {
    for (std::size_t c = 0; c < 3; ++c) CHECK(kept[c * 144 + i] == same.pixels[3 * i + c]);
  }
  for (const std::int64_t side : {8, 20, 31, 64, 100}) {
    CAPTURE(side);
    const std::vector<std::uint8_t> resized = resize_to_square(gradient(48, 60), side);
    const auto at = [&](std::int64_t c, std::int64_t y, std::int64_t x) {
      return static_cast<double>(resized[static_cast<std::size_t>((c * side + y) * side + x)]);
    };
    for (std::int64_t i = side / 4; i < side - side / 4;
         ++i) {  // away from the borders, where the filter is cut off
      const double centre = (static_cast<double>(i) + 0.5) * 48.0 / static_cast<double>(side) - 0.5;
      CHECK(std::abs(at(0, 3, i) - 2.0 * (6.0 + centre)) <= 0.51);  // the centre square begins at x = 6
      CHECK(std::abs(at(1, i, 3) - 2.0 * centre) <= 0.51);
      CHECK(at(2, i, i) == 77.0);
    }
  }
}

TEST_CASE("resize: shrinking averages, so that no pixel is skipped") {
  // A chessboard of single pixels becomes grey; picking single pixels would give black or white.
  Image board{64, 64, {}};
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) board.pixels.insert(board.pixels.end(), 3, (x + y) % 2 == 0 ? 255 : 0);
  }
  for (const std::uint8_t value : resize_to_square(board, 16)) CHECK(std::abs(value - 127.5) < 3.0);
}

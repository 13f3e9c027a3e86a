#include "framework/train/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "framework/core/error.h"
#include "framework/core/files.h"
#include "framework/core/sha256.h"

namespace espalier::train {
namespace {

static_assert(std::endian::native == std::endian::little, "tensor bytes are written as they lie in memory");

constexpr const char* kWhere = "safetensors";
constexpr std::uint64_t kMaxHeaderBytes = 16 << 20;
constexpr std::size_t kMaxNameBytes = 512;
constexpr const char* kMetadataKey = "__metadata__";  // free text by other writers; not a tensor
constexpr int kMaxJsonDepth = 4;                      // {name: {shape: [...]}}

struct FormatType {
  const char* name;
  DType dtype;
};

constexpr FormatType kTypes[] = {
    {"F32", DType::f32}, {"BF16", DType::bf16}, {"I32", DType::i32}, {"U8", DType::u8}};

const char* format_name(DType dtype) {
  return std::find_if(std::begin(kTypes), std::end(kTypes), [&](const auto& t) { return t.dtype == dtype; })
      ->name;
}

std::int64_t data_bytes(const Tensor& tensor) {
  return tensor.numel() * static_cast<std::int64_t>(size_bytes(tensor.dtype()));
}

// --- reading

// One tensor as the header describes it, checked against the size of the data.
struct Entry {
  std::string name;
  DType dtype;
  Shape shape;
  std::uint64_t begin, end;
};

class HeaderReader {
 public:
  HeaderReader(std::string path, std::uint64_t size_bytes)
      : path_(std::move(path)), data_bytes_(size_bytes) {}

  // Entries in the order of their data.
  std::vector<Entry> read(const std::string& header) const {
    const nlohmann::json json = parse(header);
    if (!json.is_object()) refuse("the header is no JSON object");
    std::vector<Entry> entries;
    for (const auto& [name, description] : json.items()) {
      if (name != kMetadataKey) entries.push_back(read_entry(name, description));
    }
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    std::uint64_t expected = 0;
    for (const Entry& entry : entries) {
      if (entry.begin != expected) refuse("{} begins at {}, expected {}", entry.name, entry.begin, expected);
      expected = entry.end;
    }
    if (expected != data_bytes_) refuse("the tensors have {} bytes, the file {}", expected, data_bytes_);
    return entries;
  }

 private:
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) const {
    fail(ErrorKind::integrity, kWhere, "{}: {}", path_, fmt::format(format, std::forward<Args>(args)...));
  }

  // JSON without repeated keys and deep nesting, neither of which the parser minds by itself.
  nlohmann::json parse(const std::string& header) const {
    std::vector<std::set<std::string>> keys;
    const auto watch = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
      if (depth > kMaxJsonDepth) refuse("the header is nested too deeply");
      if (event == nlohmann::json::parse_event_t::object_start) keys.emplace_back();
      if (event == nlohmann::json::parse_event_t::object_end) keys.pop_back();
      if (event == nlohmann::json::parse_event_t::key &&
          !keys.back().insert(parsed.get<std::string>()).second)
        refuse("the header has two entries '{}'", parsed.get<std::string>());
      return true;
    };
    try {
      return nlohmann::json::parse(header, watch);
    } catch (const nlohmann::json::exception& error) { refuse("the header is no JSON: {}", error.what()); }
  }

  Entry read_entry(const std::string& name, const nlohmann::json& description) const {
    const bool printable = std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20; });
    if (name.empty() || name.size() > kMaxNameBytes || !printable) refuse("a tensor has a bad name");
    if (!description.is_object() || description.size() != 3 || !description.contains("dtype") ||
        !description.contains("shape") || !description.contains("data_offsets")) {
      refuse("{}: expected dtype, shape and data_offsets", name);
    }
    Entry entry{name, read_type(name, description["dtype"]), {}, 0, 0};
    const std::uint64_t size = read_shape(name, description["shape"], size_bytes(entry.dtype), entry.shape);
    const nlohmann::json& offsets = description["data_offsets"];
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
        !offsets[1].is_number_unsigned()) {
      refuse("{}: data_offsets must be two whole numbers", name);
    }
    entry.begin = offsets[0].get<std::uint64_t>();
    entry.end = offsets[1].get<std::uint64_t>();
    if (entry.begin > entry.end || entry.end > data_bytes_)
      refuse("{}: bytes {} to {} are not in the file's {}", name, entry.begin, entry.end, data_bytes_);
    if (entry.end - entry.begin != size)
      refuse("{}: {} bytes, but shape {} needs {}", name, entry.end - entry.begin, entry.shape.str(), size);
    return entry;
  }

  DType read_type(const std::string& name, const nlohmann::json& value) const {
    if (value.is_string()) {
      for (const FormatType& type : kTypes) {
        if (value == type.name) return type.dtype;
      }
    }
    refuse("{}: unknown dtype (known: F32, BF16, I32, U8)", name);
  }

  // Fills `shape` and returns its size in bytes; no product leaves the size of the file.
  std::uint64_t read_shape(const std::string& name, const nlohmann::json& value, std::size_t element_bytes,
                           Shape& shape) const {
    if (!value.is_array() || value.size() > Shape::kMaxRank)
      refuse("{}: the shape must be a list of at most {} sizes", name, Shape::kMaxRank);
    std::uint64_t size = element_bytes;
    for (const nlohmann::json& dimension : value) {
      const auto length = dimension.is_number_unsigned() ? dimension.get<std::uint64_t>() : 0;
      if (length == 0) refuse("{}: a size of the shape is no positive whole number", name);
      if (size > data_bytes_ / length) refuse("{}: the shape is larger than the file", name);
      size *= length;
      shape.append(static_cast<std::int64_t>(length));
    }
    return size;
  }

  std::string path_;
  std::uint64_t data_bytes_;
};

}  // namespace

WrittenFile write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors) {
  std::vector<const std::pair<std::string, Tensor>*> order;
  for (const auto& named : tensors) order.push_back(&named);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return size_bytes(a->second.dtype()) > size_bytes(b->second.dtype());
  });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  std::int64_t offset = 0;
  for (const auto* named : order) {
    const auto& [name, tensor] = *named;
    check(!tensor.is_lanes(), kWhere, "{} is an activation; only plain tensors are saved", name);
    check(!header.contains(name), kWhere, "two tensors are named {}", name);
    header[name] = {{"dtype", format_name(tensor.dtype())},
                    {"shape", std::vector<std::int64_t>(tensor.shape().begin(), tensor.shape().end())},
                    {"data_offsets", {offset, offset + data_bytes(tensor)}}};
    offset += data_bytes(tensor);
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data begins aligned

  DurableFile file(path);
  Sha256 digest;
  WrittenFile written;
  const auto put = [&](const void* data, std::size_t count) {
    file.write(data, count);
    digest.update(data, count);
    written.size_bytes += static_cast<std::int64_t>(count);
  };
  const std::uint64_t header_bytes = text.size();
  put(&header_bytes, sizeof header_bytes);
  put(text.data(), text.size());
  for (const auto* named : order)
    put(named->second.bytes(), static_cast<std::size_t>(data_bytes(named->second)));
  file.close();
  written.sha256 = digest.hex();
  return written;
}

NamedTensors read_safetensors(const std::filesystem::path& path) {
  std::error_code error;
  const std::uint64_t file_bytes = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file) fail(ErrorKind::io, kWhere, "cannot read {}", path.string());
  const auto get = [&](void* data, std::uint64_t count) {
    file.read(static_cast<char*>(data), static_cast<std::streamsize>(count));
    if (!file) fail(ErrorKind::integrity, kWhere, "{} ends too early", path.string());
  };

  std::uint64_t header_bytes = 0;
  get(&header_bytes, sizeof header_bytes);
  if (header_bytes > kMaxHeaderBytes || header_bytes > file_bytes - sizeof header_bytes) {
    fail(ErrorKind::integrity, kWhere, "{}: a header of {} bytes in a file of {}", path.string(),
         header_bytes, file_bytes);
  }
  std::string header(header_bytes, '\0');
  get(header.data(), header_bytes);

  const HeaderReader reader(path.string(), file_bytes - sizeof header_bytes - header_bytes);
  NamedTensors tensors;
  for (const Entry& entry : reader.read(header)) {
    Tensor tensor = Tensor::empty(entry.shape, Layout::plain, entry.dtype);
    get(tensor.bytes(), entry.end - entry.begin);
    tensors.emplace_back(entry.name, std::move(tensor));
  }
  return tensors;
}

}  // namespace espalier::train

#include "models/fit_width.h"

#include <numeric>
#include <utility>

#include "framework/core/error.h"
#include "framework/nn/summary.h"

namespace espalier::models {
namespace {

// Finds the field "width" of a spec, or a transformer's "dim".
class WidthField : public FieldVisitor {
 public:
  std::int64_t* width = nullptr;

  // What it is a multiple of: heads share a transformer's dim alike, and sine positions take it in fours.
  std::int64_t step() const { return std::lcm(heads_, std::int64_t{sines_ ? 4 : 1}); }

  void field(const char*, bool&, const char*) override {}
  void field(const char* key, std::int64_t& value, const char*, Range<std::int64_t>) override {
    const std::string name = key;
    if (name == "width" || name == "dim") width = &value;
    if (name == "heads") heads_ = value;
  }
  void field(const char*, double&, const char*, Range<double>) override {}
  void field(const char* key, std::string& value, const char*, const std::vector<std::string>&) override {
    if (std::string(key) == "positions") sines_ = value == "sine";
  }
  void field(const char*, std::vector<std::string>&, const char*) override {}
  void field(const char*, std::vector<std::int64_t>&, const char*, Range<std::int64_t>) override {}

 protected:
  void visit_table(const char*, const char*, const Visit&) override {}
  void visit_tables(const TablesField&) override {}
  void visit_part(const PartField&) override {}

 private:
  std::int64_t heads_ = 1;
  bool sines_ = false;
};

WidthField width_of(ModelSpec& spec) {
  WidthField field;
  spec.fields(field);
  if (field.width == nullptr)
    fail(ErrorKind::usage, "budget", "the model has no width that could be reduced");
  return field;
}

}  // namespace

void Budget::fields(FieldVisitor& v) {
  v.field("of", of, "what is counted: parameters, or multiply-adds for one image", {"parameters", "macs"});
  v.field("fraction", fraction, "of the cost at the model's own width; the width becomes what fits",
          {0.0, 1.0});
}

std::int64_t width_within(ModelSpec& spec, const Budget& budget, const Shape& image, std::int64_t classes) {
  const auto cost = [&](std::int64_t width) {
    const nn::LayerSummary total = nn::summary(*build_at_width(spec, width, image, classes, 0), image).total;
    return static_cast<double>(budget.of == "macs" ? total.macs : total.parameters);
  };
  const WidthField field = width_of(spec);
  const std::int64_t whole = *field.width, step = field.step();
  const double limit = budget.fraction * cost(whole);
  std::int64_t fits = 0, too_wide = whole / step + 1;  // in steps
  while (too_wide - fits > 1) {
    const std::int64_t middle = (fits + too_wide) / 2;
    (cost(middle * step) <= limit ? fits : too_wide) = middle;
  }
  if (fits == 0)
    fail(ErrorKind::usage, "budget", "width {} has more than {} of the {}", step, budget.fraction, budget.of);
  return fits * step;
}

std::shared_ptr<nn::Module> build_at_width(ModelSpec& spec, std::int64_t width, const Shape& image,
                                           std::int64_t classes, std::uint64_t seed) {
  std::int64_t& field = *width_of(spec).width;
  const std::int64_t own = std::exchange(field, width);
  try {
    auto model = spec.build(image, classes, seed);
    field = own;
    return model;
  } catch (...) {
    field = own;
    throw;
  }
}

}  // namespace espalier::models

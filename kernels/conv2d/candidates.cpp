#include "kernels/conv2d/candidates.h"

#include <algorithm>

#include "kernels/base/dispatch.h"

namespace espalier::kernels {
namespace {

bool runs_here(const Conv2dKernel& kernel, const Conv2dShape& shape, Conv2dPass pass) {
  return kernel.pass == pass && isa_eligible(kernel.isa) && kernel.supports(shape);
}

}  // namespace

std::vector<const Conv2dKernel*> conv2d_candidates(const Conv2dShape& shape, Conv2dPass pass) {
  std::vector<const Conv2dKernel*> found;
  for (const Conv2dKernel* kernel : conv2d_kernels()) {
    const auto alike = [&](const Conv2dKernel* other) {
      return conv2d_algorithm(other->name) == conv2d_algorithm(kernel->name);
    };
    if (!runs_here(*kernel, shape, pass) || std::any_of(found.begin(), found.end(), alike)) continue;
    found.push_back(kernel);
  }
  return found;
}

const Conv2dKernel* find_conv2d(std::string_view name, const Conv2dShape& shape, Conv2dPass pass) {
  for (const Conv2dKernel* kernel : conv2d_kernels()) {
    if (kernel->name == name && runs_here(*kernel, shape, pass)) return kernel;
  }
  return nullptr;
}

std::string_view conv2d_algorithm(std::string_view kernel) {
  const std::size_t isa = std::min(kernel.rfind('_'), kernel.size());
  const std::string_view rest = kernel.substr(0, isa);
  return rest.substr(std::min(rest.rfind('_') + 1, rest.size()));
}

}  // namespace espalier::kernels

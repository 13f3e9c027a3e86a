#include "kernels/backend.h"

#include <cstdlib>
#include <string>

namespace espalier::kernels {
namespace {

struct Choice {
  Backend backend = Backend::native;
  std::string error;
};

Choice choose() {
  Choice choice;
  const char* wanted = std::getenv("ESPALIER_BACKEND");
  if (wanted == nullptr || *wanted == '\0') return choice;
  for (Backend backend : {Backend::native, Backend::onednn}) {
    if (backend_name(backend) != wanted) continue;
    if (backend_available(backend)) {
      choice.backend = backend;
    } else {
      choice.error =
          "ESPALIER_BACKEND=" + std::string(wanted) + ": not compiled into this build; using native";
    }
    return choice;
  }
  choice.error = "ESPALIER_BACKEND=" + std::string(wanted) + ": expected native or onednn; using native";
  return choice;
}

const Choice& chosen() {
  static const Choice choice = choose();
  return choice;
}

}  // namespace

std::string_view backend_name(Backend backend) {
  switch (backend) {
    case Backend::native:
      return "native";
    case Backend::onednn:
      return "onednn";
  }
  return "unknown";
}

bool backend_available(Backend backend) { return backend == Backend::native; }

Backend active_backend() { return chosen().backend; }

std::string_view backend_request_error() { return chosen().error; }

const Conv2dKernel& backend_conv2d(const Conv2dShape& shape, Conv2dPass pass) {
  return select_conv2d(shape, pass);
}

}  // namespace espalier::kernels

#include "framework/tune/layer_shape.h"

#include <fmt/format.h>

#include <bit>

#include "kernels/base/lanes.h"

namespace espalier::tune {

using kernels::Conv2dShape;
using kernels::LinearShape;

const char* pass_name(kernels::Conv2dPass pass) {
  switch (pass) {
    case kernels::Conv2dPass::forward:
      return "forward";
    case kernels::Conv2dPass::backward_data:
      return "backward_data";
    case kernels::Conv2dPass::backward_weights:
      return "backward_weights";
  }
  return "";
}

LayerShape at_compared_batch(LayerShape shape) {
  std::visit(
      [](auto& s) {
        const auto groups = static_cast<std::uint64_t>(kernels::groups(s.N));
        s.N = kernels::kLanes * static_cast<std::int64_t>(std::bit_ceil(groups));
      },
      shape);
  return shape;
}

ShapeKey shape_key(const LayerShape& shape) {
  if (const auto* s = std::get_if<Conv2dShape>(&shape))
    return {s->N,
            s->IC,
            s->IH,
            s->IW,
            s->OC,
            s->KH,
            s->KW,
            s->SH,
            s->SW,
            s->PH,
            s->PW,
            s->groups,
            static_cast<int>(s->element),
            0};
  const auto& s = std::get<LinearShape>(shape);
  return {s.N, s.IC, 0, 0, s.OC, 0, 0, 0, 0, 0, 0, 0, static_cast<int>(s.element), s.T};
}

namespace {

const char* element_suffix(kernels::Element element) {
  return element == kernels::Element::f32 ? "" : " bf16";
}

}  // namespace

std::string shape_name(const LayerShape& shape) {
  if (const auto* s = std::get_if<Conv2dShape>(&shape)) {
    return fmt::format("conv2d N{} IC{} OC{} H{} W{} K{}x{} S{}x{} P{}x{}{}{}", s->N, s->IC, s->OC, s->IH,
                       s->IW, s->KH, s->KW, s->SH, s->SW, s->PH, s->PW,
                       s->groups == 1 ? "" : fmt::format(" G{}", s->groups), element_suffix(s->element));
  }
  const auto& s = std::get<LinearShape>(shape);
  return fmt::format("linear N{} T{} IC{} OC{}{}", s.N, s.T, s.IC, s.OC, element_suffix(s.element));
}

}  // namespace espalier::tune

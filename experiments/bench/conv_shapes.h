// The convolutions of two networks on 32x32 images, and how often each occurs in them.
#pragma once

#include <string>
#include <vector>

#include "kernels/conv2d/conv2d.h"

namespace espalier::bench {

struct ConvLayer {
  kernels::Conv2dShape shape;
  int in_resnet18 = 0, in_vgg16 = 0;

  // "IC64 OC128 H32 K3 S2"; H is the input's.
  std::string name() const;
  // The first layer's input needs no gradient.
  bool has_backward_data() const { return shape.IC != 3; }
};

std::vector<ConvLayer> conv_layers(std::int64_t batch, kernels::Element element = kernels::Element::f32);

}  // namespace espalier::bench

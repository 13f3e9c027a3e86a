#include "experiments/bench/conv_shapes.h"

#include <fmt/format.h>

namespace espalier::bench {
namespace {

ConvLayer layer(std::int64_t batch, int ic, int oc, int size, int kernel, int stride, int in_resnet18,
                int in_vgg16) {
  ConvLayer layer{.shape = {.N = batch}, .in_resnet18 = in_resnet18, .in_vgg16 = in_vgg16};
  kernels::Conv2dShape& s = layer.shape;
  s.IC = ic;
  s.OC = oc;
  s.IH = s.IW = size;
  s.KH = s.KW = kernel;
  s.SH = s.SW = stride;
  s.PH = s.PW = kernel / 2;
  return layer;
}

}  // namespace

std::string ConvLayer::name() const {
  return fmt::format("IC{} OC{} H{} K{} S{}", shape.IC, shape.OC, shape.IH, shape.KH, shape.SH);
}

std::vector<ConvLayer> conv_layers(std::int64_t batch, kernels::Element element) {
  std::vector<ConvLayer> layers = {
      layer(batch, 3, 64, 32, 3, 1, 1, 1),    layer(batch, 64, 64, 32, 3, 1, 4, 1),
      layer(batch, 64, 128, 32, 3, 2, 1, 0),  layer(batch, 64, 128, 32, 1, 2, 1, 0),
      layer(batch, 64, 128, 16, 3, 1, 0, 1),  layer(batch, 128, 128, 16, 3, 1, 3, 1),
      layer(batch, 128, 256, 16, 3, 2, 1, 0), layer(batch, 128, 256, 16, 1, 2, 1, 0),
      layer(batch, 128, 256, 8, 3, 1, 0, 1),  layer(batch, 256, 256, 8, 3, 1, 3, 2),
      layer(batch, 256, 512, 8, 3, 2, 1, 0),  layer(batch, 256, 512, 8, 1, 2, 1, 0),
      layer(batch, 256, 512, 4, 3, 1, 0, 1),  layer(batch, 512, 512, 4, 3, 1, 3, 2),
      layer(batch, 512, 512, 2, 3, 1, 0, 3),
  };
  for (ConvLayer& layer : layers) layer.shape.element = element;
  return layers;
}

}  // namespace espalier::bench

// Test-time augmentation: an image is judged by the mean of the logits of several views of it.
#pragma once

#include <string>
#include <vector>

#include "framework/nn/module.h"

namespace espalier {

// The image moved down and right by some pixels, what comes in being its reflection at the edge; then
// mirrored left to right. `weight` is its part in the mean.
struct View {
  int down = 0, right = 0;
  bool mirrored = false;
  float weight = 1.0f;
};

// one; mirrored: both ways round; shifted: half of the weight on these, half on both ways round of the image
// moved by a pixel up and left, and down and right (Jordan, arXiv:2404.00498, section 3.6).
const std::vector<std::string>& view_choices();
// Throws Error (usage) for a name that is none of them.
std::vector<View> views_from(const std::string& name);

// `images` [N, C, H, W] in lanes of f32 or bf16, larger than the shifts.
Tensor view_of(const Tensor& images, const View& view);
// The weighted mean of the views' logits [N, K]; f32 where there are several.
Tensor predict_over_views(nn::Module& model, const Tensor& images, const std::vector<View>& views);

}  // namespace espalier

#include "framework/infer/plan.h"

#include "framework/core/error.h"
#include "framework/infer/lower.h"

namespace espalier::infer {

void Plan::check_sizes(std::size_t images, std::size_t logits) const {
  const auto expect = [&](std::size_t got, std::int64_t of_image, const char* what) {
    check(got == static_cast<std::size_t>(executor_.batch() * of_image), "infer",
          "{} expects {} images of {} values, got {} values", what, executor_.batch(), of_image, got);
  };
  expect(images, executor_.image_floats(), "images");
  expect(logits, executor_.result_floats(), "logits");
}

void Plan::run(std::span<const float> images, std::span<float> logits) {
  check_sizes(images.size(), logits.size());
  executor_.run(images.data(), logits.data());
}

std::vector<double> Plan::profile(std::span<const float> images, std::span<float> logits, int runs) {
  check_sizes(images.size(), logits.size());
  return executor_.profile(images.data(), logits.data(), runs);
}

std::string Plan::describe() const {
  const Program& program = executor_.program();
  std::string text = fmt::format("batch {}; lanes: {}\n", executor_.batch(), program.lanes_note);
  auto chosen = executor_.kernels().begin();
  for (const Step& step : program.steps) {
    if (step.kind == StepKind::convolution) {
      text += fmt::format("  {:<60} {}  {}\n", chosen->layer, chosen->kernel, chosen->why);
      ++chosen;
    } else {
      const std::string name =
          step.layer < 0 ? "" : executor_.network().layers[static_cast<std::size_t>(step.layer)].name;
      text += fmt::format("  {:<60} {}\n", name, step_name(step.kind));
    }
  }
  text += fmt::format("{} KiB of weights, {} KiB of buffers\n", executor_.weight_bytes() >> 10,
                      executor_.arena_bytes() >> 10);
  return text;
}

Plan compile(nn::Module& model, const Shape& image, const Options& options) {
  return Plan(Executor(lower(graph::trace(model, image)), options));
}

}  // namespace espalier::infer

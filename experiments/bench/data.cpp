#include "experiments/bench/data.h"

#include <functional>
#include <memory>

#include "datasets/loader.h"
#include "datasets/memory_dataset.h"
#include "experiments/bench/timing.h"
#include "framework/core/random.h"

namespace espalier::bench {
namespace {

using datasets::Augmentation;

struct Recipe {
  const char* name;
  Augmentation augment;
};

std::vector<Recipe> recipes() {
  Augmentation crop;
  crop.crop_padding = 4;
  crop.flip = true;
  Augmentation reflect = crop;
  reflect.crop_mode = "reflect";
  reflect.flip_mode = "alternate";

  Augmentation cutout = reflect, trivial = reflect, mixup = crop, cutmix = crop;
  cutout.cutout = 8;
  trivial.policy.kind = "trivial";
  mixup.mix.mixup = 0.2;
  cutmix.mix.cutmix = 1.0;
  return {{"none", {}},
          {"crop, flip", crop},
          {"crop (reflect), flip, cutout", cutout},
          {"crop (reflect), flip, TrivialAugment", trivial},
          {"crop, flip, mixup", mixup},
          {"crop, flip, cutmix", cutmix}};
}

std::shared_ptr<const datasets::Dataset> random_dataset(std::int64_t images) {
  constexpr std::int64_t kClasses = 10;
  const Shape image = {3, 32, 32};
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(images * image.numel()));
  std::vector<std::int32_t> labels(static_cast<std::size_t>(images));
  Random random(1, "pixels");
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(random.next_u32());
  for (std::int32_t& label : labels) label = static_cast<std::int32_t>(random.below(kClasses));
  return std::make_shared<datasets::MemoryDataset>(image, kClasses, std::move(pixels), std::move(labels));
}

}  // namespace

std::vector<DataSpeed> measure_loading(const DataBenchOptions& options) {
  const auto dataset = random_dataset(options.images);
  std::vector<DataSpeed> speeds;
  std::vector<std::function<void()>> contenders;
  for (const Recipe& recipe : recipes()) {
    const auto loader = std::make_shared<datasets::Loader>(
        dataset, datasets::LoaderOptions{.batch = options.batch,
                                         .shuffle = true,
                                         .augment = recipe.augment,
                                         .normalisation = {{0.5, 0.5, 0.5}, {0.25, 0.25, 0.25}},
                                         .precision = options.precision});
    speeds.push_back({.augmentation = recipe.name});
    // Nobody computes on the batches: the loader's thread never has to wait.
    contenders.emplace_back([loader, epoch = std::int64_t{0}]() mutable {
      loader->start(epoch++);
      while (loader->next()) {}
    });
  }
  const std::vector<double> epoch_seconds = race(contenders, options.rounds, 0.0);
  for (std::size_t i = 0; i < speeds.size(); ++i) {
    speeds[i].images_per_s = static_cast<double>(options.images) / epoch_seconds[i];
  }
  return speeds;
}

}  // namespace espalier::bench

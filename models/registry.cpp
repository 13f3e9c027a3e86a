#include "models/registry.h"

#include "models/airbench.h"
#include "models/cct.h"
#include "models/resnet.h"
#include "models/vgg.h"
#include "models/vit.h"

namespace espalier::models {
namespace {

template <class Spec>
std::function<std::unique_ptr<ModelSpec>()> make(const Spec& spec) {
  return [spec] { return std::make_unique<Spec>(spec); };
}

// He et al.'s networks for CIFAR of 6n + 2 layers.
ResNetSpec cifar_resnet(std::int64_t n) { return ResNetSpec({n, n, n}, 16, "subsample"); }

}  // namespace

const Registry<ModelSpec>& model_registry() {
  static const Registry<ModelSpec> registry(
      "model", {
                   {"resnet18", "residual, 4 stages of 2 blocks, for small images (arXiv:1512.03385)",
                    make(ResNetSpec({2, 2, 2, 2}, 64, "projection"))},
                   {"resnet34", "residual, 4 stages of 3, 4, 6, 3 blocks, for small images",
                    make(ResNetSpec({3, 4, 6, 3}, 64, "projection"))},
                   {"resnet20", "residual, 3 stages of 3 blocks, 0.27 M parameters", make(cifar_resnet(3))},
                   {"resnet32", "residual, 3 stages of 5 blocks, 0.46 M parameters", make(cifar_resnet(5))},
                   {"resnet56", "residual, 3 stages of 9 blocks, 0.85 M parameters", make(cifar_resnet(9))},
                   {"resnet110", "residual, 3 stages of 18 blocks, 1.7 M parameters", make(cifar_resnet(18))},
                   {"vgg11", "plain, 8 convolutions with batch norm (arXiv:1409.1556)",
                    make(VggSpec({1, 1, 2, 2, 2}))},
                   {"vgg13", "plain, 10 convolutions with batch norm", make(VggSpec({2, 2, 2, 2, 2}))},
                   {"vgg16", "plain, 13 convolutions with batch norm", make(VggSpec({2, 2, 3, 3, 3}))},
                   {"vgg19", "plain, 16 convolutions with batch norm", make(VggSpec({2, 2, 4, 4, 4}))},
                   {"vit", "vision transformer, 9 blocks of 3 heads, 4.0 M parameters (arXiv:2010.11929)",
                    make(VitSpec())},
                   {"cct", "convolution, then 7 blocks of 4 heads, 3.8 M parameters (arXiv:2104.05704)",
                    make(CctSpec())},
                   {"airbench", "for the fastest training on CIFAR-10, 2.0 M parameters (arXiv:2404.00498)",
                    make(AirbenchSpec())},
               });
  return registry;
}

}  // namespace espalier::models

#include "framework/optim/registry.h"

#include "framework/optim/adamw.h"
#include "framework/optim/muon.h"
#include "framework/optim/sgd.h"

namespace espalier::optim {
namespace {

template <class SomeOptimizer, class Settings>
class Spec : public OptimizerSpec {
 public:
  explicit Spec(const Settings& settings) : settings_(settings) {}
  void fields(FieldVisitor& v) override { settings_.fields(v); }
  std::unique_ptr<Optimizer> build(std::vector<nn::Parameter*> parameters) const override {
    return std::make_unique<SomeOptimizer>(std::move(parameters), settings_);
  }

 private:
  Settings settings_;
};

template <class SomeOptimizer, class Settings>
std::function<std::unique_ptr<OptimizerSpec>()> make(const Settings& settings) {
  return [settings] { return std::make_unique<Spec<SomeOptimizer, Settings>>(settings); };
}

}  // namespace

const Registry<OptimizerSpec>& optimizer_registry() {
  static const Registry<OptimizerSpec> registry(
      "optimizer",
      {
          {"sgd", "gradient descent with (Nesterov) momentum", make<Sgd>(SgdSettings{})},
          {"adamw", "Adam with decoupled decay (arXiv:1711.05101)", make<AdamW>(adamw_defaults())},
          {"adam", "Adam, decay through the gradient (arXiv:1412.6980)", make<AdamW>(adam_defaults())},
          {"muon", "momentum made orthogonal (Jordan et al. 2024)", make<Muon>(muon_defaults())},
      });
  return registry;
}

}  // namespace espalier::optim

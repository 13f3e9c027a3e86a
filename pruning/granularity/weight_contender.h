// The weight of one layer, divided into units by a granularity.
#pragma once

#include "framework/nn/parameter.h"
#include "pruning/contender.h"
#include "pruning/granularity/granularity.h"

namespace espalier::pruning {

class WeightContender : public Contender {
 public:
  // Both must outlive it.
  WeightContender(nn::Parameter& weight, const Granularity& granularity)
      : weight_(weight), granularity_(granularity) {}

  LayerInfo info() const override { return {weight_.name, shape()}; }
  std::int64_t units() const override { return granularity_.unit_count(shape()); }
  std::int64_t weights() const override { return shape().numel(); }
  std::int64_t kept_weights() const override { return weight_.nonzeros(); }
  std::int64_t always_kept() const override { return granularity_.always_kept(shape()); }
  Tensor scores(Criterion& criterion) override {
    return granularity_.unit_scores(finite_scores(criterion, weight_), weight_.mask);
  }
  std::vector<nn::Parameter*> parameters() const override { return {&weight_}; }
  void alive(std::span<std::uint8_t> alive) const override;
  void keep(std::span<const std::uint8_t> keep) override;

 private:
  const Shape& shape() const { return weight_.value.shape(); }

  nn::Parameter& weight_;
  const Granularity& granularity_;
};

}  // namespace espalier::pruning

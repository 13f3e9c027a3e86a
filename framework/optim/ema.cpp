#include "framework/optim/ema.h"

#include <algorithm>

#include "framework/core/error.h"
#include "kernels/update/update.h"

namespace espalier::optim {
namespace {

std::vector<std::int64_t> sizes_of(nn::Module& model) {
  std::vector<std::int64_t> sizes;
  for (const nn::Parameter* parameter : model.parameters()) sizes.push_back(parameter->value.numel());
  for (const nn::Buffer* buffer : model.buffers()) sizes.push_back(buffer->value.numel());
  return sizes;
}

}  // namespace

Ema::Ema(nn::Module& model, double decay) : decay_(decay), slices_(sizes_of(model)) {
  if (decay < 0.0 || decay >= 1.0) fail(ErrorKind::usage, "ema", "decay lies in [0, 1), got {}", decay);
  for (nn::Parameter* parameter : model.parameters()) {
    entries_.push_back({&parameter->name, &parameter->value, &parameter->mask, parameter->value.clone()});
  }
  for (nn::Buffer* buffer : model.buffers()) {
    entries_.push_back({&buffer->name, &buffer->value, nullptr, buffer->value.clone()});
  }
}

void Ema::update() {
  const auto t = static_cast<double>(updates_);
  const double decay = std::min(decay_, (1.0 + t) / (10.0 + t));
  slices_.for_each([&](std::size_t, const SliceOf& slice) {
    Entry& entry = entries_[slice.parameter];
    const bool masked = entry.mask != nullptr && !entry.mask->dense();
    kernels::update().ema(decay, slice.count, masked ? entry.mask->data() + slice.begin : nullptr,
                          entry.value->data() + slice.begin, entry.average.data() + slice.begin);
  });
  ++updates_;
}

void Ema::swap() {
  slices_.for_each([&](std::size_t, const SliceOf& slice) {
    Entry& entry = entries_[slice.parameter];
    float* value = entry.value->data() + slice.begin;
    std::swap_ranges(value, value + slice.count, entry.average.data() + slice.begin);
  });
}

NamedTensors Ema::state() const {
  NamedTensors state;
  for (const Entry& entry : entries_) state.emplace_back(*entry.name, entry.average);
  return state;
}

void Ema::load_state(const NamedTensors& state, std::int64_t updates) {
  copy_named(state, this->state(), "averaged weights");
  updates_ = updates;
}

}  // namespace espalier::optim

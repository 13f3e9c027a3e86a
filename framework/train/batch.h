// What a training loop reads: batches, an epoch at a time. Loaders implement it, whatever they load from.
#pragma once

#include <cstdint>
#include <optional>

#include "framework/tensor/tensor.h"

namespace espalier::train {

struct Batch {
  Tensor images;  // lanes [N, C, H, W] of f32 or bf16; N = batch, or fewer in the last
  Tensor labels;  // i32 plain [N]
  // Where pairs of images are mixed: the partners' labels (undefined: not mixed), and an image's own share.
  Tensor mixed_labels = {};
  float own_share = 1.0f;
};

class BatchSource {
 public:
  virtual ~BatchSource() = default;

  virtual std::int64_t images() const = 0;   // an epoch
  virtual std::int64_t batches() const = 0;  // an epoch
  // Begins an epoch at its batch `first_batch`, 0 .. batches(): at batches() there is none left. The same
  // epoch and number give the same batch, whatever was read before.
  virtual void start(std::int64_t epoch, std::int64_t first_batch = 0) = 0;
  // The next batch of the epoch, or nothing after its last.
  virtual std::optional<Batch> next() = 0;
};

}  // namespace espalier::train

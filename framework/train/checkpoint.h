// A checkpoint: a directory that holds a model, and what training needs to go on.
//
//   model.safetensors   weights, buffers and masks ("<parameter>.mask", U8)
//   state.safetensors   moments, averages and what pruning has gathered; only in the middle of a stage
//   manifest.json       format, version, size and SHA-256 of each file, and `about`: the caller's description
//
// It is written aside, synced and renamed: a directory of the final name is always whole. Whatever the files
// hold, reading throws Error (integrity) or gives what was written.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "framework/nn/module.h"
#include "framework/tensor/named_tensors.h"

namespace espalier::train {

struct Checkpoint {
  nlohmann::json about;  // an object: how to rebuild the model, where training stands
  NamedTensors model;
  std::optional<NamedTensors> state;
};

// Replaces `directory` if there is one. Throws Error (io) and leaves nothing behind when the disk is full or
// read-only; what was there before is then untouched.
void save_checkpoint(const std::filesystem::path& directory, const Checkpoint& checkpoint);

// Checks the manifest, and every file against its size and SHA-256.
Checkpoint load_checkpoint(const std::filesystem::path& directory);

bool is_checkpoint(const std::filesystem::path& directory);

// Parameters, buffers and masks. The tensors share storage with the model.
NamedTensors model_tensors(nn::Module& model);
// Copies them in, masks too; dense masks where there are none. Throws Error (integrity), naming every entry
// that does not fit, or a mask that its weights do not keep to; after the former the model is unchanged.
void load_model_tensors(nn::Module& model, const NamedTensors& tensors);

// SHA-256 over names, types, shapes and bytes of the model's tensors, in the order of their names: equal for
// equal models, whatever file they are in.
std::string weights_sha256(nn::Module& model);

}  // namespace espalier::train

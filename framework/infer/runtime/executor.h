// Runs a network on batches of one size. Everything is prepared once: lanes, kernels, their weights, and one
// arena in which all buffers have their places. Knows neither tensors nor the tape.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/infer/runtime/convolution.h"
#include "framework/infer/runtime/memory.h"
#include "framework/infer/runtime/program.h"

namespace espalier::infer {

struct ExecutorOptions {
  std::int64_t batch = 1;
  // Measure the kernels of every convolution and take the fastest; otherwise a table decides, and with it the
  // same bits every day.
  bool tune = false;
};

// One convolution, as it was decided.
struct ChosenKernel {
  std::string layer, kernel;
  // What it costs, then the others: estimated in millions of vector multiply-adds, or measured.
  std::string why;
  std::int64_t macs = 0;  // of one image
  double density = 1.0;   // of its weights
};

class Executor {
 public:
  // Throws Error when the batch is not positive, or memory runs out.
  Executor(Network network, const ExecutorOptions& options);

  // images [batch][C][H][W] -> results [batch][features of the output]. Allocates nothing; one call at a
  // time. Throws Error when more threads are asked for than when it was made: their scratch is in the plan.
  void run(const float* images, float* results);

  // The shortest time of each step in so many runs, in seconds.
  std::vector<double> profile(const float* images, float* results, int runs);

  const Network& network() const { return network_; }
  const Program& program() const { return program_; }
  const std::vector<ChosenKernel>& kernels() const { return chosen_; }
  std::int64_t batch() const { return batch_; }
  std::int64_t image_floats() const;   // of one image
  std::int64_t result_floats() const;  // of one image
  std::int64_t arena_bytes() const { return static_cast<std::int64_t>(arena_.size_bytes()); }
  std::int64_t weight_bytes() const;

 private:
  std::int64_t macs_of_image(const Layer& layer) const;  // of a convolution
  void choose_kernels(bool tune);
  void plan_memory();
  void run_step(std::size_t index, const float* images, float* results);
  float* buffer(int index) const;
  std::int64_t floats(int index) const;  // of a buffer

  std::int64_t batch_;
  int threads_;
  Network network_;
  Program program_;
  std::vector<ChosenKernel> chosen_;
  std::vector<std::unique_ptr<Convolution>> convolutions_;  // [steps]; null: another kind of step
  std::vector<float> zeros_, ones_, inv_std_;               // [most channels]: a norm without statistics
  Memory arena_;
};

}  // namespace espalier::infer

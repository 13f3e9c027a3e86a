#include "experiments/reporter.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

namespace espalier {
namespace {

constexpr double kLiveSeconds = 0.2;    // between changes of the live line
constexpr double kPlainSeconds = 60.0;  // between lines within an epoch, where there is no terminal

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

std::string format_seconds(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::max(seconds, 0.0) + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

Reporter::Reporter(std::FILE* stream) : stream_(stream), terminal_(::isatty(::fileno(stream)) == 1) {}

void Reporter::clear_live() {
  if (live_) fmt::print(stream_, "\r\033[K");
  live_ = false;
}

void Reporter::line(const std::string& text) {
  clear_live();
  fmt::print(stream_, "{}\n", text);
  std::fflush(stream_);
}

void Reporter::live(const std::string& text) {
  if (!terminal_) return;
  fmt::print(stream_, "\r{}\033[K", text);
  std::fflush(stream_);
  live_ = true;
}

ProgressLine::ProgressLine(Reporter& reporter, std::string label, std::int64_t epochs,
                           std::int64_t steps_per_epoch, std::int64_t steps_done)
    : reporter_(reporter),
      label_(std::move(label)),
      epochs_(epochs),
      steps_per_epoch_(steps_per_epoch),
      first_step_(steps_done),
      begin_seconds_(now_seconds()),
      shown_seconds_(begin_seconds_) {}

void ProgressLine::on_step(const train::StepReport& report) {
  images_ += report.images;
  const double now = now_seconds();
  if (now - shown_seconds_ < (reporter_.has_terminal() ? kLiveSeconds : kPlainSeconds)) return;
  shown_seconds_ = now;
  const double elapsed = now - begin_seconds_;
  const train::Progress& p = report.progress;
  const double left = elapsed / static_cast<double>(p.step - first_step_) *
                      static_cast<double>(epochs_ * steps_per_epoch_ - p.step);
  const std::string text =
      fmt::format("{}  epoch {}/{}  step {}/{}  loss {:.4f}  accuracy {:.2f}%  {:.0f} images/s  {} left",
                  label_, p.epoch + 1, epochs_, p.batch, steps_per_epoch_, p.metrics.loss(),
                  p.metrics.accuracy_percent(), static_cast<double>(images_) / elapsed, format_seconds(left));
  reporter_.has_terminal() ? reporter_.live(text) : reporter_.line(text);
}

void ProgressLine::on_epoch_end(const train::EpochReport&) { shown_seconds_ = now_seconds(); }

}  // namespace espalier

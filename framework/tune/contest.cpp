#include "framework/tune/contest.h"

#include <algorithm>
#include <limits>

namespace espalier::tune {
namespace {

constexpr int kRounds = 2, kMostRounds = 10;
// Of a way in all: below the first it goes on, beyond the second no longer.
constexpr double kShortSeconds = 0.005, kLongSeconds = 0.5;
constexpr double kAgree = 1.05;  // two times that do may be believed
// So far behind the leader a way leaves. The first round touches fresh memory.
constexpr double kBehindAtFirst = 2.0, kBehind = 1.25;

std::size_t fastest(const std::vector<double>& seconds) {
  return static_cast<std::size_t>(std::min_element(seconds.begin(), seconds.end()) - seconds.begin());
}

class Turns {
 public:
  Turns(std::size_t ways, const Measure& measure)
      : measure_(measure),
        seconds_(ways, std::numeric_limits<double>::infinity()),
        second_(ways, std::numeric_limits<double>::infinity()) {
    for (std::size_t way = 0; way < ways; ++way) running_.push_back(way);
  }

  void run(bool leave_early) {
    double of_each = 0.0;  // on average
    for (int round = 0; round < kMostRounds; ++round) {
      if (round >= kRounds && of_each >= (agreed() ? kShortSeconds : kLongSeconds)) return;
      double sum = 0.0;
      for (const std::size_t way : running_) {
        const double once = measure_(way);
        second_[way] = std::min(second_[way], std::max(seconds_[way], once));
        seconds_[way] = std::min(seconds_[way], once);
        sum += once;
      }
      of_each += sum / static_cast<double>(running_.size());
      if (leave_early) drop_behind(round == 0 ? kBehindAtFirst : kBehind);
      if (leave_early && running_.size() == 1) return;
    }
  }

  const std::vector<double>& seconds() const { return seconds_; }

 private:
  bool agreed() const {
    return std::all_of(running_.begin(), running_.end(),
                       [&](std::size_t way) { return second_[way] <= kAgree * seconds_[way]; });
  }

  void drop_behind(double factor) {
    const double leader = seconds_[fastest(seconds_)];
    std::erase_if(running_, [&](std::size_t way) { return way != 0 && seconds_[way] > factor * leader; });
  }

  const Measure& measure_;
  std::vector<std::size_t> running_;
  std::vector<double> seconds_, second_;  // the shortest of each, and the next
};

bool beats_the_usual(const std::vector<double>& seconds) {
  return seconds[fastest(seconds)] * kMargin < seconds[0];
}

}  // namespace

std::vector<double> shortest_times(std::size_t ways, const Measure& measure) {
  Turns turns(ways, measure);
  turns.run(/*leave_early=*/false);
  return turns.seconds();
}

Standing contest(std::size_t ways, const Measure& measure) {
  Turns turns(ways, measure);
  turns.run(/*leave_early=*/true);
  if (beats_the_usual(turns.seconds())) turns.run(/*leave_early=*/true);
  const std::vector<double>& seconds = turns.seconds();
  return {beats_the_usual(seconds) ? fastest(seconds) : 0, seconds};
}

}  // namespace espalier::tune

// Where the time of a training step goes, by operation.
//
//   Profile profile;                       // from here on, in this thread
//   ... forward, loss.backward() ...
//   optimizer.step(); profile.lap("optimizer", bytes);
//   for (const Profile::Row& row : profile.rows()) ...
//
// The time from one event to the next belongs to the later: an operation records itself when it has computed,
// and the engine when it has run an operation's backward. Without a Profile in scope an event costs one read.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

class Profile {
 public:
  enum class Pass { forward, backward };

  struct Row {
    std::string name;  // of an operation, or what lap() was given
    double forward_seconds = 0.0, backward_seconds = 0.0;
    // Of the operands, each counted once: what has to pass through memory where no cache holds it.
    std::int64_t forward_bytes = 0, backward_bytes = 0;
    std::int64_t calls = 0;  // of the forward
    double seconds() const { return forward_seconds + backward_seconds; }
    double forward_gb_per_s() const { return gb_per_s(forward_bytes, forward_seconds); }
    double backward_gb_per_s() const { return gb_per_s(backward_bytes, backward_seconds); }

   private:
    static double gb_per_s(std::int64_t bytes, double seconds) {
      return seconds > 0.0 ? 1e-9 * static_cast<double>(bytes) / seconds : 0.0;
    }
  };

  Profile();
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  // The time since the last event was spent on `name`, whose operands take so many bytes.
  void lap(std::string_view name, std::int64_t bytes, Pass pass = Pass::forward);
  // The time since the last event is nobody's.
  void skip();

  // In the order of their first event.
  const std::vector<Row>& rows() const { return rows_; }

  // The innermost Profile in scope in this thread, or null.
  static Profile* active();

 private:
  using Clock = std::chrono::steady_clock;

  std::vector<Row> rows_;
  Clock::time_point last_ = Clock::now();
  Profile* before_;
};

}  // namespace espalier

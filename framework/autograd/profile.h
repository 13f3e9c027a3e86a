// Where the time of a training step goes, by operation.
//
//   Profile profile;                       // from here on, in this thread
//   ... forward, loss.backward() ...
//   optimizer.step(); profile.lap("optimizer");
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
    std::int64_t calls = 0;  // of the forward
    double seconds() const { return forward_seconds + backward_seconds; }
  };

  Profile();
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  // The time since the last event was spent on `name`.
  void lap(std::string_view name, Pass pass = Pass::forward);
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

// Stopping a run in good order: SIGINT and SIGTERM ask for it, the training loop looks after every step.
#pragma once

namespace espalier::train {

// From now on SIGINT and SIGTERM set a flag; a second one ends the process at once.
void catch_stop_signals();

bool stop_requested();
// As a signal would; for tests and other front ends.
void request_stop(bool value = true);

}  // namespace espalier::train

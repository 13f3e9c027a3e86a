// Runs the program `espalier` as a user does, in a process of its own.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/temporary_directory.h"

namespace espalier::testing {

// A run of the program that goes on beside the test. Its output goes to a file.
class Program {
 public:
  // `file_limit_bytes`: no file may grow beyond it, as on a full disk; -1: no limit.
  Program(const std::vector<std::string>& arguments, const std::filesystem::path& output,
          long file_limit_bytes = -1);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  bool running();
  void send(int signal);
  // The exit code, or 128 + the signal that ended it.
  int wait();

 private:
  pid_t process_;
  int status_ = 0;
  bool ended_ = false;
};

struct Outcome {
  int exit_code;
  std::string output;  // stdout and stderr
};

inline Program::Program(const std::vector<std::string>& arguments, const std::filesystem::path& output,
                        long file_limit_bytes) {
  std::vector<char*> argv = {const_cast<char*>(ESPALIER_PROGRAM)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  process_ = ::fork();
  if (process_ != 0) return;
  const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::dup2(file, STDOUT_FILENO);
  ::dup2(file, STDERR_FILENO);
  if (file_limit_bytes >= 0) {
    const rlimit limit{static_cast<rlim_t>(file_limit_bytes), static_cast<rlim_t>(file_limit_bytes)};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ::setenv("OMP_WAIT_POLICY", "passive", 1);  // threads that wait must not starve others on a busy machine
  ::setenv("ESPALIER_TUNE", "off", 0);        // the clock decides nothing, unless a test asks for it
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

inline Program::~Program() {
  if (!running()) return;
  send(SIGKILL);
  wait();
}

inline bool Program::running() {
  if (!ended_) ended_ = ::waitpid(process_, &status_, WNOHANG) == process_;
  return !ended_;
}

inline void Program::send(int signal) {
  if (running()) ::kill(process_, signal);
}

inline int Program::wait() {
  if (!ended_) ::waitpid(process_, &status_, 0);
  ended_ = true;
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
}

inline Outcome run_program(const std::vector<std::string>& arguments, long file_limit_bytes = -1) {
  const TemporaryDirectory directory;
  const std::filesystem::path output = directory.path() / "output";
  Program program(arguments, output, file_limit_bytes);
  const int exit_code = program.wait();
  std::ifstream file(output);
  return {exit_code, std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>())};
}

// Sets a variable for programs that are started while it lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    const char* before = ::getenv(name);
    if (before != nullptr) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

inline nlohmann::json read_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

// As if the checkpoint had been made with another data set.
inline void change_dataset(const std::filesystem::path& checkpoint) {
  nlohmann::json manifest = read_json(checkpoint / "manifest.json");
  manifest.at("about").at("dataset") = "cifar10";
  write_text(checkpoint / "manifest.json", manifest.dump());
}

}  // namespace espalier::testing

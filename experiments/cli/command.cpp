#include "experiments/cli/command.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>

#include "experiments/build_info.h"
#include "experiments/tuning.h"
#include "framework/core/error.h"
#include "framework/core/suggest.h"
#include "kernels/backend.h"
#include "kernels/base/isa.h"

namespace espalier::cli {

#define COMMAND(name, help) int name(int argc, char** argv);
#include "experiments/cli/commands.inc"
#undef COMMAND

namespace {

constexpr Command kCommands[] = {
#define COMMAND(name, help) {#name, help, name},
#include "experiments/cli/commands.inc"
#undef COMMAND
};

void print_help() {
  fmt::print("Espalier trains neural networks that are pruned while they grow.\n\n");
  fmt::print("usage: espalier COMMAND [arguments]\n\ncommands:\n");
  for (const Command& command : commands()) fmt::print("  {:<11} {}\n", command.name, command.help);
  fmt::print("\n`espalier COMMAND --help` describes one.\n");
}

const Command& find_command(std::string_view name) {
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    if (command.name == name) return command;
    names.emplace_back(command.name);
  }
  fail(ErrorKind::usage, "espalier", "no command is named '{}'{} (known: {})", name,
       did_you_mean(name, names), fmt::join(names, ", "));
}

// A figure from another ISA or backend than the user asked for would mislead. `doctor` shows the problem.
void refuse_bad_environment() {
  for (std::string_view problem : {kernels::isa_request_error(), kernels::backend_request_error()}) {
    if (!problem.empty()) fail(ErrorKind::usage, "espalier", "{}", problem);
  }
  tuning_environment();
}

// The option as typed, without dashes and value: "--epoch=3" -> "epoch".
std::string option_name(std::string_view typed) {
  const std::size_t begin = std::min(typed.find_first_not_of('-'), typed.size());
  return std::string(typed.substr(begin, typed.find('=') - begin));
}

std::string unknown_option(const cxxopts::Options& options, const std::string& typed) {
  std::vector<std::string> names;
  for (const std::string& group : options.groups()) {
    for (const auto& option : options.group_help(group).options)
      names.insert(names.end(), option.l.begin(), option.l.end());
  }
  const std::string match = nearest(option_name(typed), names);
  return fmt::format("no option is named '{}'{}", typed,
                     match.empty() ? "" : "; did you mean '--" + match + "'?");
}

int run_command(int argc, char** argv) {
  const std::string_view name = argc > 1 ? argv[1] : "--help";
  if (name == "--help" || name == "-h" || name == "help") {
    print_help();
    return argc > 1 ? 0 : static_cast<int>(ErrorKind::usage);
  }
  if (name == "--version") {
    fmt::print("espalier {}\n", build_description());
    return 0;
  }
  const Command& command = find_command(name);
  if (name != "doctor") refuse_bad_environment();
  return command.run(argc - 1, argv + 1);
}

// Output that a full disk has swallowed is a failure, also when it is noticed only now.
void finish_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    fail(ErrorKind::io, "espalier", "cannot write the output: {}", std::generic_category().message(errno));
}

// Returns the exit code.
int report(const std::exception& error, ErrorKind kind) {
  std::fflush(stdout);
  std::fprintf(stderr, "espalier: %s\n", error.what());  // fmt would throw where it cannot be written
  return static_cast<int>(kind);
}

}  // namespace

std::span<const Command> commands() { return kCommands; }

int main(int argc, char** argv) {
  try {
    const int exit_code = run_command(argc, argv);
    finish_output();
    return exit_code;
  } catch (const Error& error) {
    return report(error, error.kind());
  } catch (const std::system_error& error) {  // of the standard library: files, directories, output
    return report(error, ErrorKind::io);
  } catch (const std::exception& error) { return report(error, ErrorKind::failure); }
}

std::optional<cxxopts::ParseResult> parse(cxxopts::Options& options, int argc, char** argv,
                                          const std::string& positionals) {
  options.add_options()("h,help", "print this");
  options.custom_help(positionals.empty() ? "[options]" : positionals + " [options]");
  options.positional_help("");
  options.allow_unrecognised_options();  // so that the message can name the nearest
  try {
    cxxopts::ParseResult result = options.parse(argc, argv);
    if (result.count("help") > 0) {
      fmt::print("{}", options.help());
      return std::nullopt;
    }
    for (const std::string& typed : result.unmatched()) {
      if (typed.starts_with("-"))
        fail(ErrorKind::usage, options.program(), "{}", unknown_option(options, typed));
      fail(ErrorKind::usage, options.program(), "'{}' is one argument too many; see --help", typed);
    }
    return result;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {  // cxxopts' own, whose types differ between its versions
    fail(ErrorKind::usage, options.program(), "{}; see --help", error.what());
  }
}

std::string required(const cxxopts::ParseResult& arguments, const std::string& name) {
  if (arguments.count(name) == 0) fail(ErrorKind::usage, "espalier", "{} is missing; see --help", name);
  return arguments[name].as<std::string>();
}

void print_json(const nlohmann::ordered_json& json) {
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

std::vector<std::string> overrides(const cxxopts::ParseResult& arguments) {
  if (arguments.count("overrides") == 0) return {};
  return arguments["overrides"].as<std::vector<std::string>>();
}

}  // namespace espalier::cli

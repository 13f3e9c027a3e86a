// The commands of `espalier`, and how they parse their arguments.
//
//   int inspect(int argc, char** argv) {
//     cxxopts::Options options("espalier inspect", "parameters, density and MACs of a checkpoint, by layer");
//     options.add_options()("json", "as JSON")("checkpoint", "...", cxxopts::value<std::string>());
//     options.parse_positional("checkpoint");
//     const auto arguments = parse(options, argc, argv, "CHECKPOINT");
//     if (!arguments) return 0;
//     ...
#pragma once

#define CXXOPTS_VECTOR_DELIMITER '\0'  // a list in key=[a, b] is one argument
#include <cxxopts.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace espalier::cli {

struct Command {
  const char* name;
  const char* help;
  // argv[0] is the command's own name. Returns the exit code; throws Error.
  int (*run)(int argc, char** argv);
};

// The rows of commands.inc.
std::span<const Command> commands();

// Runs the program: picks the command, prints what it throws, returns the exit code (ErrorKind's values).
int main(int argc, char** argv);

// Adds --help, parses strictly. Returns nothing when help was asked for and printed; throws Error (usage)
// with the nearest option for one that is unknown. `positionals` is how help writes the positional ones.
std::optional<cxxopts::ParseResult> parse(cxxopts::Options& options, int argc, char** argv,
                                          const std::string& positionals = "");

// The value of a required positional argument; throws Error (usage) when it was left out.
std::string required(const cxxopts::ParseResult& arguments, const std::string& name);

// To stdout, for --json. Bytes that are no UTF-8, as paths may hold them, become U+FFFD.
void print_json(const nlohmann::ordered_json& json);

// The key=value arguments of a command that takes them as its last positional, "overrides".
std::vector<std::string> overrides(const cxxopts::ParseResult& arguments);

}  // namespace espalier::cli

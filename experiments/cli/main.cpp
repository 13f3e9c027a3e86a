#include "experiments/cli/command.h"

int main(int argc, char** argv) { return espalier::cli::main(argc, argv); }

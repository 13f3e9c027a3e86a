#include "pruning/dependencies/branches.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace espalier::pruning {
namespace {

using graph::Graph;
using graph::Operation;

// Where a branch is added to its shortcut.
struct Join {
  int operation = -1;
  int shortcut = -1, result = -1;  // values; of a batch norm with a residual, what it normalises
  bool norm = false;               // the operation itself is the end of the branch
};

// "layer1.0" of "layer1.0.bn2" and "layer1.0.conv2".
std::string common_path(const std::string& a, const std::string& b) {
  const auto end =
      static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  const auto whole = [&](const std::string& path) { return end == path.size() || path[end] == '.'; };
  if (whole(a) && whole(b)) return a.substr(0, end);
  const std::size_t dot = a.substr(0, end).rfind('.');
  return dot == std::string::npos ? "" : a.substr(0, dot);
}

class Finder {
 public:
  explicit Finder(const Graph& graph) : graph_(graph) {}

  std::vector<ResidualBranch> all() const {
    std::vector<ResidualBranch> branches;
    for (int i = 0; i < static_cast<int>(graph_.operations.size()); ++i) {
      const Operation& o = operation(i);
      if (o.op == "batch_norm" && o.inputs[3] >= 0) {
        branches.push_back(branch({i, o.inputs[3], o.inputs[0], true}));
      } else if (o.op == "add" && adds_streams(o)) {
        const bool first_is_shortcut =
            depends(o.inputs[1], o.inputs[0]) || !depends(o.inputs[0], o.inputs[1]);
        branches.push_back(first_is_shortcut ? branch({i, o.inputs[0], o.inputs[1], false})
                                             : branch({i, o.inputs[1], o.inputs[0], false}));
      }
    }
    return branches;
  }

 private:
  const Operation& operation(int index) const { return graph_.operations[static_cast<std::size_t>(index)]; }
  const graph::Value& value(int index) const { return graph_.values[static_cast<std::size_t>(index)]; }

  // Two activations that the model has computed.
  bool adds_streams(const Operation& add) const {
    return std::all_of(add.inputs.begin(), add.inputs.end(),
                       [&](int i) { return value(i).activation && value(i).maker >= 0; }) &&
           add.inputs[0] != add.inputs[1];
  }

  // The operations that compute `to` from `from`; `outside` when they read another activation too.
  void walk(int to, int from, std::set<int>& operations, bool& outside) const {
    if (to == from) return;
    const int maker = value(to).maker;
    if (maker < 0) {
      outside |= value(to).activation;
      return;
    }
    if (!operations.insert(maker).second) return;
    for (const int input : operation(maker).inputs) {
      if (input >= 0) walk(input, from, operations, outside);
    }
  }
  bool depends(int to, int from) const {
    std::set<int> operations;
    bool outside = false;
    walk(to, from, operations, outside);
    return std::any_of(operations.begin(), operations.end(), [&](int o) {
      const std::vector<int>& inputs = operation(o).inputs;
      return std::find(inputs.begin(), inputs.end(), from) != inputs.end();
    });
  }

  ResidualBranch branch(const Join& join) const {
    const Operation& end = join.norm ? operation(join.operation) : operation(value(join.result).maker);
    ResidualBranch branch{.name = {}, .block = {}, .parameters = {}, .last = {}, .reason = {}};
    name(join, branch);
    const bool has_weights = end.op == "linear" || end.op == "conv2d" || end.op == "batch_norm";
    for (std::size_t i = 1; has_weights && i < 3; ++i) {
      nn::Parameter* parameter = end.inputs[i] >= 0 ? value(end.inputs[i]).parameter : nullptr;
      if (parameter != nullptr) branch.last.push_back(parameter);
    }
    std::set<int> operations;
    bool outside = false;
    walk(join.result, join.shortcut, operations, outside);
    const bool identity = depends(join.result, join.shortcut);
    if (join.norm) operations.insert(join.operation);
    if (!identity) {
      const int maker = value(join.shortcut).maker;
      branch.reason = "its shortcut is no identity" +
                      (maker < 0 ? std::string() : ": " + operation(maker).where() + " makes it");
    } else if (outside) {
      branch.reason = "it reads more than what it is added to";
    } else if (branch.last.empty() || (!join.norm && end.op == "batch_norm" && end.inputs[3] >= 0)) {
      branch.reason = "it ends in " + end.where() + ", which a mask cannot silence";
    } else {
      branch.reason = use_elsewhere(join, operations);
    }
    branch.parameters = branch.reason.empty() ? parameters_of(operations) : branch.last;
    return branch;
  }

  // After the module that is the branch, seen from where it is added.
  void name(const Join& join, ResidualBranch& branch) const {
    const std::string& at = operation(join.operation).layer;
    const int maker = value(join.result).maker;
    const std::string last = maker < 0 ? at : operation(maker).layer;
    branch.block = join.norm ? common_path(at, last) : at;
    branch.name = branch.block;
    if (!join.norm && last.size() > at.size() && last.starts_with(at)) {
      const std::size_t begin = at.empty() ? 0 : at.size() + 1;
      branch.name = last.substr(0, last.find('.', begin));
    }
    if (branch.name.empty()) branch.name = last;
    if (branch.block.empty()) branch.block = branch.name;
  }

  // Why what is inside a branch is not its own; empty: it is.
  std::string use_elsewhere(const Join& join, const std::set<int>& operations) const {
    std::set<int> inside;  // values that must not be read by others
    for (const int o : operations) {
      if (o != join.operation) inside.insert(operation(o).output);
      for (const int input : operation(o).inputs) {
        if (input >= 0 && (value(input).parameter != nullptr || value(input).buffer != nullptr))
          inside.insert(input);
      }
    }
    if (inside.contains(graph_.output)) return "the model gives a part of it";
    for (int i = 0; i < static_cast<int>(graph_.operations.size()); ++i) {
      if (i == join.operation || operations.contains(i)) continue;
      for (const int input : operation(i).inputs) {
        if (inside.contains(input)) return operation(i).where() + " uses a part of it";
      }
    }
    return {};
  }

  std::vector<nn::Parameter*> parameters_of(const std::set<int>& operations) const {
    std::vector<nn::Parameter*> parameters;
    for (const int o : operations) {
      for (const int input : operation(o).inputs) {
        nn::Parameter* parameter = input >= 0 ? value(input).parameter : nullptr;
        const bool known = std::find(parameters.begin(), parameters.end(), parameter) != parameters.end();
        if (parameter != nullptr && !known) parameters.push_back(parameter);
      }
    }
    return parameters;
  }

  const Graph& graph_;
};

}  // namespace

bool ResidualBranch::silent() const {
  return reason.empty() &&
         std::all_of(last.begin(), last.end(), [](const nn::Parameter* p) { return p->nonzeros() == 0; });
}

MaskVariable ResidualBranch::mask_variable() const {
  MaskVariable variable;
  for (const nn::Parameter* parameter : last) {
    const Shape& shape = parameter->value.shape();
    std::vector<std::int64_t> all(static_cast<std::size_t>(shape[shape.rank() > 1 ? 1 : 0]));
    std::iota(all.begin(), all.end(), std::int64_t{0});
    variable.push_back({parameter, std::move(all)});
  }
  return variable;
}

std::vector<ResidualBranch> find_branches(const Graph& graph) { return Finder(graph).all(); }

}  // namespace espalier::pruning

#include "pruning/policies/transfer.h"

#include <algorithm>
#include <utility>

#include "framework/core/error.h"
#include "pruning/policies/rewind.h"
#include "pruning/targets.h"

namespace espalier::pruning {

void transfer_masks_(nn::Module& to, nn::Module& from, const std::vector<std::string>& exclude,
                     std::optional<std::uint64_t> shuffle_seed) {
  std::vector<std::pair<nn::Parameter*, const nn::Parameter*>> pairs;
  std::vector<std::string> misfits;
  const std::vector<nn::Parameter*> receivers = to.parameters();
  std::vector<std::string> givers;
  for (const nn::Parameter* giver : from.parameters()) givers.push_back(giver->name);
  refuse_idle_patterns(exclude, givers, "transfer");
  for (const nn::Parameter* giver : from.parameters()) {
    const bool excluded = std::any_of(exclude.begin(), exclude.end(), [&](const std::string& pattern) {
      return name_matches(giver->name, pattern);
    });
    if (giver->mask.dense() || excluded) continue;
    const auto found = std::find_if(receivers.begin(), receivers.end(),
                                    [&](const nn::Parameter* p) { return p->name == giver->name; });
    if (found != receivers.end() && (*found)->value.shape() == giver->value.shape()) {
      pairs.emplace_back(*found, giver);
    } else {
      misfits.push_back(giver->name + " " + giver->value.shape().str());
    }
  }
  if (!misfits.empty()) {
    fail(ErrorKind::usage, "transfer", "the model has no weights for the masks of {}; exclude them",
         fmt::join(misfits, ", "));
  }
  if (pairs.empty())
    fail(ErrorKind::usage, "transfer", "there is no mask to transfer: all weights are alive");
  std::vector<nn::Parameter*> masked;
  for (const auto& [receiver, giver] : pairs) {
    receiver->mask = Mask::from(giver->mask.bytes().clone());
    masked.push_back(receiver);
  }
  if (shuffle_seed) shuffle_masks_(masked, *shuffle_seed);
  for (nn::Parameter* receiver : masked) receiver->mask.apply_(receiver->value);
}

}  // namespace espalier::pruning

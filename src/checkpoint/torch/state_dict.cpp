// Which of the dicts in a checkpoint is the model's.
#include <algorithm>
#include <array>
#include <ranges>
#include <set>
#include <unordered_map>

#include "checkpoint/checks.h"
#include "checkpoint/torch/pickle_machine.h"

namespace t3video::checkpoint {
namespace {

using namespace pickle;

// Under which programs keep a model's weights, the likeliest first: it stands before what may be there besides.
constexpr std::string_view kUsual[] = {"generator", "state_dict", "model_state_dict", "model_state", "model",  "module",
                                       "params",    "weights",    "network",          "net",         "student"};
// Parts of names of what is no generator, though it has weights or moments of them.
constexpr std::array<std::string_view, 8> kOthers = {"critic", "discriminator", "optimizer", "optimizers",
                                                     "optim",  "scheduler",     "fake",      "teacher"};

// Whether one of the words of a name ("model_ema", "ema.model") is among `words`.
bool has_word(std::string_view name, std::span<const std::string_view> words) {
    while (!name.empty()) {
        const size_t end = std::min(name.find_first_of("_.- "), name.size());
        if (std::ranges::find(words, name.substr(0, end)) != words.end()) return true;
        name.remove_prefix(std::min(end + 1, name.size()));
    }
    return false;
}

class Chooser {
  public:
    explicit Chooser(const Pickled& pickled) : pickled_(pickled), values_(pickled.values) {}

    // The dict of tensors in `root`; `choice` is what to say about it.
    const Dict* dict_in(Id root, std::string& choice, const std::string& where) {
        std::string path;
        std::vector<std::string> passed_over;
        const Dict* dict = std::get_if<Dict>(&values_[root]);
        for (int depth = 0; dict != nullptr && depth < kDeepest; ++depth) {
            const std::vector<Named> inner = dicts_with_tensors(*dict);
            const Named* taken = usual(inner);
            if (taken == nullptr) {
                if (inner.empty() || holds_tensors_itself(*dict, 2))
                    break;  // numbers count steps, rows are random states
                taken = &only(inner, where);
            }
            const std::string prefix = path + (path.empty() ? "" : ".");
            for (const Named& other : inner) {
                if (other.name != taken->name && passed_over.size() <= kMostNamed)
                    passed_over.push_back(prefix + std::string(other.name));
            }
            path = prefix + std::string(taken->name);
            choice = concat("the weights under ", quote(path),
                            passed_over.empty() ? "" : ", not those under " + quoted(passed_over));
            dict = taken->dict;
        }
        return dict;
    }

  private:
    static constexpr int kDeepest = 8;       // dicts in each other
    static constexpr size_t kMostNamed = 8;  // in messages

    struct Named {
        std::string_view name;
        const Dict* dict;
    };

    // The dicts in a dict that hold tensors, themselves or in further ones.
    std::vector<Named> dicts_with_tensors(const Dict& dict) {
        std::vector<Named> found;
        for (const auto& [key, value] : dict.entries) {
            const auto* const name = std::get_if<std::string_view>(&values_[key]);
            const auto* const inner = std::get_if<Dict>(&values_[value]);
            if (name != nullptr && inner != nullptr && holds_tensors(value, 0)) found.push_back({*name, inner});
        }
        return found;
    }

    // Of so many axes at least.
    bool holds_tensors_itself(const Dict& dict, size_t axes = 0) const {
        return std::ranges::any_of(dict.entries, [&](const auto& entry) {
            const auto* const tensor = std::get_if<TensorRef>(&values_[entry.second]);
            return tensor != nullptr && std::holds_alternative<std::string_view>(values_[entry.first]) &&
                   pickled_.tensors[tensor->index].shape.size() >= axes;
        });
    }

    // Each dict is looked into once, however often others refer to it.
    bool holds_tensors(Id id, int depth) {
        const auto [known, first] = holds_.try_emplace(id, false);
        const auto* const dict = std::get_if<Dict>(&values_[id]);
        if (!first || dict == nullptr || depth == kDeepest) return known->second;
        const bool holds =
            holds_tensors_itself(*dict) || std::ranges::any_of(dict->entries, [&](const auto& entry) {
                return std::holds_alternative<Dict>(values_[entry.second]) && holds_tensors(entry.second, depth + 1);
            });
        return holds_[id] = holds;
    }

    static const Named* usual(const std::vector<Named>& dicts) {
        constexpr std::array<std::string_view, 2> kAverage = {"ema", "EMA"};
        constexpr std::array<std::string_view, 6> kOtherNetworks = {"vae", "text", "encoder", "t5", "clip", "image"};
        const Named* best = nullptr;
        size_t best_rank = std::size(kUsual) + 1;
        for (const Named& named : dicts) {
            if (has_word(named.name, kOthers)) continue;
            const bool average = has_word(named.name, kAverage) && !has_word(named.name, kOtherNetworks);
            const auto* const at = std::ranges::find(kUsual, named.name);
            const size_t rank = average ? 0 : static_cast<size_t>(at - std::begin(kUsual)) + 1;
            if (rank < best_rank) {
                best = &named;
                best_rank = rank;
            }
        }
        return best;
    }

    // The one dict that may be a model's.
    static const Named& only(const std::vector<Named>& dicts, const std::string& where) {
        const auto is_model = [](const Named& named) { return !has_word(named.name, kOthers); };
        if (dicts.size() == 1) return dicts.front();
        std::vector<std::string> names;
        for (const Named& named : dicts | std::views::take(kMostNamed + 1)) names.emplace_back(named.name);
        require_valid(std::ranges::count_if(dicts, is_model) == 1, where, ": holds several dicts of tensors, ",
                      quoted(names), "; which are the model's weights is not known. Save one of them alone");
        return *std::ranges::find_if(dicts, is_model);
    }

    static std::string quoted(const std::vector<std::string>& names) {
        std::string all;
        for (size_t i = 0; i < std::min(names.size(), kMostNamed); ++i) all += (i == 0 ? "" : ", ") + quote(names[i]);
        return names.size() > kMostNamed ? all + ", ..." : all;
    }

    const Pickled& pickled_;
    const std::vector<Value>& values_;
    std::unordered_map<Id, bool> holds_;
};

// A LoRA's alpha that is a number of Python.
PickledTensor alpha_of(std::string_view name, const Value& value, const std::string& where) {
    PickledTensor alpha{.name = std::string(name), .dtype = DType::f64};
    if (const auto* whole = std::get_if<int64_t>(&value)) alpha.number = static_cast<double>(*whole);
    if (const auto* number = std::get_if<double>(&value)) alpha.number = *number;
    if (const auto* flag = std::get_if<bool>(&value)) alpha.number = *flag;
    require_valid(alpha.number.has_value(), where, ": ", quote(name),
                  " is no number that can be read; save it as a tensor");
    return alpha;
}

}  // namespace

StateDict state_dict_of(const Pickled& pickled, const std::string& where) {
    StateDict result;
    const Dict* const dict = Chooser(pickled).dict_in(pickled.root, result.choice, where);
    require_valid(dict != nullptr, where, ": its pickle holds something other than a dict of tensors");
    std::set<std::string_view> names;
    std::string_view object;  // what else was there
    for (const auto& [key, value] : dict->entries) {
        if (const auto* opaque = std::get_if<Opaque>(&pickled.values[value])) object = opaque->what;
        const auto* const tensor = std::get_if<TensorRef>(&pickled.values[value]);
        const auto* const name = std::get_if<std::string_view>(&pickled.values[key]);
        if (tensor == nullptr && name != nullptr && name->ends_with(".alpha")) {
            result.tensors.push_back(alpha_of(*name, pickled.values[value], where));
            continue;
        }
        if (tensor == nullptr) continue;  // numbers, texts, settings
        require_valid(name != nullptr, where, ": a tensor in its pickle has something other than a text as name");
        require_valid(names.insert(*name).second, where, ": the tensor ", quote(*name), " appears twice");
        result.tensors.push_back(pickled.tensors[tensor->index]);
        result.tensors.back().name = *name;
    }
    require_valid(!result.tensors.empty(), where, ": the file holds no tensors",
                  object.empty() ? "" : concat(" of torch, but objects such as ", object));
    return result;
}

StateDict read_state_dict(std::span<const std::byte> pickle, const std::string& where) {
    require_valid(pickle.size() <= kMaxPickleBytes, where, ": a pickle of ", pickle.size(), " bytes, at most ",
                  kMaxPickleBytes, " are read");
    return state_dict_of(Machine(pickle, where).run(), where);
}

}  // namespace t3video::checkpoint

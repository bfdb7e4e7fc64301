// A symbolic pickle machine: its stack holds descriptions, never objects. Values are numbered and refer to each other
// by number, so a pickle that makes cycles or shares parts costs no more than it has opcodes.
#include "checkpoint/pickle.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "checkpoint/checks.h"
#include "checkpoint/pickle_value.h"
#include "core/error.h"
#include "core/shape.h"

namespace t3video::checkpoint {
namespace {

using namespace pickle;

// The stack machine that runs a pickle's opcodes.
class PickleMachine {
  public:
    PickleMachine(std::span<const std::byte> pickle, const std::string& where) : pickle_(pickle), where_(where) {}

    std::vector<PickledTensor> run() {
        while (step()) {
        }
        check(marks_.empty() && stack_.size() == 1, "STOP with ", stack_.size(), " values on the stack, expected 1");
        return state_dict(stack_.back());
    }

  private:
    static constexpr size_t kMaxValues = size_t{1} << 22;  // 4 million: far above any state dict, about 250 MB
    static constexpr size_t kLongestKey = 256;             // bytes; torch numbers its storages

    template <class... Parts>
    [[noreturn]] void fail(const Parts&... parts) const {
        throw InvalidRequest(concat(where_, ": pickle byte ", at_, ": ", parts...));
    }
    template <class... Parts>
    void check(bool condition, const Parts&... parts) const {
        if (!condition) fail(parts...);
    }

    // These read the pickle from front to back.
    std::string_view read_bytes(size_t count) {
        check(count <= pickle_.size() - position_, "the pickle ends within this opcode; the file is truncated");
        const auto* const begin = reinterpret_cast<const char*>(pickle_.data()) + position_;
        position_ += count;
        return {begin, count};
    }
    template <class T>
    T number() {
        T value;
        std::memcpy(&value, read_bytes(sizeof(T)).data(), sizeof(T));
        return value;
    }
    std::string_view line() {
        const std::string_view rest(reinterpret_cast<const char*>(pickle_.data()) + position_,
                                    pickle_.size() - position_);
        const size_t length = rest.find('\n');
        check(length != std::string_view::npos, "the pickle ends within a name; the file is truncated");
        return read_bytes(length + 1).substr(0, length);
    }

    // These work on the stack.
    void push(Value value) {
        check(values_.size() < kMaxValues, "more than ", kMaxValues, " values: not a state dict");
        stack_.push_back(static_cast<Id>(values_.size()));
        values_.push_back(std::move(value));
    }
    size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
    Ids pop(size_t count) {
        check(stack_.size() - floor() >= count, "takes ", count, " values from a stack of ", stack_.size() - floor());
        const Ids popped(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
        stack_.resize(stack_.size() - count);
        return popped;
    }
    Ids pop_to_mark() {
        check(!marks_.empty(), "takes values up to a mark, but none is set");
        const Ids popped = pop(stack_.size() - marks_.back());
        marks_.pop_back();
        return popped;
    }
    Id top() const {
        check(stack_.size() > floor(), "needs a value on the stack, which is empty");
        return stack_.back();
    }
    template <class T>
    const T& as(Id id, const char* what) const {
        const T* const value = std::get_if<T>(&values_[id]);
        check(value != nullptr, "expected ", what);
        return *value;
    }

    bool step();
    Value allowed_global();
    int64_t long_integer();
    void remember(size_t slot) {
        check(memo_.size() < kMaxValues, "remembers more than ", kMaxValues, " values: not a state dict");
        memo_[slot] = top();
    }
    void recall(size_t slot);
    void set_items(const Ids& items);
    void append(const Ids& items);
    StorageRef storage_reference(Id id) const;
    void reduce();
    TensorRef rebuild_tensor(const Ids& arguments);
    std::vector<int64_t> integers(Id id, const char* what) const;
    const Dict& tensor_dict(Id root) const;
    std::vector<PickledTensor> state_dict(Id root) const;

    std::span<const std::byte> pickle_;
    const std::string& where_;
    size_t position_ = 0, at_ = 0;  // of the next byte, of the current opcode
    std::vector<Value> values_;
    Ids stack_;
    std::vector<size_t> marks_;
    std::unordered_map<size_t, Id> memo_;
    std::vector<PickledTensor> tensors_;
};

// Runs one opcode; false at STOP.
bool PickleMachine::step() {
    at_ = position_;
    check(position_ < pickle_.size(), "the pickle ends without STOP; the file is truncated");
    const auto opcode = number<uint8_t>();
    switch (static_cast<Opcode>(opcode)) {
        case Opcode::proto: {
            const int version = number<uint8_t>();
            check(version >= 2 && version <= 4, "pickle protocol ", version, ", expected 2 to 4");
            break;
        }
        case Opcode::global:
            push(allowed_global());
            break;
        case Opcode::mark:
            check(marks_.size() < kMaxValues, "more than ", kMaxValues, " marks: not a state dict");
            marks_.push_back(stack_.size());
            break;
        case Opcode::empty_tuple:
            push(Tuple{});
            break;
        case Opcode::tuple1:
            push(Tuple{pop(1)});
            break;
        case Opcode::tuple2:
            push(Tuple{pop(2)});
            break;
        case Opcode::tuple3:
            push(Tuple{pop(3)});
            break;
        case Opcode::tuple:
            push(Tuple{pop_to_mark()});
            break;
        case Opcode::empty_dict:
            push(Dict{});
            break;
        case Opcode::setitem:
            set_items(pop(2));
            break;
        case Opcode::setitems:
            set_items(pop_to_mark());
            break;
        case Opcode::empty_list:
            push(List{});
            break;
        case Opcode::append:
            append(pop(1));
            break;
        case Opcode::appends:
            append(pop_to_mark());
            break;
        case Opcode::binunicode:
            push(read_bytes(number<uint32_t>()));
            break;
        case Opcode::short_binunicode:
            push(read_bytes(number<uint8_t>()));
            break;
        case Opcode::binint:
            push(int64_t{number<int32_t>()});
            break;
        case Opcode::binint1:
            push(int64_t{number<uint8_t>()});
            break;
        case Opcode::binint2:
            push(int64_t{number<uint16_t>()});
            break;
        case Opcode::long1:
            push(long_integer());
            break;
        case Opcode::binfloat:
            push(std::bit_cast<double>(__builtin_bswap64(number<uint64_t>())));
            break;
        case Opcode::none:
            push(None{});
            break;
        case Opcode::newtrue:
            push(true);
            break;
        case Opcode::newfalse:
            push(false);
            break;
        case Opcode::binput:
            remember(number<uint8_t>());
            break;
        case Opcode::long_binput:
            remember(number<uint32_t>());
            break;
        case Opcode::memoize:
            remember(memo_.size());
            break;
        case Opcode::binget:
            recall(number<uint8_t>());
            break;
        case Opcode::long_binget:
            recall(number<uint32_t>());
            break;
        case Opcode::binpersid:
            push(storage_reference(pop(1)[0]));
            break;
        case Opcode::reduce:
            reduce();
            break;
        case Opcode::build:
            pop(1);
            top();
            break;  // the object stays; its state (a module's _metadata) is of no use
        case Opcode::stop:
            return false;
        default: {
            constexpr std::string_view kHex = "0123456789abcdef";
            fail("opcode 0x", kHex[opcode >> 4], kHex[opcode & 15], " is not one that a state dict needs");
        }
    }
    return true;
}

Value PickleMachine::allowed_global() {
    const std::string_view module = line(), attribute = line();
    const std::string name = concat(module, ".", attribute);
    const auto known = std::ranges::find(kAllowedGlobals, std::string_view(name), &AllowedGlobal::name);
    if (known == kAllowedGlobals.end()) {
        fail("the pickle refers to ", quote(name), ", which a file of weights does not need; nothing was run");
    }
    return std::visit([](auto value) { return Value(value); }, known->value);
}

// Reads an integer stored as its length and little-endian two's complement.
int64_t PickleMachine::long_integer() {
    const size_t bytes = number<uint8_t>();
    check(bytes <= sizeof(int64_t), "an integer of ", bytes, " bytes, expected at most 8");
    const std::string_view digits = read_bytes(bytes);
    const bool negative = bytes > 0 && (digits.back() & 0x80) != 0;
    int64_t value = negative ? -1 : 0;
    std::memcpy(&value, digits.data(), bytes);
    return value;
}

void PickleMachine::recall(size_t slot) {
    const auto found = memo_.find(slot);
    check(found != memo_.end(), "reads memo ", slot, ", which was never stored");
    stack_.push_back(found->second);
}

void PickleMachine::set_items(const Ids& items) {
    check(items.size() % 2 == 0, "an odd number of dict keys and values: ", items.size());
    auto* const dict = std::get_if<Dict>(&values_[top()]);
    check(dict != nullptr, "sets items of something other than a dict");
    for (size_t i = 0; i < items.size(); i += 2) dict->entries.emplace_back(items[i], items[i + 1]);
}

void PickleMachine::append(const Ids& items) {
    auto* const list = std::get_if<List>(&values_[top()]);
    check(list != nullptr, "appends to something other than a list");
    list->items.insert(list->items.end(), items.begin(), items.end());
}

// ('storage', type, key, device, element count)
StorageRef PickleMachine::storage_reference(Id id) const {
    const Ids& parts = as<Tuple>(id, "a tuple as persistent id").items;
    check(parts.size() == 5, "a persistent id of ", parts.size(), " parts, expected 5");
    const auto kind = as<std::string_view>(parts[0], "a text as kind of persistent id");
    check(kind == "storage", "a persistent id of kind ", quote(kind), ", expected 'storage'");
    const DType dtype = as<StorageType>(parts[1], "a torch storage type").dtype;
    const auto key = as<std::string_view>(parts[2], "a text as storage key");
    check(key.size() <= kLongestKey, "a storage key of ", key.size(), " bytes, expected at most ", kLongestKey);
    const auto elements = as<int64_t>(parts[4], "an integer as storage size");
    check(elements >= 0, "a storage of ", elements, " elements");
    return {dtype, key, elements};
}

void PickleMachine::reduce() {
    const Ids operands = pop(2);
    const auto function = as<Function>(operands[0], "a function that rebuilds tensors to be called");
    const Ids arguments = as<Tuple>(operands[1], "a tuple of arguments").items;
    switch (function) {
        case Function::ordered_dict:
            check(arguments.empty(), "OrderedDict with ", arguments.size(), " arguments, expected none");
            push(Dict{});
            break;
        case Function::rebuild_tensor:
            push(rebuild_tensor(arguments));
            break;
        case Function::rebuild_parameter:
            check(arguments.size() == 3, "_rebuild_parameter with ", arguments.size(), " arguments, expected 3");
            push(as<TensorRef>(arguments[0], "a tensor as parameter"));
            break;
    }
}

// (storage, offset, shape, strides, requires_grad, hooks[, metadata])
TensorRef PickleMachine::rebuild_tensor(const Ids& arguments) {
    check(arguments.size() == 6 || arguments.size() == 7, "_rebuild_tensor_v2 with ", arguments.size(),
          " arguments, expected 6 or 7");
    const auto& storage = as<StorageRef>(arguments[0], "a storage");
    PickledTensor tensor;
    tensor.storage_key = storage.key;
    tensor.dtype = storage.dtype;
    tensor.storage_elements = storage.elements;
    tensor.offset = as<int64_t>(arguments[1], "an integer as storage offset");
    check(tensor.offset >= 0, "the storage offset ", tensor.offset, " is negative");
    tensor.shape = integers(arguments[2], "a shape");
    tensor.strides = integers(arguments[3], "strides");
    check(tensor.shape.size() == tensor.strides.size(), "a shape of ", tensor.shape.size(), " extents with ",
          tensor.strides.size(), " strides");
    tensors_.push_back(std::move(tensor));
    return {tensors_.size() - 1};
}

std::vector<int64_t> PickleMachine::integers(Id id, const char* what) const {
    const Ids& items = as<Tuple>(id, what).items;
    check(items.size() <= Shape::kMaxRank, what, " of ", items.size(), " numbers, at most ", Shape::kMaxRank,
          " are supported");  // also keeps one long tuple from being copied into many tensors
    std::vector<int64_t> numbers;
    for (const Id item : items) numbers.push_back(as<int64_t>(item, "an integer in a shape or in strides"));
    return numbers;
}

// The root, or the dict that it holds under one of the usual names.
const Dict& PickleMachine::tensor_dict(Id root) const {
    const auto& outer = as<Dict>(root, "a dict of tensors");
    for (const auto& [key, value] : outer.entries) {
        const auto* const name = std::get_if<std::string_view>(&values_[key]);
        const bool usual = name != nullptr && (*name == "model_state" || *name == "state_dict" || *name == "model");
        const Dict* const inner = std::get_if<Dict>(&values_[value]);
        if (usual && inner != nullptr) return *inner;
    }
    return outer;
}

std::vector<PickledTensor> PickleMachine::state_dict(Id root) const {
    std::vector<PickledTensor> tensors;
    std::set<std::string_view> names;
    for (const auto& [key, value] : tensor_dict(root).entries) {
        const auto name = as<std::string_view>(key, "a text as tensor name");
        const auto* const tensor = std::get_if<TensorRef>(&values_[value]);
        check(tensor != nullptr, "the entry ", quote(name), " is not a tensor");
        check(names.insert(name).second, "the tensor ", quote(name), " appears twice");
        tensors.push_back(tensors_[tensor->index]);
        tensors.back().name = name;
    }
    check(!tensors.empty(), "the file holds no tensors");
    return tensors;
}

}  // namespace

std::vector<PickledTensor> read_state_dict(std::span<const std::byte> pickle, const std::string& where) {
    require_valid(pickle.size() <= kMaxPickleBytes, where, ": a pickle of ", pickle.size(), " bytes, at most ",
                  kMaxPickleBytes, " are read");
    return PickleMachine(pickle, where).run();
}

}  // namespace t3video::checkpoint

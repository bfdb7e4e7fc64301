// What the calls in a pickle would have made: dicts, references to storages, tensors.
#include <algorithm>
#include <utility>

#include "checkpoint/checks.h"
#include "checkpoint/torch/pickle_machine.h"
#include "core/shape.h"

namespace t3video::checkpoint::pickle {

// ('storage', type, key, device, element count[, None or (key of the view, first, count)])
StorageRef Machine::storage_reference(Id id) const {
    const Ids& parts = as<Tuple>(id, "a tuple as persistent id").items;
    check(parts.size() == 5 || parts.size() == 6, "a persistent id of ", parts.size(), " parts, expected 5 or 6");
    const auto kind = as<std::string_view>(parts[0], "a text as kind of persistent id");
    check(kind == "storage", "a persistent id of kind ", quote(kind), ", expected 'storage'");
    StorageRef storage;
    storage.type = as<StorageType>(parts[1], "a torch storage type").elements;
    storage.key = as<std::string_view>(parts[2], "a text as storage key");
    check(storage.key.size() <= kLongestKey, "a storage key of ", storage.key.size(), " bytes, expected at most ",
          kLongestKey);
    storage.elements = as<int64_t>(parts[4], "an integer as storage size");
    check(storage.elements >= 0, "a storage of ", storage.elements, " elements");
    if (parts.size() == 5 || if_is<None>(parts[5]) != nullptr) return storage;
    const Ids& view = as<Tuple>(parts[5], "a tuple as view of a storage").items;
    check(view.size() == 3, "a view of ", view.size(), " parts, expected 3");
    const auto first = as<int64_t>(view[1], "an integer as begin of a view"),
               count = as<int64_t>(view[2], "an integer as size of a view");
    check(first >= 0 && count >= 0 && first <= storage.elements && count <= storage.elements - first, "a view of ",
          count, " elements from element ", first, " on of a storage of ", storage.elements);
    storage.first = first;
    storage.elements = count;
    return storage;
}

Value Machine::call(Id function, const Ids& arguments) {
    if (const auto* opaque = if_is<Opaque>(function)) return *opaque;
    const auto known = as<Function>(function, "a function that rebuilds tensors to be called");
    if (known != Function::rebuild_from_type) return called(known, arguments);
    // A tensor with attributes: (function, type, arguments, attributes)
    check(arguments.size() == 4, "_rebuild_from_type_v2 with ", arguments.size(), " arguments, expected 4");
    const auto inner = as<Function>(arguments[0], "a function that rebuilds tensors to be called");
    check(inner != Function::rebuild_from_type, "_rebuild_from_type_v2 of itself");
    return called(inner, as<Tuple>(arguments[2], "a tuple of arguments").items);
}

Value Machine::called(Function function, const Ids& arguments) {
    const auto expect = [&](const char* name, size_t least, size_t most) {
        check(arguments.size() >= least && arguments.size() <= most, name, " with ", arguments.size(),
              " arguments, expected ", least, least == most ? "" : concat(" to ", most));
    };
    switch (function) {
        case Function::dict:
            return dict_of_pairs(arguments);
        case Function::size:
            expect("torch.Size", 1, 1);
            return Tuple{copied(as<Tuple>(arguments[0], "a tuple of extents").items)};
        case Function::rebuild_tensor:  // (storage, offset, shape, strides)
            expect("_rebuild_tensor", 4, 4);
            return rebuild_tensor(arguments, nullptr);
        case Function::rebuild_tensor_v2:  // and (requires_grad, hooks[, metadata])
            expect("_rebuild_tensor_v2", 6, 7);
            return rebuild_tensor(arguments, nullptr);
        case Function::rebuild_tensor_v3:  // and (requires_grad, hooks, type[, metadata])
            expect("_rebuild_tensor_v3", 7, 8);
            return rebuild_tensor(arguments, &as<ElementType>(arguments[6], "a type of elements"));
        case Function::rebuild_parameter:  // (tensor, requires_grad, hooks[, attributes])
            expect("_rebuild_parameter", 3, 4);
            return as<TensorRef>(arguments[0], "a tensor as parameter");
        case Function::rebuild_from_type:
            break;
    }
    fail("a call of something other than a function that rebuilds tensors");
}

// Of nothing, of another dict, of a list of pairs as Python 2 makes an OrderedDict; or the type of a defaultdict's
// values.
Dict Machine::dict_of_pairs(const Ids& arguments) {
    Dict dict;
    if (arguments.empty() || if_is<Opaque>(arguments[0]) != nullptr) return dict;
    check(arguments.size() == 1, "a dict of ", arguments.size(), " arguments, expected at most 1");
    if (const auto* other = if_is<Dict>(arguments[0])) return {copied(other->entries)};
    for (const Id item : copied(as<List>(arguments[0], "a list of a dict's entries").items)) {
        const List* const list = if_is<List>(item);
        const Ids& pair = list != nullptr ? list->items : as<Tuple>(item, "a key and a value").items;
        check(pair.size() == 2, "a dict's entry of ", pair.size(), " parts, expected a key and a value");
        dict.entries.emplace_back(pair[0], pair[1]);
    }
    return dict;
}

// `type` of an untyped storage's elements, or null: those of the storage.
TensorRef Machine::rebuild_tensor(const Ids& arguments, const ElementType* type) {
    StorageRef storage = as<StorageRef>(arguments[0], "a storage");
    if (type != nullptr && type->dtype && storage.type.dtype && *type->dtype != *storage.type.dtype) {
        const auto size = static_cast<int64_t>(size_of(*type));
        check(size_of(storage.type) == 1, "elements of ", *type->dtype, " in a storage of ", *storage.type.dtype);
        check(storage.first % size == 0, "a view that begins within an element");
        storage.first /= size;
        storage.elements /= size;
    }
    const ElementType& elements = type != nullptr ? *type : storage.type;
    PickledTensor tensor;
    tensor.storage_key = storage.key;
    tensor.type = elements.name;
    tensor.dtype = elements.dtype;
    tensor.storage_first = storage.first;
    tensor.storage_elements = storage.elements;
    tensor.offset = as<int64_t>(arguments[1], "an integer as storage offset");
    check(tensor.offset >= 0, "the storage offset ", tensor.offset, " is negative");
    tensor.shape = integers(arguments[2], "a shape");
    tensor.strides = integers(arguments[3], "strides");
    check(tensor.shape.size() == tensor.strides.size(), "a shape of ", tensor.shape.size(), " extents with ",
          tensor.strides.size(), " strides");
    pickled_.tensors.push_back(std::move(tensor));
    return {pickled_.tensors.size() - 1};
}

std::vector<int64_t> Machine::integers(Id id, const char* what) const {
    const Ids& items = as<Tuple>(id, what).items;
    check(items.size() <= Shape::kMaxRank, what, " of ", items.size(), " numbers, at most ", Shape::kMaxRank,
          " are supported");  // also keeps one long tuple from being copied into many tensors
    std::vector<int64_t> numbers;
    for (const Id item : items) numbers.push_back(as<int64_t>(item, "an integer in a shape or in strides"));
    return numbers;
}

}  // namespace t3video::checkpoint::pickle

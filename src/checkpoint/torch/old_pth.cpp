// torch's format before 1.6, one thing behind the other:
//   pickles of a magic number, the version 1001, facts about the machine, the object, the list of its storages' keys;
//   for each key an 8-byte count of elements and the elements.
#include <cstring>
#include <map>
#include <utility>

#include "checkpoint/checks.h"
#include "checkpoint/torch/pickle_machine.h"
#include "checkpoint/torch/pickled_tensors.h"
#include "checkpoint/torch/pth.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

using namespace pickle;

constexpr std::string_view kMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";  // 0x1950a86a20f9469cfc6c
constexpr int64_t kVersion = 1001;

// Runs the pickles of a file one after the other.
class Pickles {
  public:
    Pickles(std::span<const std::byte> bytes, const std::string& where) : left_(bytes), where_(where) {}

    Pickled next() {
        Pickled pickled = Machine(left_.first(std::min(left_.size(), kMaxPickleBytes)), where_).run();
        left_ = left_.subspan(pickled.bytes);
        return pickled;
    }
    std::span<const std::byte> left() const { return left_; }

  private:
    std::span<const std::byte> left_;
    const std::string& where_;
};

void check_beginning(Pickles& pickles, const std::string& where) {
    const Pickled magic = pickles.next();
    const auto* const number = std::get_if<LongInteger>(&magic.values[magic.root]);
    require_valid(number != nullptr && number->digits == kMagic, where,
                  ": is a pickle, but not one that torch.save wrote; expected a file of torch.save or safetensors");
    const Pickled version = pickles.next();
    const auto* const stated = std::get_if<int64_t>(&version.values[version.root]);
    require_valid(stated != nullptr && *stated == kVersion, where,
                  ": a file of torch.save of an unknown version, expected ", kVersion);
    const Pickled machine = pickles.next();
    const auto* const facts = std::get_if<Dict>(&machine.values[machine.root]);
    require_valid(facts != nullptr, where, ": says nothing about the machine it was written on; the file is damaged");
    for (const auto& [key, value] : facts->entries) {
        const auto* const name = std::get_if<std::string_view>(&machine.values[key]);
        const auto* const fact = std::get_if<bool>(&machine.values[value]);
        require_valid(name == nullptr || fact == nullptr || *name != "little_endian" || *fact, where,
                      ": byte order is 'big', only 'little' is supported");
    }
}

// Bytes of an element of each storage that the object refers to; 0 for a type that is not read.
std::map<std::string_view, size_t> element_sizes(const Pickled& object, const std::string& where) {
    std::map<std::string_view, size_t> sizes;
    for (const StorageRef& storage : object.storages) {
        const size_t size = size_of(storage.type);
        const auto [known, first] = sizes.emplace(storage.key, size);
        require_valid(first || known->second == size, where, ": the storage ", quote(storage.key),
                      " is of two types at once");
    }
    return sizes;
}

// The bytes of each storage, in the order in which `keys` lists them.
std::map<std::string, std::span<const std::byte>> storages_in(std::span<const std::byte> bytes, const Pickled& keys,
                                                              const std::map<std::string_view, size_t>& sizes,
                                                              const std::string& where) {
    const auto* const list = std::get_if<List>(&keys.values[keys.root]);
    require_valid(list != nullptr, where, ": has no list of storages behind its pickle; the file is damaged");
    std::map<std::string, std::span<const std::byte>> storages;
    const size_t all = bytes.size();
    for (const Id id : list->items) {
        const auto* const key = std::get_if<std::string_view>(&keys.values[id]);
        require_valid(key != nullptr, where, ": the key of a storage is not a text");
        const auto size = sizes.find(*key);
        require_valid(size != sizes.end(), where, ": the storage ", quote(*key), " belongs to no tensor");
        uint64_t count = 0;
        const auto ends = [&](uint64_t more) {
            return concat(where, ": the storage ", quote(*key), " takes ", more, " bytes, of which the file has ",
                          bytes.size(), "; the download is not complete, or the file is damaged");
        };
        require_valid(bytes.size() >= sizeof(count), ends(sizeof(count)));
        std::memcpy(&count, bytes.data(), sizeof(count));
        bytes = bytes.subspan(sizeof(count));
        require_valid(count <= all, where, ": the storage ", quote(*key), " is stated to have ", count,
                      " elements, more than the file has bytes; the file is damaged");
        require_valid(count * size->second <= bytes.size(), ends(count * size->second));
        require_valid(storages.emplace(*key, bytes.first(count * size->second)).second, where, ": the storage ",
                      quote(*key), " appears twice");
        bytes = bytes.subspan(count * size->second);
    }
    return storages;
}

}  // namespace

TensorSource read_old_pth(const std::shared_ptr<const MappedFile>& file) {
    const std::string where = file->path().string();
    Pickles pickles(file->bytes(), where);
    check_beginning(pickles, where);
    const Pickled object = pickles.next();
    const StateDict dict = state_dict_of(object, where);
    const Pickled keys = pickles.next();
    const auto storages = storages_in(pickles.left(), keys, element_sizes(object, where), where);
    return read_pickled_tensors(file, dict, [&](const std::string& key) {
        const auto found = storages.find(key);
        require_valid(found != storages.end(), where, ": the storage ", quote(key), " is missing");
        return found->second;
    });
}

}  // namespace t3video::checkpoint

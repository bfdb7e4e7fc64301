// Reading torch's .pth: finds the pickle, and checks every tensor against the bytes of its storage.
#include "checkpoint/torch/pth.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "checkpoint/checks.h"
#include "checkpoint/torch/pickled_tensors.h"
#include "checkpoint/torch/zip_file.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

// What stands before the names of all entries: the archive's one folder, whose name is arbitrary and which holds
// data.pkl. Archives that were packed anew may have none.
std::string top_folder(const ZipFile& zip, const std::string& where) {
    constexpr std::string_view kPickle = "data.pkl";
    std::optional<std::string> folder;
    for (const std::string& name : zip.names()) {
        if (name != kPickle && !name.ends_with("/data.pkl")) continue;
        require_valid(!folder, where, ": two pickles in the archive, ", quote(folder.value_or("") + "data.pkl"),
                      " and ", quote(name));
        folder = name.substr(0, name.size() - kPickle.size());
    }
    require_valid(folder.has_value(), where, ": the zip archive has no entry '*/data.pkl'; expected a file of ",
                  "torch.save, or weights unpacked from it");
    const auto is_code = [&](const std::string& name) { return name.starts_with(*folder + "code/"); };
    require_valid(std::ranges::none_of(zip.names(), is_code), where,
                  ": is a TorchScript program; expected a dict of tensors, such as torch.save of its state_dict()");
    return *folder;
}

void check_byte_order(const ZipFile& zip, const std::string& folder, const std::string& where) {
    const std::string entry = folder + "byteorder";
    if (!zip.contains(entry)) return;  // older files are little-endian
    const std::span<const std::byte> text = zip.data(entry);
    const std::string_view order(reinterpret_cast<const char*>(text.data()), text.size());
    require_valid(order == "little", where, ": byte order is ", quote(order), ", only 'little' is supported");
}

}  // namespace

bool looks_like_pth(std::span<const std::byte> bytes) {
    const auto at = [&](size_t i) { return i < bytes.size() ? std::to_integer<int>(bytes[i]) : -1; };
    const bool zip = at(0) == 'P' && at(1) == 'K', pickle = at(0) == 0x80 && at(1) >= 2 && at(1) <= 5;
    return zip || pickle;
}

TensorSource read_pth(const std::shared_ptr<const MappedFile>& file) {
    if (file->bytes()[0] != std::byte{'P'}) return read_old_pth(file);
    const std::string where = file->path().string();
    const ZipFile zip(file);
    const std::string folder = top_folder(zip, where);
    check_byte_order(zip, folder, where);
    return read_pickled_tensors(file, read_state_dict(zip.data(folder + "data.pkl"), where),
                                [&](const std::string& key) { return zip.data(concat(folder, "data/", key)); });
}

}  // namespace t3video::checkpoint

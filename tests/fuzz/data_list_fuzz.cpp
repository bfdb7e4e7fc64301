// Lists of clips: JSON, CSV and the TOML of trainers, of clips that lie beside them.
#include "fuzz.h"
#include "training/data/data_list.h"

using namespace t3video;

namespace {

// Few of them: what the list says is what counts.
class Clips {
  public:
    Clips() {
        for (const char* name : {"a.mp4", "p.png"}) testing::write_file(folder_ / name, "clip");
        testing::write_file(folder_ / "a.txt", "A caption.");
    }
    std::filesystem::path list(std::string_view text) const {
        return testing::write_file(folder_ / "list", std::string(text));
    }

  private:
    testing::TemporaryFolder folder_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Clips clips;
    const auto path = clips.list(fuzz::as_text(data, size));
    fuzz::expect_contract([&] {
        const training::DataSet set = training::read_data_list(path);
        for (const training::DataItem& item : set.items) {
            if (item.group >= set.groups.size() || item.repeats < 1 || item.captions.empty()) std::abort();
            training::windows_of(100, set.groups[item.group].windows({}));
            for (const training::Size resolution : set.groups[item.group].resolutions) {
                if (resolution.width < 16 || resolution.height < 16) continue;
                training::aspect_sizes(resolution, 16);
                training::ratio_sizes(resolution, set.groups[item.group].ratios, 16);
            }
        }
        for (const training::DataProblem& problem : set.problems) {
            if (problem.text().find('\n') != std::string::npos) std::abort();
        }
        return true;
    });
    return 0;
}

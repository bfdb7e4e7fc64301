// Whose files are whose: whatever is given as input and whatever as output, nothing is lost that was there before.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "media/png.h"
#include "media/video_writer.h"
#include "media/y4m_writer.h"
#include "session/session.h"
#include "support/errors.h"
#include "support/films.h"
#include "support/images.h"

namespace t3video::session {
namespace {

using namespace testing;
namespace fs = std::filesystem;

media::Image picture(int shade) {
    media::Image image(40, 30);
    for (size_t i = 0; i < image.rgb.size(); ++i)
        image.rgb[i] = static_cast<uint8_t>(i * 7 + static_cast<size_t>(shade));
    return image;
}

// Every file and link below a folder with what it holds.
std::map<std::string, std::string> snapshot(const fs::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        const std::string name = fs::relative(entry.path().parent_path(), folder) / entry.path().filename();
        if (entry.is_symlink())
            files[name] = "-> " + fs::read_symlink(entry.path()).string();
        else if (entry.is_regular_file())
            files[name] = read_file(entry.path());
    }
    return files;
}

class Ownership : public ::testing::Test {
  protected:
    // Of the TI2V model, which takes pictures and videos.
    film::Request request(const fs::path& output) const {
        film::Request r = tiny_request(output, "wan22-tiny");
        r.settings.cfg = 1;
        r.preview_every = 1;
        return r;
    }
    Result run(const film::Request& r) { return session_.make(r, observer_); }
    // The film is made or refused; nothing that was there is another.
    void expect_nothing_lost(const film::Request& r, const std::string& what) {
        const auto before = snapshot(folder_.path());
        bool made = true;
        try {
            run(r);
        } catch (const InvalidRequest& error) {
            made = false;
            const std::string says = error.what();
            EXPECT_EQ(says.find('\n'), std::string::npos) << says;
        }
        const auto after = snapshot(folder_.path());
        for (const auto& [name, bytes] : before) {
            const auto found = after.find(name);
            EXPECT_TRUE(found != after.end() && found->second == bytes) << what << ": " << name << " is lost";
        }
        EXPECT_TRUE(made || after.size() == before.size()) << what << ": refused, and left something";
        ++(made ? made_ : refused_);
    }

    Session session_{Context()};
    Listener observer_;
    TemporaryFolder folder_;
    int made_ = 0, refused_ = 0;
};

// Every way to name an input, times every form of output that could meet it.
TEST_F(Ownership, InputsAndOutputs) {
    const auto fresh = [&](const std::string& name) {
        const fs::path place = folder_ / name;
        fs::create_directories(place / "pictures");
        fs::create_directories(place / "elsewhere");
        for (int i = 0; i < 5; ++i) media::write_png(place / "pictures" / concat("0000", i, ".png"), picture(i));
        media::write_png(place / "cat.png", picture(9));
        fs::create_hard_link(place / "cat.png", place / "elsewhere/hard.png");
        fs::create_symlink(place / "cat.png", place / "elsewhere/link.png");
        fs::create_directory_symlink(place / "pictures", place / "elsewhere/pictures");
        media::Y4mWriter video(place / "walk.y4m", 40, 30, 8);
        for (int i = 0; i < 5; ++i) video.write(picture(i));
        video.close();
        fs::create_symlink("../walk.y4m", place / "elsewhere/walk.y4m");
        return place;
    };
    const std::vector<std::string> images{"", "cat.png", "elsewhere/hard.png", "elsewhere/link.png",
                                          "pictures/00002.png"};
    std::vector<std::string> videos{"pictures", "elsewhere/pictures/"};
    if (media::has_video_support()) videos.insert(videos.end(), {"walk.y4m", "elsewhere/walk.y4m"});
    const std::vector<std::string> outputs{"cat.y4m",
                                           "walk.y4m",
                                           "elsewhere/walk.y4m",
                                           "elsewhere/../walk.y4m",
                                           "pictures/",
                                           "pictures/film.y4m",
                                           "pictures/%05d.png",
                                           "pictures/new/",
                                           "elsewhere/pictures/",
                                           "elsewhere/hard.y4m",
                                           "%05d.png",
                                           "elsewhere/link.y4m",
                                           "cat.preview.y4m",
                                           "new/"};
    int number = 0;
    const auto try_all = [&](const std::vector<std::string>& inputs, bool video) {
        for (const std::string& input : inputs) {
            for (const std::string& output : outputs) {
                for (const bool overwrite : {false, true}) {
                    const fs::path place = fresh(std::to_string(++number));
                    film::Request r = request(place / output);
                    r.overwrite = overwrite;
                    if (!input.empty()) (video ? r.inputs.video : r.inputs.image) = place / input;
                    const std::string what = input + " -> " + output + (overwrite ? " overwrite" : "");
                    if (!overwrite) {
                        expect_nothing_lost(r, what);
                    } else {
                        // Allowed is the output; never the input, under none of its names.
                        const fs::path given = input.empty() ? place / "cat.png" : place / input;
                        const auto before =
                            fs::is_directory(given) ? snapshot(given / "") : snapshot(given.parent_path());
                        try {
                            run(r);
                        } catch (const InvalidRequest&) {
                        }
                        if (fs::is_directory(given)) {
                            EXPECT_EQ(snapshot(given / ""), before) << what;
                        } else if (!input.empty()) {
                            const std::string name = "./" + given.filename().string();
                            EXPECT_EQ(snapshot(given.parent_path())[name], before.at(name)) << what;
                        }
                    }
                    fs::remove_all(place);
                }
            }
        }
    };
    try_all(images, false);
    try_all(videos, true);
    EXPECT_GT(made_, 20);
    EXPECT_GT(refused_, 20);
}

// Neighbours, and what others keep in a folder that is given as output or job.
TEST_F(Ownership, NeighboursAndForeignFiles) {
    for (const char* name : {"a.png", "a.preview.png", "a.job", "a.y4m", "a.y4m.partial", "a.png.partial",
                             "a.preview.png.partial", "a.txt", "a.sheet.png", "frames/00000.png", "frames/00003.png",
                             "frames/00007.png", "frames/notes.txt", "frames/00001.png.partial", "frames.png",
                             "mine/request.json", "mine/latents.safetensors", "mine/command.json.partial"}) {
        for (const char* output : {"a.y4m", "frames/", "frames/%05d.png", "frames/%d.exr"}) {
            for (const char* job : {"", "mine"}) {
                write_file(folder_ / name, "somebody's");
                film::Request r = request(folder_ / output);
                if (*job != '\0') r.job = folder_ / job;
                expect_nothing_lost(r, concat(name, ", ", output, " ", job));
                for (const auto& entry : fs::directory_iterator(folder_.path())) fs::remove_all(entry);
            }
        }
    }
    EXPECT_GT(made_, 60);
    EXPECT_GT(refused_, 20);
}

TEST_F(Ownership, LinksStay) {
    write_file(folder_ / "real", "somebody's");
    for (const char* name : {"a.y4m", "a.png", "a.preview.png", "frames/00002.png"}) {
        fs::create_directories(folder_ / "frames");
        fs::create_symlink(folder_ / "real", folder_ / name);
        expect_nothing_lost(request(folder_ / "a.y4m"), name);
        expect_nothing_lost(request(folder_ / "frames/"), name);
        for (const auto& entry : fs::directory_iterator(folder_.path()))
            if (entry.path() != folder_ / "real") fs::remove_all(entry);
    }
    // overwrite takes the link's place, not its target's.
    fs::create_symlink(folder_ / "real", folder_ / "b.y4m");
    film::Request r = request(folder_ / "b.y4m");
    expect_invalid([&] { run(r); }, {"b.y4m: is a link", "overwrite"});
    r.overwrite = true;
    run(r);
    EXPECT_EQ(read_file(folder_ / "real"), "somebody's");
    EXPECT_FALSE(fs::is_symlink(folder_ / "b.y4m"));
}

// With a record or without, in every form: the film of this job may be written again, another's not.
TEST_F(Ownership, FilmsOfTheSameJobAndOfOthers) {
    std::vector<std::string> outputs{"a.y4m", "frames/", "exr/%03d.exr"};
    if (media::has_video_support()) outputs.insert(outputs.end(), {"a.mp4", "b.mkv"});
    for (const std::string& output : outputs) {
        for (const bool record : {true, false}) {
            film::Request r = request(folder_ / output);
            r.settings.width = 64;
            r.record = record;
            EXPECT_FALSE(run(r).was_there) << output;
            EXPECT_TRUE(run(r).was_there) << output;
            r.settings.width = 60;  // cropped from the same latents
            EXPECT_FALSE(run(r).was_there) << output;
            film::Request other = r;
            other.seed = 5;
            expect_nothing_lost(other, output);
            // Without its job, a record says whose the film is.
            fs::remove_all(r.job_folder());
            const bool says = record && output != "a.y4m";
            if (says) {
                EXPECT_FALSE(run(r).was_there) << output;
                r.overwrite = true;
                r.seed = 6;
                EXPECT_FALSE(run(r).was_there) << output;
            } else {
                expect_invalid([&] { run(r); }, {"is not this film's", "overwrite"});
            }
            for (const auto& entry : fs::directory_iterator(folder_.path())) fs::remove_all(entry);
        }
    }
    EXPECT_EQ(refused_, static_cast<int>(2 * outputs.size()));
}

// A shorter version of a film takes its own last pictures away, and nobody else's.
TEST_F(Ownership, PicturesBehindTheLast) {
    film::Request r = request(folder_ / "frames/");
    run(r);
    fs::copy(folder_ / "frames/00004.png", folder_ / "frames/00005.png");  // carries this film's record
    write_file(folder_ / "frames/00006.png", "somebody's");
    r.settings.fps = 9;
    run(r);
    EXPECT_TRUE(fs::exists(folder_ / "frames/00004.png"));
    EXPECT_FALSE(fs::exists(folder_ / "frames/00005.png"));
    EXPECT_EQ(read_file(folder_ / "frames/00006.png"), "somebody's");
}

// What somebody changes is theirs from then on.
TEST_F(Ownership, AFilmThatWasEdited) {
    film::Request r = request(folder_ / "a.y4m");
    run(r);
    std::string bytes = read_file(r.output);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    write_file(r.output, bytes);
    r.settings.fps = 9;
    expect_nothing_lost(r, "edited");
    EXPECT_EQ(refused_, 1);
}

// Decoding wants the latents and a VAE, whatever has become of the rest.
TEST_F(Ownership, DecodesWithoutTheModel) {
    fs::copy(kGolden / "wan22-tiny/model", folder_ / "model", fs::copy_options::recursive);
    film::Request r = request(folder_ / "a.y4m");
    r.model = folder_ / "model";
    run(r);
    const std::string film = read_file(r.output);
    const auto decodes = [&](const char* output) {
        film::Request again = r;
        again.output = folder_ / output;
        again.job = folder_ / "a.job";
        return read_file(session_.decode(again, observer_).video);
    };
    EXPECT_EQ(decodes("b.y4m"), film);
    fs::rename(folder_ / "model/Wan2.2_VAE.pth", folder_ / "vae.pth");
    fs::remove_all(folder_ / "model");
    r.parts.vae = folder_ / "vae.pth";
    EXPECT_EQ(decodes("c.y4m"), film);
    r.parts.vae = kGolden / "wan21-tiny/model/Wan2.1_VAE.pth";
    expect_invalid([&] { decodes("d.y4m"); }, {"the latents of", "Wan2.1_VAE.pth has"});
    r.parts.vae = folder_ / "vae.pth";
    r.seed = 9;
    expect_invalid([&] { decodes("d.y4m"); }, {"belongs to another film"});
    r.seed = 0;
    write_file(folder_ / "mine.y4m", "somebody's");
    expect_invalid([&] { decodes("mine.y4m"); }, {"is not this film's"});
    // A bit that turned is named, never shown.
    std::string latents = read_file(folder_ / "a.job/latents.safetensors");
    latents[latents.size() - 9] = static_cast<char>(latents[latents.size() - 9] ^ 8);
    write_file(folder_ / "a.job/latents.safetensors", latents);
    expect_invalid([&] { decodes("d.y4m"); }, {"latents.safetensors: damaged", "resume the job"});
}

// Whoever made the folder says where the film is; nothing there is taken from it.
TEST_F(Ownership, AStrangersJobRemovesNothing) {
    const film::Request r = request(folder_ / "a.y4m");
    run(r);
    const fs::path place = folder_ / "theirs";
    for (const char* name : {"00000.png", "00001.png.partial", "film.y4m", "film.y4m.partial"})
        write_file(place / name, "somebody's");
    for (const char* output : {"theirs/", "theirs/film.y4m"}) {
        write_file(r.job_folder() / "decode.json", concat(R"({"output": ")", (folder_ / output).string(),
                                                          R"(", "frames": 1, "of": 9223372036854775807})"));
        fs::remove(r.output);
        const auto before = snapshot(place);
        run(r);
        EXPECT_EQ(snapshot(place), before) << output;
    }
}

}  // namespace
}  // namespace t3video::session

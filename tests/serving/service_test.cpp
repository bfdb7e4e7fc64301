// Films from what clients ask for to what they get, and what they are told on the way.
#include "serving/service.h"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "media/film_comment.h"
#include "media/png.h"
#include "service_fixture.h"
#include "support/pictures.h"

namespace t3video::serving {
namespace {

using namespace testing;
using Kind = Refused::Kind;
using Variant = FilmFile::Variant;

TEST_F(ServiceTest, AFilmIsAcceptedToldOfAndThere) {
    Service service(options());
    const FilmView asked = service.submit({.fields = small_film("A red ball."), .key = "someone"});
    EXPECT_EQ(asked.entry.film, (Resolved{96, 64, 5, 2, 8}));
    EXPECT_EQ(asked.entry.id.size(), 38U);
    const FilmView film = finished(service, asked.entry.id);
    EXPECT_EQ(film.entry.state, State::completed) << log();
    EXPECT_EQ(film.entry.key, "someone");
    EXPECT_EQ(film.progress.share, 1);
    EXPECT_GE(film.entry.ended, film.entry.begun);
    EXPECT_GT(film.entry.bytes, 1000);
    for (const auto kind : {Event::Kind::stage, Event::Kind::step, Event::Kind::preview, Event::Kind::done})
        EXPECT_TRUE(heard(kind)) << static_cast<int>(kind);
    EXPECT_TRUE(heard(Event::Kind::step, "denoise"));
    const std::string& id = film.entry.id;
    for (const auto variant : {Variant::video, Variant::thumbnail, Variant::spritesheet, Variant::preview})
        EXPECT_GT(std::filesystem::file_size(service.file(id, variant).path), 100U);
    EXPECT_EQ(service.file(id, Variant::video).name, id + service.file(id, Variant::video).path.extension().string());
    EXPECT_EQ(media::read_film_info(service.file(id, Variant::thumbnail).path).width, 96);
    EXPECT_EQ(service.counters().completed, 1);
    EXPECT_GT(service.counters().denoise, 0);
    EXPECT_TRUE(service.health().ready);
    EXPECT_NE(log().find("film " + id + ": demo 96x64, 5 frames, 2 steps: completed; waited"), std::string::npos)
        << log();
}

// Neither a film, nor its pictures, nor messages say where the server keeps anything.
TEST_F(ServiceTest, NothingSaysWhereFilesLie) {
    const std::string lora = folder_ / "loras";
    std::filesystem::create_directory(lora);
    write_file(lora + "/broken.safetensors", "not one");
    ServiceOptions all = options();
    all.loras = {lora};
    Service service(all);
    const FilmView film = made(service, small_film("A red ball."));
    for (const auto variant : {Variant::video, Variant::thumbnail, Variant::spritesheet, Variant::preview}) {
        const std::string bytes = read_file(service.file(film.entry.id, variant).path);
        EXPECT_EQ(bytes.find(folder_.path().string()), std::string::npos);
        EXPECT_EQ(bytes.find("models/demo"), std::string::npos);
    }
    const std::string record = media::read_film_info(service.file(film.entry.id, Variant::video).path).comment;
    EXPECT_NE(record.find("\"model\":\"demo\""), std::string::npos) << record;
    try {
        service.submit({.fields = with(small_film("A red ball."), "lora", "broken:0.5")});
        ADD_FAILURE() << "accepted";
    } catch (const InvalidRequest& error) {
        const std::string said = error.what();
        EXPECT_NE(said.find("broken.safetensors"), std::string::npos) << said;
        EXPECT_EQ(said.find(folder_.path().string()), std::string::npos) << said;
    }
}

TEST_F(ServiceTest, WrongFieldsAreNamed) {
    Service service(options());
    const auto expect_wrong = [&](const FieldValues& fields, const std::string& field, const std::string& part) {
        try {
            service.submit({.fields = fields});
            ADD_FAILURE() << field << " accepted";
        } catch (const InvalidRequest& error) {
            ASSERT_NE(error.message().field(), nullptr) << error.what();
            EXPECT_EQ(error.message().field()->name, field) << error.what();
            EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
        }
    };
    const FieldValues good = small_film("A red ball.");
    expect_wrong(with(good, "prompt", " "), "prompt", "empty");
    expect_wrong(with(good, "frames", "6"), "frames", "4k+1");
    expect_wrong(with(good, "size", "96"), "size", "WIDTHxHEIGHT");
    expect_wrong(with(good, "steps", "0"), "steps", "expected");
    expect_wrong(with(good, "fps", "0"), "fps", "");
    expect_wrong(with(good, "codec", "vp9"), "codec", "");
    expect_wrong(with(good, "model", "../demo"), "model", "this server has demo");
    expect_wrong(with(good, "lora", "/etc/passwd"), "lora", "no such LoRA");
    expect_wrong(with(good, "image", "/etc/passwd"), "image", "no upload");
    expect_wrong(with(good, "image", "../queue.sqlite"), "image", "no upload");
    for (const char* field : {"output", "job", "dit", "vae", "layout", "overwrite", "nonsense"})
        expect_wrong(with(good, field, "x"), field, "no such field");
    FieldValues twice = good;
    twice.emplace_back("steps", "2");
    EXPECT_EQ(service.plan({.fields = twice}).film.steps, 2);
    twice.back().second = "3";
    expect_wrong(twice, "steps", "twice");
    EXPECT_EQ(service.counters().accepted, 0);
}

TEST_F(ServiceTest, APlanSaysTimeAndMemoryAndWhatWaits) {
    Service service(options());
    const PlanView plan = service.plan({.fields = small_film("A red ball.")});
    EXPECT_TRUE(plan.refusal.empty());
    EXPECT_GT(plan.seconds, 0);
    EXPECT_GT(plan.bytes, 0U);
    EXPECT_EQ(plan.stages.size(), 3U);
    const Submission huge{.fields = with(small_film("x"), "size", "16384x16384"), .container = ".y4m"};
    EXPECT_FALSE(service.plan(huge).refusal.empty());
    EXPECT_THROW(service.submit(huge), InvalidRequest);
    ASSERT_EQ(service.models().size(), 1U);
    EXPECT_EQ(service.models()[0].defaults.steps, 24);
}

TEST_F(ServiceTest, ACancelledFilmGoesOnWhereItStopped) {
    Service service(options());
    const FieldValues fields = with(small_film("A red ball."), "steps", "20");
    const std::string id = service.submit({.fields = fields}).entry.id;
    wait_for_steps(service, id);
    EXPECT_EQ(refusal([&] { service.resume(id); }), Kind::wrong_state);
    EXPECT_EQ(refusal([&] { service.file(id, Variant::video); }), Kind::wrong_state);
    service.cancel(id);
    const FilmView cancelled = finished(service, id);
    EXPECT_EQ(cancelled.entry.state, State::cancelled);
    EXPECT_EQ(cancelled.entry.failure.code, "cancelled");
    EXPECT_TRUE(heard(Event::Kind::error));
    EXPECT_EQ(refusal([&] { service.cancel(id); }), Kind::wrong_state);
    service.resume(id);
    EXPECT_EQ(finished(service, id).entry.state, State::completed) << log();
    const auto first = std::ranges::find(heard_, "denoise", [](const Event& e) { return e.progress.stage; });
    ASSERT_NE(first, heard_.end());
    EXPECT_GT(first->progress.done, 0);
    EXPECT_EQ(bytes_of(service, id), bytes_of(service, made(service, fields).entry.id));
}

TEST_F(ServiceTest, QueuedFilmsAreCancelledAndRemovedAtOnce) {
    Service service(options());
    const std::string runs = service.submit({.fields = with(small_film("A red ball."), "steps", "1000")}).entry.id;
    const std::string waits = service.submit({.fields = small_film("Fog.")}).entry.id;
    const std::string gone = service.submit({.fields = small_film("Rain.")}).entry.id;
    EXPECT_EQ(service.get(gone).ahead.films, 2);
    EXPECT_EQ(service.cancel(waits).entry.state, State::cancelled);
    const auto listener = service.events(gone);
    service.remove(gone);
    while (!listener->over()) listener->next(std::chrono::seconds(60));
    EXPECT_EQ(refusal([&] { service.get(gone); }), Kind::unknown);
    wait_for_steps(service, runs);
    const auto running = service.events(runs);
    service.remove(runs);
    EXPECT_EQ(refusal([&] { service.get(runs); }), Kind::unknown);
    while (!running->over()) running->next(std::chrono::seconds(60));
    EXPECT_EQ(made(service, small_film("Snow.")).entry.state, State::completed);
    EXPECT_FALSE(std::filesystem::exists(folder_ / ("data/films/" + runs)));
    EXPECT_EQ(refusal([&] { service.remove(runs); }), Kind::unknown);
    EXPECT_EQ(refusal([&] { service.get("../queue.sqlite"); }), Kind::unknown);
    EXPECT_EQ(service.list({}).films.size(), 2U);
}

TEST_F(ServiceTest, AnotherFormatTakesTheLatentsAndARemixTheFields) {
    Service service(options());
    const FilmView film = made(service, with(small_film("A red ball.", 7), "bits", "8"));
    const FilmView other = service.decode(film.entry.id, {.fields = {{"fps", "4"}}, .container = ".y4m"});
    EXPECT_EQ(finished(service, other.entry.id).entry.state, State::completed) << log();
    EXPECT_FALSE(heard(Event::Kind::stage, "denoise"));
    EXPECT_EQ(bytes_of(service, other.entry.id).substr(0, 9), "YUV4MPEG2");
    EXPECT_EQ(service.get(other.entry.id).entry.origin, film.entry.id);
    EXPECT_THROW(service.decode(film.entry.id, {.fields = {{"prompt", "x"}}}), InvalidRequest);
    const FilmView remix = service.remix(film.entry.id, {.fields = {{"prompt", "A blue cube."}}});
    EXPECT_EQ(finished(service, remix.entry.id).entry.state, State::completed);
    const FieldValues expected = with(small_film("A blue cube.", 7), "bits", "8");
    for (const auto& field : remix.entry.fields)
        EXPECT_NE(std::ranges::find(expected, field), expected.end()) << field.first << " " << field.second;
    EXPECT_NE(bytes_of(service, remix.entry.id), bytes_of(service, film.entry.id));
    service.remove(film.entry.id);
    EXPECT_GT(bytes_of(service, other.entry.id).size(), 1000U);
}

TEST_F(ServiceTest, ASeedThatIsDrawnStays) {
    Service service(options());
    const FilmView film = service.submit({.fields = with(small_film("A red ball."), "seed", "-1")});
    const auto seed = std::ranges::find(film.entry.fields, "seed", &FieldValues::value_type::first);
    ASSERT_NE(seed, film.entry.fields.end());
    EXPECT_NE(seed->second, "-1");
    finished(service, film.entry.id);
    EXPECT_EQ(bytes_of(service, film.entry.id),
              bytes_of(service, made(service, with(small_film("A red ball."), "seed", seed->second)).entry.id));
}

TEST_F(ServiceTest, FilmsExpireAndCapsHold) {
    ServiceOptions short_lived = options();
    short_lived.keep_seconds = 1;
    short_lived.queue_cap = 2;
    Service service(short_lived);
    const std::string runs = service.submit({.fields = with(small_film("A."), "steps", "1000"), .key = "k"}).entry.id;
    const Submission more{.fields = small_film("B."), .container = "", .key = "k", .key_cap = 1};
    EXPECT_EQ(refusal([&] { service.submit(more); }), Kind::cap_reached);
    service.submit({.fields = small_film("C."), .key = "other"});
    EXPECT_EQ(refusal([&] { service.submit({.fields = small_film("D.")}); }), Kind::cap_reached);
    service.cancel(runs);
    const FilmView cancelled = finished(service, runs);
    EXPECT_GT(cancelled.entry.expires, 0);
    while (service.counters().expired < 2) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(refusal([&] { service.get(runs); }), Kind::unknown);
    while (!std::filesystem::is_empty(folder_ / "data/films"))
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

TEST_F(ServiceTest, NothingIsTakenWhileTheServerShutsDown) {
    Service service(options());
    service.shut_down();
    EXPECT_EQ(refusal([&] { service.submit({.fields = small_film("A red ball.")}); }), Kind::shutting_down);
    EXPECT_FALSE(service.health().ready);
}

}  // namespace
}  // namespace t3video::serving

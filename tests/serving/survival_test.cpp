// What a server loses when it is killed, when its disk is full, when films or devices fail: nothing, and time.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <thread>

#include "film/model_files.h"
#include "service_fixture.h"

namespace t3video::serving {
namespace {

namespace fs = std::filesystem;
using namespace testing;
using Kind = Refused::Kind;

TEST_F(ServiceTest, ASecondServerOnOneFolderIsRefused) {
    const Service service(options());
    expect_invalid([&] { Service second(options()); }, {"data", "in use by another t3video server"});
}

// The demo model with weights that are no numbers.
fs::path broken_model(const fs::path& folder) {
    fs::create_directory(folder);
    for (const auto& entry : fs::directory_iterator(film::demo_model_folder()))
        fs::create_symlink(entry.path(), folder / entry.path().filename());
    const fs::path weights = folder / "diffusion_pytorch_model.safetensors";
    fs::remove(weights);
    fs::copy_file(film::demo_model_folder() / "diffusion_pytorch_model.safetensors", weights);
    std::fstream file(weights, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(5'000'000);
    file << std::string(500'000, '\xff');
    return folder;
}

TEST_F(ServiceTest, AFilmOfBrokenWeightsFailsAndTheNextIsMade) {
    ServiceOptions two = options();
    two.models.push_back({"broken", broken_model(folder_ / "weights")});
    Service service(two);
    const FilmView film = made(service, with(small_film("A red ball."), "model", "broken"));
    EXPECT_EQ(film.entry.state, State::failed);
    EXPECT_EQ(film.entry.failure.code, "failed");
    EXPECT_NE(film.entry.failure.message.find("not numbers"), std::string::npos) << film.entry.failure.message;
    EXPECT_EQ(film.entry.failure.message.find(folder_.path().string()), std::string::npos)
        << film.entry.failure.message;
    EXPECT_TRUE(heard(Event::Kind::error));
    EXPECT_EQ(made(service, small_film("A red ball.")).entry.state, State::completed);
    service.resume(film.entry.id);
    EXPECT_EQ(finished(service, film.entry.id).entry.state, State::failed);
}

// The CPU's memory, which fails when it is told to.
class FaultyMemory final : public Allocator {
  public:
    enum class Fault { none, full, lost };
    explicit FaultyMemory(std::atomic<Fault>& fault) : fault_(fault) {}
    std::shared_ptr<Storage> allocate(size_t bytes) override {
        if (fault_ == Fault::full && fault_.exchange(Fault::none) == Fault::full) throw OutOfMemory("no more memory");
        if (fault_ == Fault::lost) throw Error("the device does not answer [/build/src/cuda/check.h:23]");
        return memory_->allocate(bytes);
    }
    void trim() override { memory_->trim(); }
    void copy(std::byte* to, const std::byte* from, size_t bytes, Transfer transfer) override {
        memory_->copy(to, from, bytes, transfer);
    }
    void zero(std::byte* data, size_t bytes) override { memory_->zero(data, bytes); }

  private:
    std::atomic<Fault>& fault_;
    std::shared_ptr<Allocator> memory_ = make_cpu_allocator();
};
using Fault = FaultyMemory::Fault;

SessionMaker faulty(std::atomic<Fault>& fault) {
    return [&fault] {
        if (fault == Fault::lost) throw Error("the device does not answer [/build/src/cuda/check.h:23]");
        Context cpu;
        return std::make_unique<session::Session>(
            Context({Device::cpu, DType::f32, std::make_shared<FaultyMemory>(fault), {}, cpu.traits()}, cpu.threads()));
    };
}

TEST_F(ServiceTest, OutOfMemoryFailsOneFilm) {
    std::atomic<Fault> fault = Fault::none;
    ServiceOptions options = this->options();
    options.devices = {faulty(fault)};
    Service service(options);
    EXPECT_EQ(made(service, small_film("A red ball.")).entry.state, State::completed) << log();
    fault = Fault::full;
    const FilmView film = made(service, small_film("Fog."));
    EXPECT_EQ(film.entry.state, State::failed);
    EXPECT_EQ(film.entry.failure.code, "out_of_memory");
    EXPECT_EQ(made(service, small_film("Rain.")).entry.state, State::completed) << log();
}

TEST_F(ServiceTest, FilmsWaitForADeviceThatIsLost) {
    std::atomic<Fault> fault = Fault::none;
    ServiceOptions options = this->options();
    options.devices = {faulty(fault)};
    Service service(options);
    EXPECT_EQ(made(service, small_film("A red ball.")).entry.state, State::completed) << log();
    fault = Fault::lost;
    const std::string id = service.submit({.fields = small_film("Fog.")}).entry.id;
    const auto listener = service.events(id);
    std::string why;
    while (why.empty()) {
        for (const Event& event : listener->next(std::chrono::seconds(60))) why = event.progress.waiting;
    }
    EXPECT_NE(why.find("device is lost: the device does not answer [check.h:23]"), std::string::npos) << why;
    EXPECT_FALSE(service.health().ready);
    EXPECT_EQ(service.get(id).progress.waiting, why);
    fault = Fault::none;
    EXPECT_EQ(finished(service, id).entry.state, State::completed) << log();
    EXPECT_TRUE(service.health().ready);
}

TEST_F(ServiceTest, ADiskWithoutRoomKeepsFilmsWaiting) {
    std::string id;
    {
        ServiceOptions bound = options();
        bound.disk_bytes = 1;
        Service service(bound);
        id = service.submit({.fields = with(small_film("A red ball."), "steps", "1000")}).entry.id;
        const std::string more = service.submit({.fields = small_film("Fog.")}).entry.id;
        wait_for_steps(service, id);
        service.cancel(id);
        EXPECT_GT(finished(service, id).entry.bytes, 1);
        while (service.get(more).progress.waiting.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
        EXPECT_NE(service.get(more).progress.waiting.find("the data folder holds"), std::string::npos);
        EXPECT_EQ(refusal([&] { service.submit({.fields = small_film("Rain.")}); }), Kind::disk_full);
        service.remove(id);
        id = more;
        EXPECT_EQ(finished(service, more).entry.state, State::completed) << log();
    }
    ServiceOptions full = options();
    full.disk_reserve = std::numeric_limits<int64_t>::max();
    Service service(full);
    EXPECT_EQ(service.get(id).entry.state, State::completed);
    EXPECT_EQ(refusal([&] { service.submit({.fields = small_film("Rain.")}); }), Kind::disk_full);
}

TEST_F(ServiceTest, AFilmThatRanWhenTheServerStoppedGoesOn) {
    const FieldValues fields = with(small_film("A red ball."), "steps", "20");
    std::string id, queued;
    {
        Service service(options());
        id = service.submit({.fields = fields}).entry.id;
        queued = service.submit({.fields = small_film("Fog.")}).entry.id;
        wait_for_steps(service, id);
    }
    Service service(options());
    EXPECT_EQ(finished(service, id).entry.state, State::completed) << log();
    EXPECT_EQ(service.get(id).entry.attempts, 2);
    EXPECT_EQ(finished(service, queued).entry.state, State::completed);
    EXPECT_EQ(bytes_of(service, id), bytes_of(service, made(service, fields).entry.id));
}

// A server of its own process: this program, started again for the one test below.
constexpr const char* kFolder = "T3VIDEO_TEST_SERVER";
constexpr const char* kFull = "T3VIDEO_FULL";  // tests/support/refusing_disk.cpp

// T3VIDEO_KILLS=30 for the thorough run.
int kills_to_come() {
    const char* text = std::getenv("T3VIDEO_KILLS");
    return text ? std::stoi(text) : 4;
}
int films_to_make() {
    return std::max(4, kills_to_come());
}

FieldValues film_number(int i) {
    return with(small_film(concat("Film ", i, " of a red ball."), i), "steps", "6");
}

// Accepts films, as far as it did not before, and ends when all are there.
TEST_F(ServiceTest, ServerProcess) {
    const char* data = std::getenv(kFolder);
    if (data == nullptr) GTEST_SKIP() << "started by other tests";
    ServiceOptions own = options();
    own.data = data;
    Service service(own);
    for (int i = 0; i < films_to_make(); ++i) {
        const fs::path said = fs::path(data) / concat("accepted", i);
        if (!fs::exists(said)) write_file(said, service.submit({.fields = film_number(i)}).entry.id);
    }
    const auto all_wait = [&] {
        const FilmPage page = service.list({.limit = 100});
        return std::ranges::all_of(page.films, [](const FilmView& film) {
            return film.progress.waiting.find("No space left on device") != std::string::npos;
        });
    };
    if (std::getenv(kFull) != nullptr) {
        while (!all_wait()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
        unsetenv(kFull);  // there is room now
    }
    for (const FilmView& film : service.list({.limit = 100}).films)
        EXPECT_EQ(finished(service, film.entry.id).entry.state, State::completed) << log();
}

// `full`: the folder whose disk is full.
pid_t start_server(const fs::path& data, const fs::path& full = {}) {
    const pid_t child = fork();
    if (child != 0) return child;
    setenv(kFolder, data.c_str(), 1);
    setenv("TMPDIR", data.c_str(), 1);  // what a killed process leaves goes with its data
    if (!full.empty()) {
        setenv("LD_PRELOAD", T3VIDEO_REFUSING_DISK, 1);
        setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
        setenv(kFull, full.c_str(), 1);
    }
    if (!freopen("/dev/null", "w", stdout)) _exit(125);
    execl("/proc/self/exe", "t3video_test_serving", "--gtest_filter=ServiceTest.ServerProcess", nullptr);
    _exit(126);
}

TEST_F(ServiceTest, AFullDiskKeepsFilmsWaitingUntilThereIsRoom) {
    const fs::path data = folder_ / "full";
    fs::create_directory(data);
    int status = 0;
    waitpid(start_server(data, data / "films"), &status, 0);
    ASSERT_EQ(status, 0);
    Service service(options("full"));
    const FilmPage page = service.list({.limit = 100});
    EXPECT_EQ(page.films.size(), static_cast<size_t>(films_to_make()));
    for (const FilmView& film : page.films) EXPECT_EQ(film.entry.state, State::completed);
}

TEST_F(ServiceTest, KillsLoseNoAcceptedFilm) {
    const fs::path data = folder_ / "killed";
    fs::create_directory(data);
    std::mt19937 random(20);
    int status = 0;
    for (int i = 0; i < kills_to_come(); ++i) {
        const pid_t server = start_server(data);
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 1000));
        kill(server, SIGKILL);
        waitpid(server, &status, 0);
    }
    waitpid(start_server(data), &status, 0);
    ASSERT_EQ(status, 0);
    Service killed([&] {
        ServiceOptions all = options();
        all.data = data;
        return all;
    }()),
        undisturbed(options("undisturbed"));
    int64_t begun_again = 0;
    for (int i = 0; i < films_to_make(); ++i) {
        const std::string id = read_file(data / concat("accepted", i));
        const Entry entry = killed.get(id).entry;
        EXPECT_EQ(entry.state, State::completed);
        begun_again += entry.attempts - 1;
        EXPECT_EQ(bytes_of(killed, id), bytes_of(undisturbed, made(undisturbed, film_number(i)).entry.id)) << i;
    }
    std::cout << kills_to_come() << " kills, films were begun again " << begun_again << " times\n";
    EXPECT_EQ(killed.list({.limit = 100}).films.size(), static_cast<size_t>(films_to_make()));
}

}  // namespace
}  // namespace t3video::serving

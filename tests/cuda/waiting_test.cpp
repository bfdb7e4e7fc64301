// Steady work asks the system for no memory, and the host never waits for the device inside a forward.
#include <cuda_runtime.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <thread>

#include "cuda/device_memory.h"
#include "cuda/parity.h"
#include "cuda/small_dit.h"
#include "cuda/state.h"
#include "film/published.h"
#include "nn/layer_store.h"
#include "session/denoise.h"
#include "session/stages.h"

namespace t3video {
namespace {

using namespace testing;

// A context whose memory is mapped in pieces so small that little growth shows.
class Waiting : public ::testing::TestWithParam<bool> {
  protected:
    void SetUp() override {
        if (ops::cuda_devices().empty()) GTEST_SKIP() << "no GPU";
        Backend backend = cuda::make_backend(0, DType::bf16, size_t{4} << 30);
        auto& state = static_cast<cuda::State&>(*backend.state);
        stream_ = state.stream;
        const size_t limit = backend.allocator->limit(), set_aside = backend.allocator->set_aside();
        state.workspace.reset();
        backend.allocator =
            std::make_shared<cuda::DeviceMemory>(0, limit, set_aside, state.stream_owner, size_t{2} << 20);
        state.workspace = backend.allocator->allocate(cuda::kWorkspaceBytes);
        gpu_.emplace(std::move(backend), 1);
    }
    Context& gpu() { return *gpu_; }
    cudaStream_t stream() const { return stream_; }
    static bool streamed() { return GetParam(); }

    models::WanDit dit(const models::WanDit& model) {
        return film::prepared_at_random(gpu(), model, streamed() ? nn::Residency::streamed : nn::Residency::resident);
    }

  private:
    std::optional<Context> gpu_;
    cudaStream_t stream_ = nullptr;
};

size_t free_memory() {
    size_t free = 0, total = 0;
    cuda::check(cudaMemGetInfo(&free, &total));
    return free;
}

// Five guided steps of a film with UniPC, whose memory of earlier steps grows up to the third.
TEST_P(Waiting, NothingIsAllocatedWhileDenoising) {
    film::Networks networks = film::published_networks("wan2.1-1.3b");
    networks.experts = {{models::WanDit(small_dit(4))}};
    networks.experts[0].dit.for_each_param("",
                                           [](const auto&, nn::Param& p) { p.value = unbacked(p.shape, DType::bf16); });
    const film::Film film = film::make_film({}, networks.traits(),
                                            {.width = 384, .height = 256, .frames = 17, .steps = 5, .solver = "unipc"},
                                            film::Attention::automatic);
    plan::Machine machine = plan::machine_of(gpu());
    session::Material embedded;
    embedded.embeddings.emplace();
    const auto planned = [&] { return *session::plan_film(networks, film, embedded, machine).find("denoise"); };
    plan::StagePlan plan = planned();
    if (streamed()) {
        machine.allowed = plan.bytes - 1;
        plan = planned();
    }
    ASSERT_EQ(plan.residency, streamed() ? nn::Residency::streamed : nn::Residency::resident);

    Context host;
    const job::Embeddings embeddings{randn(host, {20, 64}, 6), randn(host, {7, 64}, 7)};
    Allocator& allocator = gpu().allocator();
    allocator.reserve(plan.bytes - std::min(plan.bytes, allocator.set_aside()));
    const models::WanDit model = dit(models::WanDit(small_dit(4)));
    Tensor noise = to_device(gpu(), randn(host, film::latent_shape(film, networks.vae.config()), 5));
    const size_t requests = gpu().allocator().requests();  // one of them for what uploads go through
    const auto schedule = session::schedule_of(film);
    std::vector<size_t> requested, free;
    session::denoise_film(gpu(), {.dit = [&](size_t) -> const models::WanDit& { return model; }}, film, embeddings,
                          schedule, {.x = std::move(noise)},
                          {.together = plan.together, .observer = [&](const sampling::SampleState&) {
                               cuda::check(cudaStreamSynchronize(stream()));
                               requested.push_back(gpu().allocator().requests());
                               free.push_back(free_memory());
                           }});
    ASSERT_EQ(requested.size(), 5U);
    for (size_t i = 0; i < requested.size(); ++i)
        EXPECT_EQ(requested[i], requests) << "memory was asked for in step " << i + 1;
    // Kernels are loaded when first used, UniPC's last ones in the third step; then nobody else takes memory either.
    for (size_t i = 3; i < free.size(); ++i) EXPECT_GE(free[i], free[2]) << "the card has less free after " << i + 1;
}

// The stream stands still at a callback until the flag is up, so whatever waits for the device would wait for the
// flag; a thread raises it in the end, so that a failure is one.
struct Gate {
    std::atomic<bool> open = false, done = false;
    std::thread watchdog;

    explicit Gate(cudaStream_t stream)
        : watchdog([this] {
              const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
              while (!done && std::chrono::steady_clock::now() < end)
                  std::this_thread::sleep_for(std::chrono::milliseconds(10));
              open = true;
          }) {
        const auto stand = [](void* flag) {
            while (!*static_cast<std::atomic<bool>*>(flag)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        };
        const cudaError_t status = cudaLaunchHostFunc(stream, stand, &open);
        if (status != cudaSuccess) release();
        cuda::check(status);
    }
    ~Gate() { release(); }
    void release() {
        done = true;
        if (watchdog.joinable()) watchdog.join();
    }
};

TEST_P(Waiting, TheHostDoesNotWaitInAForward) {
    Context host;
    const models::WanDit model = dit(models::WanDit(small_dit(4)));
    const t3::LayoutWindows windows(gpu(), {{3, 8, 12}, {{1, 2, 3}, {3, 1, 1}}});
    const Tensor latent = to_device(gpu(), randn(host, {16, 3, 16, 24}, 5)),
                 rows = to_device(gpu(), randn(host, {20, 64}, 6));
    const auto text = model.embed_text(gpu(), rows, 30);
    const auto forward = [&] { return model.forward(gpu(), latent, 700, text, windows); };
    Tensor expected, first, second;
    {
        const Tensor y = forward(), z = forward();  // makes plans, loads kernels
        expected = to_host(gpu(), y);
    }
    bool returned_early = false;
    const size_t requests = gpu().allocator().requests();
    {
        Gate gate(stream());
        first = forward();
        second = forward();
        returned_early = !gate.open;
        EXPECT_EQ(cudaStreamQuery(stream()), returned_early ? cudaErrorNotReady : cudaSuccess);
    }
    EXPECT_TRUE(returned_early) << "a forward waited for the device";
    EXPECT_EQ(gpu().allocator().requests(), requests);
    for (const Tensor& y : {to_host(gpu(), first), to_host(gpu(), second)}) {
        ASSERT_EQ(y.bytes(), expected.bytes());
        EXPECT_EQ(std::memcmp(y.raw(), expected.raw(), y.bytes()), 0) << "other bits than without the gate";
    }
}

TEST_P(Waiting, AnUploadDoesNotWaitForEarlierWork) {
    Context host;
    const Tensor x = randn(host, {3 << 20}, 3);
    to_device(gpu(), x);  // pins what it goes through
    Tensor y;
    bool returned_early = false;
    {
        Gate gate(stream());
        y = to_device(gpu(), x);
        returned_early = !gate.open;
    }
    EXPECT_TRUE(returned_early);
    const Tensor back = to_host(gpu(), y);
    EXPECT_EQ(std::memcmp(back.raw(), x.raw(), x.bytes()), 0);
}

INSTANTIATE_TEST_SUITE_P(Weights, Waiting, ::testing::Bool(),
                         [](const auto& one) { return std::string(one.param ? "streamed" : "resident"); });

}  // namespace
}  // namespace t3video

// load_params gives a model every tensor it asks for, and nothing else may be in the file.
#include "checkpoint/load.h"

#include <utility>

#include "checkpoint/gguf/quantised.h"
#include "files.h"

namespace t3video::checkpoint {
namespace {

struct Weight {
    Shape shape;
    Stored value;
};

struct Model {
    Weight weight{{2, 2}, {}}, bias{{2}, {}};
    void for_each_param(const std::string& prefix, auto&& visit) {
        visit(prefix + "weight", weight);
        visit(prefix + "bias", bias);
    }
};

Tensor ones(Shape shape, DType dtype = DType::bf16) {
    return tensor_of(shape, dtype, std::string(static_cast<size_t>(shape.numel()) * size_of(dtype), '\1'));
}

struct Matrix {
    Weight weight;
    void for_each_param(const std::string&, auto&& visit) { visit("weight", weight); }
};

const std::vector<char> kBlocks(256 * 34, '\1');  // q8_0: 34 bytes hold 32 elements

class LoadParams : public ::testing::Test {
  protected:
    TensorSource stored(const std::map<std::string, Tensor>& tensors) {
        save_safetensors(dir_ / "model.safetensors", tensors);
        return open_tensors(dir_ / "model.safetensors");
    }
    void expect_message(const std::map<std::string, Tensor>& tensors, const std::string& reason) {
        const TensorSource source = stored(tensors);
        Model model;
        try {
            load_params(model, source, "layer.");
            ADD_FAILURE() << "loaded, expected: " << reason;
        } catch (const InvalidRequest& error) {
            const std::string expected = (dir_ / "model.safetensors").string() + ": " + reason;
            EXPECT_EQ(error.what(), expected);
        }
    }
    TempDir dir_;
};

TEST_F(LoadParams, SetsEveryParameterInTheStoredType) {
    const TensorSource source = stored({{"layer.weight", ones({2, 2})}, {"layer.bias", ones({2}, DType::f32)}});
    Model model;
    load_params(model, source, "layer.");
    EXPECT_EQ(model.weight.value.numbers().dtype(), DType::bf16);
    EXPECT_EQ(std::as_const(model).weight.value.numbers().raw(), source.at("layer.weight").raw())
        << "copied instead of shared";
    EXPECT_EQ(model.bias.value.numbers().dtype(), DType::f32);
}

// Rows that split blocks cannot be decoded one by one.
TEST_F(LoadParams, KeepsBlocksWhereRowsHoldThemWhole) {
    const Stored blocks = quantised_tensor(kQ8_0, {256, 32}, as_bytes(std::span(kBlocks)), nullptr);
    for (const auto& [shape, kept] : {std::pair(Shape{256, 32}, true), std::pair(Shape{512, 16}, false)}) {
        Matrix matrix{{shape, {}}};
        load_params(matrix, TensorSource{{{"weight", {blocks.reshape(shape), "model.gguf"}}}, {}, "model.gguf"});
        EXPECT_EQ(matrix.weight.value.type_name(), kept ? "q8_0" : "f32") << shape;
    }
}

// As files of at most four axes hold a convolution over time.
TEST_F(LoadParams, UnfoldsWhatHasMoreThanFourAxes) {
    const Shape wanted{6, 4, 1, 2, 3};
    for (const Shape& folded : {Shape{24, 1, 2, 3}, Shape{24, 2, 3}, Shape{6, 4, 2, 3}, Shape{6, 24}, Shape{144},
                                Shape{6, 4, 6}, Shape{1, 24, 1, 6}}) {
        EXPECT_TRUE(is_folding(folded, wanted)) << folded;
        Matrix convolution{{wanted, {}}};
        load_params(convolution, stored({{"weight", ones(folded)}}));
        EXPECT_EQ(convolution.weight.value.shape(), wanted) << folded;
    }
    for (const Shape& other : {Shape{4, 6, 1, 2, 3}, Shape{12, 12}, Shape{6, 2, 2, 6}, Shape{24, 1, 3, 2}, Shape{25, 6},
                               Shape{24, 1, 2, 2}, Shape{0}}) {
        EXPECT_FALSE(is_folding(other, wanted)) << other;
        Matrix convolution{{wanted, {}}};
        EXPECT_THROW(load_params(convolution, stored({{"weight", ones(other)}})), InvalidRequest) << other;
    }
    EXPECT_FALSE(is_folding({24}, {6, 4})) << "a matrix is not flattened by accident";
}

// Types that are not read do harm where they are asked for.
TEST_F(LoadParams, NamesATypeThatIsNotRead) {
    const auto path =
        write_file(dir_ / "u16.safetensors",
                   safetensors_file(R"({"weight":{"dtype":"U16","shape":[2],"data_offsets":[0,4]}})", "1234"));
    Matrix vector{{{2}, {}}};
    try {
        load_params(vector, open_tensors(path));
        ADD_FAILURE() << "loaded";
    } catch (const InvalidRequest& error) {
        EXPECT_EQ(error.what(), path.string() + ": tensor 'weight' holds U16, expected f32, f16 or bf16");
    }
}

TEST_F(LoadParams, RefusesWhatDoesNotFit) {
    expect_message({{"layer.weight", ones({2, 2})}}, "tensor 'layer.bias' [2] is missing");
    expect_message({{"layer.weight", ones({4})}, {"layer.bias", ones({2})}},
                   "tensor 'layer.weight' has shape [4], expected [2, 2]");
    expect_message({{"layer.weight", ones({2, 2})}, {"layer.bias", ones({2}, DType::i64)}},
                   "tensor 'layer.bias' holds i64, expected f32, f16 or bf16");
    expect_message({{"layer.weight", ones({2, 2})}, {"layer.bias", ones({2})}, {"layer.scale", ones({3})}},
                   "tensor 'layer.scale' [3] is not part of this model");
}

}  // namespace
}  // namespace t3video::checkpoint

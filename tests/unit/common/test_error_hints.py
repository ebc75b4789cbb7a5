"""Each kind of error that models raise has a hint that fits it, by the words of PyTorch, Python and the libraries."""

from __future__ import annotations

import pytest

from model_complexity.common.error_hints import LONGEST_MATCHED
from model_complexity.common.failures import FAILURE_KINDS

R, V, T, K, A = "RuntimeError", "ValueError", "TypeError", "KeyError", "AttributeError"
CUDA = "Use the device of the model's input instead of `cuda`, or set `device: cuda` on a runner with a GPU."
NO_KERNEL = "Set `device: cuda` on a runner with a GPU: the operator has no kernel for the CPU."
DEVICE = "Create each tensor on the device of the input, e.g. with `device=x.device`."
DTYPE = "Convert the tensors to one dtype, e.g. with `.to(x.dtype)`."
SHAPE = "Check that the model takes this input shape. Set another one with the `shapes` input."
SMALL = "Set a larger input shape with the `shapes` input."
CHANNELS = "Correct `in_channels`, or set other channels with the `shapes` input, e.g. `img=4x224x224`."
CALL = "Correct the call. Name the model's other inputs in the `shapes` input."
VALUE = "Check the value. If it comes from the input shape, set another with the `shapes` input."
NAME = "Correct the name, or install the version of the library that has it."
NONE = "Set the value that is None, or check for it."
FILE = "Correct the path, or add the file to the repository."
NETWORK = (
    "Add the file to the repository, or load it outside of the constructor. Nothing is fetched during a measurement."
)
REAL_RUN = "Set `mode` to `auto`, which adds a real run."
WEIGHTS = "Remove the loading of weights from the constructor: figures do not depend on weights."
GRADIENT = "Compute no gradients in eval mode: a model is measured without them."
METHOD = "Implement the method, or name a class that has it."
ARGUMENTS = "Correct the arguments in the config or in the call."
SIZES = "Correct the sizes in the config or in the constructor: the shapes of tensors do not fit."
BUILD_VALUE = "Correct the value in the config or in the constructor."

FORWARD = [
    (CUDA, "AssertionError", "Torch not compiled with CUDA enabled"),
    (CUDA, R, "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU"),
    (CUDA, R, "No CUDA GPUs are available"),
    (CUDA, R, "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False."),
    (CUDA, "NotImplementedError", "Could not run 'aten::empty.memory_format' with arguments from the 'CUDA' backend."),
    (CUDA, "AcceleratorError", "CUDA error: invalid device ordinal"),
    (CUDA, R, "0 active drivers ([]). There should only be one."),
    (NO_KERNEL, R, "Expected x.is_cuda() to be true, but got false."),
    (NO_KERNEL, R, "nms_impl: implementation for device cpu not found."),
    (NO_KERNEL, V, "Pointer argument (at 0) cannot be accessed from Triton (cpu tensor?)"),
    (NO_KERNEL, "NotImplementedError", "Could not run 'ours::scan' with arguments from the 'CPU' backend."),
    (DEVICE, R, "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!"),
    (DEVICE, R, "Expected all tensors to be on the same device, but got mat1 is on cpu, different from other tensors"),
    (DEVICE, R, "Input type (torch.FloatTensor) and weight type (torch.cuda.FloatTensor) should be the same"),
    (DEVICE, R, "Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be the same"),
    (DEVICE, R, "Unhandled FakeTensor Device Propagation for aten.mul.Tensor, found two different devices cpu, meta"),
    (DEVICE, R, "Tensor on device cpu is not on the expected device meta!"),
    (DEVICE, R, "indices should be either on cpu or on the same device as the indexed tensor (cuda)"),
    (DEVICE, T, "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor first."),
    (DEVICE, R, "Expected a 'cuda' device type for generator but found 'cpu'"),
    (DTYPE, R, "expected scalar type Float but found Half"),
    (DTYPE, R, "mat1 and mat2 must have the same dtype, but got Float and Half"),
    (DTYPE, R, "Input type (float) and bias type (c10::Half) should be the same"),
    (DTYPE, R, "\"addmm_impl_cpu_\" not implemented for 'Half'"),
    (DTYPE, R, "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int"),
    (DTYPE, "IndexError", "tensors used as indices must be long, int, byte or bool tensors"),
    (DTYPE, R, "result type Float can't be cast to the desired output type Long"),
    (SHAPE, R, "mat1 and mat2 shapes cannot be multiplied (1x12 and 16x4)"),
    (SHAPE, R, "size mismatch, got input (12), mat (12x5), vec (4)"),
    (SHAPE, R, "The size of tensor a (7) must match the size of tensor b (8) at non-singleton dimension 3"),
    (SHAPE, R, "Sizes of tensors must match except in dimension 1. Expected size 7 but got size 8 for tensor number 1"),
    (SHAPE, R, "shape '[1, 49, 3, 3]' is invalid for input of size 100"),
    (SHAPE, R, "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [1, 12]"),
    (SHAPE, V, "expected 4D input (got 2D input)"),
    (SHAPE, R, "running_mean should contain 3 elements not 8"),
    (SHAPE, R, "Given normalized_shape=[96], expected input with shape [*, 96], but got input of size[1, 49, 64]"),
    (SHAPE, R, "Expected size for first two dimensions of batch2 tensor to be: [1, 8] but got: [1, 9]."),
    (SHAPE, R, "einsum(): subscript i has size 3 for operand 1 which does not broadcast with previously seen size 4"),
    (SHAPE, V, "not enough values to unpack (expected 4, got 2)"),
    (SHAPE, "IndexError", "Dimension out of range (expected to be in range of [-2, 1], but got 2)"),
    (SHAPE, R, "The expanded size of the tensor (8) must match the existing size (7) at non-singleton dimension 1"),
    (SHAPE, R, "split_with_sizes expects split_sizes to sum exactly to 7 (input tensor's size at dimension 1)"),
    (SHAPE, "AssertionError", "Input height (225) doesn't match model (224)."),
    (SHAPE, "AssertionError", "was expecting embedding dimension of 512, but got 384"),
    (SHAPE, "EinopsError", "Error while processing rearrange-reduction pattern. Shape mismatch, can't divide axis"),
    (SHAPE, R, "input.size(-1) must be equal to input_size. Expected 10, got 8"),
    (SHAPE, R, "a and b must have same reduction dim, but got [1, 12] X [16, 4]."),
    (SMALL, R, "Given input size: (64x1x1). Calculated output size: (64x0x0). Output size is too small"),
    (
        SMALL,
        R,
        "Calculated padded input size per channel: (2 x 2). Kernel size: (3 x 3). Kernel size can't be greater than",
    ),
    (
        CHANNELS,
        R,
        "Given groups=1, weight of size [8, 3, 3, 3], expected input[1, 4, 8, 8] to have 3 channels, but got 4 channels",
    ),
    ("Replace `view` by `reshape`.", R, "view size is not compatible with input tensor's size and stride"),
    (CALL, T, "Net.forward() missing 1 required positional argument: 'mask'"),
    (CALL, T, "forward() got an unexpected keyword argument 'mode'"),
    (CALL, T, "Head.forward() takes 2 positional arguments but 3 were given"),
    (CALL, T, "conv2d() received an invalid combination of arguments - got (NoneType, Parameter)"),
    (CALL, T, "linear(): argument 'input' (position 1) must be Tensor, not tuple"),
    (VALUE, V, "Unsupported interpolation: bicubic2"),
    (VALUE, "IndexError", "list index out of range"),
    (VALUE, K, "'stage5'"),
    (VALUE, "AssertionError", ""),
    (VALUE, "ZeroDivisionError", "division by zero"),
    (VALUE, T, "unsupported operand type(s) for *: 'int' and 'str'"),
    (NONE, T, "'NoneType' object is not callable"),
    (NONE, A, "'NoneType' object has no attribute 'shape'"),
    (NAME, A, "'Net' object has no attribute 'neck'"),
    (NAME, A, "module 'torch' has no attribute 'concatenated'"),
    (NAME, "UnboundLocalError", "cannot access local variable 'x' where it is not associated with a value"),
    (FILE, "FileNotFoundError", "[Errno 2] No such file or directory: 'data/anchors.json'"),
    (FILE, R, "Unable to open file (unable to open file: name = 'anchors.h5')"),
    (NETWORK, "OSError", "Model Complexity fetches nothing while it measures: the network is off"),
    (NETWORK, "OSError", "It looks like org/net is not the path to a directory containing a file named config.json."),
    (REAL_RUN, "DataDependentError", "aten::item reads values, which a dry run does not compute"),
    (REAL_RUN, "NotImplementedError", "Could not run 'ours::scan' with arguments from the 'Meta' backend."),
    (WEIGHTS, R, "Error(s) in loading state_dict for Net:\n\tsize mismatch for fc.weight"),
    (WEIGHTS, "UnpicklingError", "invalid load key, 'v'."),
    (GRADIENT, R, "element 0 of tensors does not require grad and does not have a grad_fn"),
    (GRADIENT, R, "Inference tensors cannot be saved for backward."),
    (METHOD, "NotImplementedError", ""),
    ("Implement `forward`, or name a class that has it.", R, 'Module [Net] is missing the required "forward" function'),
    (
        "Build the model without torch.distributed: one process measures it.",
        V,
        "Default process group has not been initialized, please make sure to call init_process_group.",
    ),
    ("Check that the recursion comes to an end.", "RecursionError", "maximum recursion depth exceeded"),
    (FAILURE_KINDS["forward"].hint, R, "I want 7 channels"),
    (FAILURE_KINDS["forward"].hint, "OurError", ""),
]
BUILD = [
    (CUDA, "AssertionError", "Torch not compiled with CUDA enabled"),
    (DTYPE, R, "expected scalar type Float but found Half"),
    (ARGUMENTS, T, "Net.__init__() got an unexpected keyword argument 'depht'"),
    (ARGUMENTS, T, "Net.__init__() missing 1 required positional argument: 'channels'"),
    (METHOD, T, "Can't instantiate abstract class Net without an implementation for abstract method 'forward'"),
    (SIZES, R, "mat1 and mat2 shapes cannot be multiplied (1x12 and 16x4)"),
    (SIZES, "AssertionError", "embed_dim must be divisible by num_heads"),
    (BUILD_VALUE, K, "'resnet51'"),
    (BUILD_VALUE, V, "out_channels must be positive"),
    (BUILD_VALUE, R, "Trying to create tensor with negative dimension -1: [-1, 3, 1, 1]"),
    (
        "Import the module that registers it with `custom_imports`, or correct the name.",
        K,
        "NoNet is not in the mmengine::model registry. Please check whether the value of `NoNet` is correct",
    ),
    (WEIGHTS, R, "PytorchStreamReader failed reading zip archive: failed finding central directory"),
    (FILE, "FileNotFoundError", "weights/net.pth can not be found."),
    (FAILURE_KINDS["build"].hint, R, "cannot do that"),
]
LOAD = [
    (FILE, "FileNotFoundError", "[Errno 2] No such file or directory: 'configs/_base_/net.py'"),
    (
        "Keep the key in one of the base files.",
        K,
        "Duplicate key is not allowed among bases. Duplicate keys: {'model'}",
    ),
    (
        "Give the file a `model`, or exclude it with `!` in the `configs` input.",
        "NoModelError",
        "the config has no `model`",
    ),
    (NAME, "NameError", "name 'widht' is not defined"),
    ("Correct the value.", "ZeroDivisionError", "division by zero"),
    (FAILURE_KINDS["config_load"].hint, R, "cannot do that"),
]
IMPORTS = [
    (FAILURE_KINDS["missing_dependency"].hint, "ModuleNotFoundError", "No module named 'timm'"),
    (
        "Correct the name, or install the version of the package that has it with the `install` input.",
        "ImportError",
        "cannot import name 'load_url' from 'torch.hub'",
    ),
    (
        "Break the circular import.",
        "ImportError",
        "cannot import name 'Net' from partially initialized module 'nets' (most likely due to a circular import)",
    ),
    (
        "Install a build of the package for this torch, without CUDA, in the action's `install` input.",
        "ImportError",
        "libcudart.so.11.0: cannot open shared object file: No such file or directory",
    ),
    (
        "Install the library with its compiled operators in the action's `install` input.",
        "MissingExtensionError",
        "`nms` is a stub: it supports dry runs only.",
    ),
    (
        "Import the module by its absolute name.",
        "ImportError",
        "attempted relative import with no known parent package",
    ),
]
TABLES = {"forward": FORWARD, "build": BUILD, "config_load": LOAD, "missing_dependency": IMPORTS}
BASES = {
    "IndexError": "LookupError",
    "KeyError": "LookupError",
    "ZeroDivisionError": "ArithmeticError",
    "UnboundLocalError": "NameError",
    "EinopsError": "RuntimeError",
}


@pytest.mark.parametrize(
    ("kind", "hint", "error", "message"), [(kind, *row) for kind, rows in TABLES.items() for row in rows]
)
def test_error_has_the_hint_that_fits_it(kind: str, hint: str, error: str, message: str) -> None:
    types = [error, BASES.get(error, ""), "Exception", "object"]
    assert FAILURE_KINDS[kind].hint_for(types, message) == hint


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_hint_is_known_to_its_kind_and_short(kind: str) -> None:
    known = FAILURE_KINDS[kind]
    assert {row.hint for row in known.error_hints} | {known.hint} == known.hints
    assert [hint for hint in known.hints if any(len(part.split()) > 20 for part in hint.split(". "))] == []
    assert [hint for hint in known.hints if not hint.endswith(".") or ";" in hint.replace("import Config;", "")] == []


def test_hint_is_found_at_once_in_a_huge_message() -> None:
    huge = "expected " * 1_000_000 + "shapes cannot be multiplied"
    assert len(huge) > LONGEST_MATCHED
    assert FAILURE_KINDS["forward"].hint_for([R], huge) == FAILURE_KINDS["forward"].hint

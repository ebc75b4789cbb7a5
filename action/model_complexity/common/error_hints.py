"""Hints that fit an error of the model's own code, within a failure kind: by the words of PyTorch, Python and the libraries.

A new hint is one row. The first row that fits wins, so rows go from the particular to the general.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Sequence, Tuple

LONGEST_MATCHED = 4_000
"""Characters of a message that patterns are matched with: a config can make it as long as it likes."""


class ErrorHint(NamedTuple):
    """What to do about errors of some words, of some types, or both."""

    hint: str
    words: str = ""
    """A pattern that is searched in the message, without regard to case."""
    types: Tuple[str, ...] = ()
    """Names of exception classes, one of which the error is or derives from; empty for any."""

    def fits(self, types: Sequence[str], message: str) -> bool:
        """Return whether an error is meant.

        Args:
            types: names of its class and of all base classes.
            message: its text.
        """
        return (not self.types or any(name in self.types for name in types)) and bool(
            re.search(self.words, message[:LONGEST_MATCHED], re.IGNORECASE)
        )


_NAMES = ("AttributeError", "NameError")
_VALUES = ("ValueError", "LookupError", "AssertionError", "ArithmeticError", "TypeError")
_NO_VALUE = ErrorHint("Set the value that is None, or check for it.", "'NoneType' object")
_NAME = ErrorHint("Correct the name, or install the version of the library that has it.", types=_NAMES)
_CIRCULAR = ErrorHint("Break the circular import.", "partially initialized module|circular import")
_FILE = ErrorHint(
    "Correct the path, or add the file to the repository.",
    r"No such file or directory|file \S+ (?:does not|doesn't) exist|(?:is not|not) a directory|is a directory"
    "|can ?not find file|unable to open file",
)
_MISSING_FILE = ErrorHint(_FILE.hint, types=("FileNotFoundError", "NotADirectoryError", "IsADirectoryError"))
REAL_RUN = "Set `mode` to `auto`, which adds a real run."
"""The hint for what only a dry run cannot do."""
NETWORK = (
    "Add the file to the repository, or load it outside of the constructor. Nothing is fetched during a measurement."
)
"""The hint for a failure to fetch something."""
_NETWORK = ErrorHint(
    NETWORK,
    "max retries exceeded|urlopen error|failed to resolve|offline mode is enabled"
    "|is not the path to a directory containing",
)

_MACHINE = (
    ErrorHint(REAL_RUN, "'Meta' backend|not.{1,40} meta tensor"),
    ErrorHint(
        "Use the device of the model's input instead of `cuda`, or set `device: cuda` on a runner with a GPU.",
        "not compiled with CUDA|no NVIDIA driver|no CUDA GPUs are available|CUDA driver|libcuda|not linked with support for cuda"
        "|re-initialize CUDA"
        "|without ATen_cuda|'CUDA' backend|deserialize object on a CUDA device|CUDA error|no kernel image"
        "|accelerator device when none|CUDA (?:is|was) not available|0 active drivers",
    ),
    ErrorHint(
        "Set `device: cuda` on a runner with a GPU: the operator has no kernel for the CPU.",
        r"'CPU' backend|device cpu not found|is_cuda\(\) to be true|only supports? CUDA|requires? (?:a )?CUDA"
        "|must be (?:a |on )?CUDA|cpu tensor\\?|not compiled with GPU|cuda tensors? only",
    ),
    ErrorHint(
        "Create each tensor on the device of the input, e.g. with `device=x.device`.",
        r"same device|device propagation|on the expected device|device type|found two different devices"
        r"|input type \(.*cuda.*and weight type|weight type \(.*cuda.*\) should be the same|copy out of meta tensor"
        "|different (?:from other tensors|devices)|either on cpu or on",
    ),
    ErrorHint(
        "Convert the tensors to one dtype, e.g. with `.to(x.dtype)`.",
        r"same dtype|expected scalar type|dtypes? (?:mis)?match|not implemented for '|input type \(.*should be the same"
        r"|following scalar types|tensors used as indices must be|can't be cast to the desired|expected dtype|got dtype"
        "|data ?type mismatch|to be of the same (?:d?type|data type)",
    ),
    ErrorHint(
        "Build the model without torch.distributed: one process measures it.",
        "process group has not been initialized|init_process_group|torch.distributed",
    ),
    ErrorHint(
        "Compute no gradients in eval mode: a model is measured without them.",
        "does not require grad|inference tensors? (?:cannot|can not)|outside InferenceMode",
    ),
    ErrorHint(
        "Remove the loading of weights from the constructor: figures do not depend on weights.",
        "loading state_dict|PytorchStreamReader|invalid load key|weights.only load|pickle data was truncated|MetadataIncomplete",
    ),
    ErrorHint(
        "Build the model without torch.jit.script: figures do not depend on it.",
        r"torchscript|torch\.jit|compiled functions? can't|unknown builtin op",
    ),
    ErrorHint("Check that the recursion comes to an end.", types=("RecursionError",)),
)
"""Where the model is run: device, dtype, processes."""

_TOO_SMALL = (
    r"output size is too small|kernel size can't be greater|padding size should be less|non-?zero size for non-batch"
)
_CHANNELS = (
    r"to have \d+ channels, but got|invalid channel dimensions|expected in_channels|input channels? (?:must|should)"
)
_SHAPES = (
    r"shapes? cannot be multiplied|size mismatch|must match the size|sizes of tensors must match|for input of size"
    r"|but got input of size|must match the existing size|expected \d+d\b|running_mean should contain|normalized_shape"
    r"|number of channels|broadcast|number of dimensions|dimension out of range|values? to unpack"
    r"|shape mismatch|same reduction dim|divisible|doesn't match model|same number of"
    r"|(?:shape|size|dim|channel).{0,60}(?:not|n't) match"
    r"|split_sizes|number of dims|inconsistent tensor size|invalid for input|maximum size for tensor|exceeds dimension size"
    r"|selected index k|more than 1 value per channel|input_size|expected (?:hidden|size|input|embedding)"
    r"|expecting embedding dimension|(?:2|3|4|5)-?D\b|reduction pattern|batch1 must be|out of bounds for dimension"
)
_ARGUMENTS = (
    r"unexpected keyword|missing \d+ required|missing a required argument|positional arguments?|multiple values for"
    r"|invalid combination of arguments|argument '\w+'|takes no arguments|required keyword|got an unexpected|too many arguments"
)
_LAYOUT = ErrorHint("Replace `view` by `reshape`.", "view size is not compatible")
_NOT_IMPLEMENTED = ErrorHint(
    "Implement the method, or name a class that has it.",
    types=("NotImplementedError",),
)
_ABSTRACT = ErrorHint(_NOT_IMPLEMENTED.hint, "abstract (?:class|method)", ("TypeError",))

LOAD_ERRORS: Tuple[ErrorHint, ...] = (
    ErrorHint("Give the file a `model`, or exclude it with `!` in the `configs` input.", "the config has no `model`"),
    _NETWORK,
    _MISSING_FILE,
    _FILE,
    ErrorHint("Keep the key in one of the base files.", "duplicate key", ("KeyError",)),
    _CIRCULAR,
    _NO_VALUE,
    _NAME,
    ErrorHint("Correct the value.", types=_VALUES),
)
"""Errors of a config file's own code."""

IMPORT_ERRORS: Tuple[ErrorHint, ...] = (
    ErrorHint(
        "Install a build of the package for this torch, without CUDA, in the action's `install` input.",
        "cannot open shared object|undefined symbol|GLIBC|invalid ELF|compiled with",
    ),
    _CIRCULAR,
    ErrorHint("Import the module by its absolute name.", "relative import"),
    ErrorHint(
        "Correct the name, or install the version of the package that has it with the `install` input.",
        "cannot import name|has no attribute",
    ),
)
"""Errors of imports."""

BUILD_ERRORS: Tuple[ErrorHint, ...] = (
    _NETWORK,
    _MISSING_FILE,
    *_MACHINE,
    _FILE,
    ErrorHint(
        "Import the module that registers it with `custom_imports`, or correct the name.",
        r"is not in the \S+ registry|cannot find registry|is not registered",
    ),
    _NOT_IMPLEMENTED,
    _ABSTRACT,
    ErrorHint("Correct the arguments in the config or in the call.", _ARGUMENTS, ("TypeError",)),
    _LAYOUT,
    ErrorHint(
        "Correct the sizes in the config or in the constructor: the shapes of tensors do not fit.",
        f"{_TOO_SMALL}|{_CHANNELS}|{_SHAPES}",
    ),
    _CIRCULAR,
    _NO_VALUE,
    _NAME,
    ErrorHint("Correct the value in the config or in the constructor.", "negative dimension|out of range"),
    ErrorHint("Correct the value in the config or in the constructor.", types=_VALUES),
)
"""Errors of a model's constructor."""

FORWARD_ERRORS: Tuple[ErrorHint, ...] = (
    _NETWORK,
    _MISSING_FILE,
    *_MACHINE,
    _FILE,
    _NOT_IMPLEMENTED,
    ErrorHint("Implement `forward`, or name a class that has it.", 'missing the required "forward" function'),
    ErrorHint("Correct the call. Name the model's other inputs in the `shapes` input.", _ARGUMENTS, ("TypeError",)),
    _LAYOUT,
    ErrorHint("Set a larger input shape with the `shapes` input.", _TOO_SMALL),
    ErrorHint(
        "Correct `in_channels`, or set other channels with the `shapes` input, e.g. `img=4x224x224`.",
        _CHANNELS,
    ),
    ErrorHint("Check that the model takes this input shape. Set another one with the `shapes` input.", _SHAPES),
    _NO_VALUE,
    _NAME,
    ErrorHint(
        "Check the value. If it comes from the input shape, set another with the `shapes` input.",
        "negative dimension",
    ),
    ErrorHint("Check the value. If it comes from the input shape, set another with the `shapes` input.", types=_VALUES),
)
"""Errors of a model that runs."""

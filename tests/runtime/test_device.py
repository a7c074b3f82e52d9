import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from netc.compiler.ir import TensorType
from netc.runtime.device import Device, DeviceError, open_device


@pytest.fixture
def cupy(monkeypatch):
    """A stand-in for CuPy: NumPy under its name, on one device."""
    found = ModuleType("cupy")
    found.zeros = np.zeros
    found.cuda = SimpleNamespace(
        runtime=SimpleNamespace(getDeviceProperties=lambda index: {"name": b"Imaginary 1000"})
    )
    monkeypatch.setitem(sys.modules, "cupy", found)
    return found


@pytest.fixture
def no_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)  # importing it fails


def test_the_cpu_is_taken_without_a_word():
    device, note = open_device("cpu")
    assert (device.name, device.xp, note) == ("cpu", np, "")


@pytest.mark.usefixtures("no_cupy")
def test_without_cupy_there_is_no_cuda():
    with pytest.raises(DeviceError, match=r"CuPy is not installed \(pip install 'netc\[cuda\]'\)"):
        open_device("cuda")


@pytest.mark.usefixtures("no_cupy")
def test_auto_takes_the_cpu_and_says_why():
    device, note = open_device("auto")
    assert device.name == "cpu"
    assert note == "running on the CPU: CuPy is not installed (pip install 'netc[cuda]')"


def test_auto_takes_a_gpu_that_works(cupy):
    device, note = open_device("auto")
    assert (device.name, device.xp, note) == ("cuda", cupy, "running on Imaginary 1000")
    assert open_device("cuda")[1] == ""


def test_cupy_without_a_gpu_is_an_error_in_one_line(cupy):
    def fail(index):
        raise RuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected\nmore")

    cupy.cuda.runtime.getDeviceProperties = fail
    with pytest.raises(DeviceError) as caught:
        open_device("cuda")
    message = "CuPy finds no GPU that it can use (cudaErrorNoDevice: no CUDA-capable device is detected)"
    assert str(caught.value) == message


def test_too_little_memory_is_told_in_sizes():
    def empty(size, dtype):
        raise MemoryError

    with pytest.raises(DeviceError, match=r"take 5\.0 GB"):
        Device("cpu", SimpleNamespace(empty=empty, uint8=np.uint8)).reserve(5_000_000_000)


def test_arrays_are_made_contiguous_and_come_back():
    device = Device("cpu")
    array = device.array(np.ones((2, 3)).T, np.float32)
    assert array.flags.c_contiguous
    assert array.dtype == np.float32
    assert device.array(array) is array
    assert device.numpy(array) is array


@pytest.mark.parametrize("xp", [np, SimpleNamespace(empty=np.empty, uint8=np.uint8)])
def test_arrays_lie_side_by_side(xp):
    """Each with a cache line of its own, also where one is empty or has an odd number of bytes."""
    types = {
        "w": TensorType("float32", (7, 3)),
        "none": TensorType("float64", (0, 4)),
        "flags": TensorType("bool", (5,)),
        "one": TensorType("int64", ()),
        "v": TensorType("float64", (2, 2, 2)),
    }
    made = Device("cpu", xp).arrays(types)
    assert [(a.shape, a.dtype.name) for a in made.values()] == [(t.shape, t.dtype) for t in types.values()]
    for number, array in enumerate(made.values()):
        array[...] = number % 2 if array.dtype == bool else number + 0.5
    assert all(
        (a == (n % 2 if a.dtype == bool else a.dtype.type(n + 0.5))).all()
        for n, a in enumerate(made.values())
    )
    begins = [array.ctypes.data for array in made.values()]
    assert all((begin - begins[0]) % 64 == 0 for begin in begins)
    assert begins[-1] - begins[0] == 2 * 64 + 64 + 64


def test_a_network_without_parameters():
    assert Device("cpu").arrays({}) == {}

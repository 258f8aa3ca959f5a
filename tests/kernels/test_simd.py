"""Every level of vector instructions gives the defined mask, bit for bit; NEON is emulated where there is no Arm."""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from llvmlite import ir

from lookalike.kernels import simd

Block = tuple[np.ndarray, np.ndarray, np.ndarray, int]

DRIVER = """
#include <stdint.h>
#include <stdio.h>

uint32_t block_mask(const uint8_t *codes, const uint8_t *low, const uint8_t *high, uint16_t *sums, int64_t n_bytes,
                    int64_t bound);

int main(void) {
    static uint8_t arrays[3][1024 * 32];
    int64_t head[2];
    while (fread(head, sizeof head, 1, stdin) == 1) {
        for (int i = 0; i < 3; i++)
            if (fread(arrays[i], 32, head[0], stdin) != (size_t)head[0])
                return 1;
        uint16_t sums[32];
        uint32_t mask = block_mask(arrays[0], arrays[1], arrays[2], sums, head[0], head[1]);
        fwrite(&mask, sizeof mask, 1, stdout);
        fwrite(sums, sizeof sums, 1, stdout);
    }
    return 0;
}
"""


def defined_sums(codes: np.ndarray, low: np.ndarray, high: np.ndarray) -> list[int]:
    low_entries, high_entries = low[:, 0].tolist(), high[:, 0].tolist()
    return [
        sum(min(255, low_entries[j][c & 15] + high_entries[j][c >> 4]) for j, c in enumerate(code)) % 2**16
        for code in codes.T.tolist()
    ]


def some_blocks(*, even: bool) -> tuple[list[Block], list[tuple[int, list[int]]]]:
    """Blocks of 1 to 64 bytes, and of so many that sums wrap, with bounds on, beside and far from sums.

    With their masks and sums.
    """
    rng = np.random.default_rng(0)
    blocks: list[Block] = []
    masks: list[tuple[int, list[int]]] = []
    for n_bytes in (*range(1, 65), 300):
        if even and n_bytes % 2:
            continue
        for largest in (1, 30, 255, None):  # None: every sum of two entries saturates
            codes = rng.integers(0, 256, (n_bytes, 32)).astype(np.uint8)
            entries = (128, 256) if largest is None else (0, largest + 1)
            low, high = (rng.integers(*entries, (n_bytes, 1, 16)).astype(np.uint8).repeat(2, axis=1) for _ in range(2))
            sums = defined_sums(codes, low, high)
            middle = sorted(sums)[16]
            for bound in (0, min(sums), max(0, middle - 1), middle, max(sums), 65535):
                blocks.append((codes, low, high, bound))
                masks.append((sum(1 << lane for lane, each in enumerate(sums) if each <= bound), sums))
    return blocks, masks


def compiled_block_mask(level: str, triple: str, cpu: str, features: str) -> tuple[Any, Any]:
    """Make `block_mask` as a C function of a module for some machine; gives the module and the machine."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    module = ir.Module(name="block_mask")
    module.triple = triple
    pointer, word = ir.IntType(8).as_pointer(), ir.IntType(64)
    signature = ir.FunctionType(ir.IntType(32), [pointer, pointer, pointer, pointer, word, word])
    function = ir.Function(module, signature, "block_mask")
    builder = ir.IRBuilder(function.append_basic_block())
    builder.ret(simd.emit_block_mask(level, builder, list(function.args)))
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, features=features, opt=3, reloc="pic")
    made = llvm.parse_assembly(str(module))
    made.verify()
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=3))
    passes.getModulePassManager().run(made, passes)
    return made, machine


@pytest.mark.parametrize("level", simd.SUPPORTED[1:])
def test_this_machines_instructions_give_the_defined_mask(level: str) -> None:
    made, machine = compiled_block_mask(
        level, llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    )
    engine = llvm.create_mcjit_compiler(made, machine)
    engine.finalize_object()
    arguments = [ctypes.c_void_p] * 4 + [ctypes.c_int64] * 2
    block_mask: Callable[..., int] = ctypes.CFUNCTYPE(ctypes.c_uint32, *arguments)(
        engine.get_function_address("block_mask")
    )
    blocks, masks = some_blocks(even=level == "avx512")
    sums = np.zeros(32, np.uint16)
    got = []
    for codes, low, high, bound in blocks:
        mask = block_mask(codes.ctypes.data, low.ctypes.data, high.ctypes.data, sums.ctypes.data, len(codes), bound)
        got.append((mask, sums.tolist()))
    assert got == masks


@pytest.mark.skipif("neon" in simd.SUPPORTED, reason="this machine runs NEON itself")
def test_emulated_neon_gives_the_defined_mask(tmp_path: Path, require: Callable[[object, str], None]) -> None:
    compiler = shutil.which("aarch64-linux-gnu-gcc")
    library = compiler and subprocess.check_output([compiler, "-print-file-name=libc.a"], text=True).strip()
    require(
        library and Path(library).is_absolute(),
        "a C compiler for aarch64 is missing: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    )
    require(shutil.which("qemu-aarch64"), "an emulator of aarch64 is missing: apt-get install qemu-user")
    made, machine = compiled_block_mask("neon", "aarch64-unknown-linux-gnu", "generic", "")
    (tmp_path / "block_mask.o").write_bytes(machine.emit_object(made))
    (tmp_path / "driver.c").write_text(DRIVER)
    build = ["aarch64-linux-gnu-gcc", "-static", "-o", "driver", "driver.c", "block_mask.o"]
    subprocess.run(build, cwd=tmp_path, check=True)
    blocks, masks = some_blocks(even=False)
    given = b"".join(
        struct.pack("<2q", len(codes), bound) + codes.tobytes() + low.tobytes() + high.tobytes()
        for codes, low, high, bound in blocks
    )
    run = subprocess.run(["qemu-aarch64", str(tmp_path / "driver")], input=given, capture_output=True, check=True)
    got = np.frombuffer(run.stdout, np.dtype([("mask", "<u4"), ("sums", "<u2", 32)]))
    assert [(int(each["mask"]), each["sums"].tolist()) for each in got] == masks


@pytest.mark.parametrize(
    ("triple", "features", "levels"),
    [
        ("x86_64-unknown-linux-gnu", "+sse2,+ssse3,+avx,-avx2", "portable"),
        ("x86_64-unknown-linux-gnu", "+ssse3,+avx2,-avx512bw,-avx512vl", "portable avx2"),
        ("x86_64-pc-windows-msvc", "+avx2,+avx512f,-avx512bw,+avx512vl", "portable avx2"),
        ("x86_64-unknown-linux-gnu", "+avx2,+avx512bw,+avx512vl", "portable avx2 avx512"),
        ("x86_64-unknown-linux-gnu", "", "portable"),  # as NUMBA_CPU_NAME=generic gives
        ("aarch64-unknown-linux-gnu", "", "portable neon"),
        ("aarch64-unknown-linux-gnu", "+neon,+sve,-aes", "portable neon"),
        ("arm64-apple-darwin24.0.0", "", "portable neon"),
        ("armv7l-unknown-linux-gnueabihf", "+neon", "portable"),
        ("riscv64-unknown-linux-gnu", "+v", "portable"),
    ],
)
def test_levels_follow_from_what_numba_compiles_for(
    monkeypatch: pytest.MonkeyPatch, triple: str, features: str, levels: str
) -> None:
    monkeypatch.setattr("llvmlite.binding.get_process_triple", lambda: triple)
    monkeypatch.setattr("numba.core.config.CPU_FEATURES", features)
    assert simd._supported() == tuple(levels.split())


def test_levels_without_avx_are_portable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llvmlite.binding.get_process_triple", lambda: "x86_64-unknown-linux-gnu")
    monkeypatch.setattr("numba.core.config.CPU_FEATURES", None)
    monkeypatch.setattr("numba.core.config.ENABLE_AVX", 0)
    assert simd._supported() == ("portable",)

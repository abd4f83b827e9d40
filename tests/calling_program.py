"""Two Solana programs of our own, assembled by hand, so that no toolchain is needed.

The caller calls another program, as a marketplace or a game does when it burns a user's NFT within
its own instruction: its instruction's data goes unchanged to the program that is the first account,
with all accounts behind it; whoever signed for us signs for it too.

The idle program accepts everything and does nothing: a fake token program, or the stand-in for the
guard program of wallets, whose assertions hold.
"""

import struct

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

CALLER = Pubkey.from_string("CaLLer1111111111111111111111111111111111111")
FAKE_TOKEN_PROGRAM = Pubkey.from_string("FakeToken1111111111111111111111111111111111")
"""Addresses that tests give the programs."""

# Registers: r0 result, r1..r5 arguments, r6..r9 ours, r10 the end of the stack frame.
# An SBF program's input, as the loader lays it out: u64 number of accounts, then of each: u8 0xff,
# u8 is signer, u8 is writable, u8 executable, 4 bytes, 32 key, 32 owner, u64 lamports, u64 length
# of data, data, 10,240 spare bytes, padding to 8, u64 rent epoch. Then u64 length of the
# instruction's data and the data. No account may occur twice.
KEY, OWNER, LAMPORTS, LENGTH, DATA = 8, 40, 72, 80, 88
SPARE, RENT_EPOCH = 10_240, 8
META, INFO = 16, 56
"""Sizes of SolAccountMeta and SolAccountInfo, the syscall's C structures."""
MOST_ACCOUNTS = 8
METAS = -MOST_ACCOUNTS * META
INFOS = METAS - MOST_ACCOUNTS * INFO
CALL = INFOS - 40
"""Where they lie on the stack, and the SolInstruction: program, metas, count, data, length."""

MOV_IMM, MOV, ADD_IMM, ADD, AND_IMM = 0xB7, 0xBF, 0x07, 0x0F, 0x57
LOAD8, LOAD64, STORE8, STORE64, STORE_IMM = 0x71, 0x79, 0x73, 0x7B, 0x7A
JUMP, JUMP_EQUAL, SYSCALL, EXIT = 0x05, 0x1D, 0x85, 0x95


def call_through(target: Instruction, *, program: Pubkey = CALLER) -> Instruction:
    """`target`, called by the program instead of by the transaction."""
    callee = AccountMeta(target.program_id, is_signer=False, is_writable=False)
    return Instruction(program, bytes(target.data), [callee, *target.accounts])


def caller_object() -> bytes:
    """The caller as a deployable ELF file."""
    return _elf(_text())


def idle_object() -> bytes:
    """The idle program as a deployable ELF file; its system call is never reached."""
    nothing = [_op(MOV_IMM, 0), _op(EXIT)]
    return _elf(b"".join([*nothing, _op(SYSCALL, imm=-1), _op(EXIT)]))


def _text() -> bytes:
    """r6: the account looked at, r7: accounts left, r8: its meta, r9: its info."""
    skip_to_next = [
        _op(LOAD64, 2, 6, LENGTH),
        _op(ADD, 6, 2),
        _op(ADD_IMM, 6, imm=DATA + SPARE + 7),
        _op(AND_IMM, 6, imm=-8),
        _op(ADD_IMM, 6, imm=RENT_EPOCH),
    ]
    setup = [
        _op(LOAD64, 7, 1, 0),
        _op(ADD_IMM, 7, imm=-1),
        _op(STORE64, 10, 7, CALL + 16),
        _op(MOV, 6, 1),
        _op(ADD_IMM, 6, imm=8),
        _op(MOV, 2, 6),
        _op(ADD_IMM, 2, imm=KEY),
        _op(STORE64, 10, 2, CALL),
        _op(MOV, 8, 10),
        _op(ADD_IMM, 8, imm=METAS),
        _op(STORE64, 10, 8, CALL + 8),
        _op(MOV, 9, 10),
        _op(ADD_IMM, 9, imm=INFOS),
        *skip_to_next,
    ]
    each = [
        *_pointer(9, 0, KEY),
        _op(STORE64, 8, 2, 0),
        *_pointer(9, 8, LAMPORTS),
        _op(LOAD64, 2, 6, LENGTH),
        _op(STORE64, 9, 2, 16),
        *_pointer(9, 24, DATA),
        *_pointer(9, 32, OWNER),
        _op(STORE_IMM, 9, 0, 40),
        _op(LOAD8, 2, 6, 1),
        _op(STORE8, 9, 2, 48),
        _op(STORE8, 8, 2, 9),
        _op(LOAD8, 2, 6, 2),
        _op(STORE8, 9, 2, 49),
        _op(STORE8, 8, 2, 8),
        _op(LOAD8, 2, 6, 3),
        _op(STORE8, 9, 2, 50),
        _op(ADD_IMM, 8, imm=META),
        _op(ADD_IMM, 9, imm=INFO),
        _op(ADD_IMM, 7, imm=-1),
        *skip_to_next,
    ]
    loop = [
        _op(MOV_IMM, 3),
        _op(JUMP_EQUAL, 7, 3, len(each) + 1),
        *each,
        _op(JUMP, offset=-(len(each) + 2)),
    ]
    call = [
        _op(LOAD64, 2, 6, 0),
        _op(STORE64, 10, 2, CALL + 32),
        _op(ADD_IMM, 6, imm=8),
        _op(STORE64, 10, 6, CALL + 24),
        _op(MOV, 1, 10),
        _op(ADD_IMM, 1, imm=CALL),
        _op(MOV, 2, 10),
        _op(ADD_IMM, 2, imm=INFOS),
        _op(LOAD64, 3, 10, CALL + 16),
        _op(MOV_IMM, 4),
        _op(MOV_IMM, 5),
        _op(SYSCALL, imm=-1),
        _op(EXIT),
    ]
    return b"".join((*setup, *loop, *call))


def _pointer(structure: int, at: int, field: int) -> list[bytes]:
    """Store the address of a field of the account at r6."""
    return [_op(MOV, 2, 6), _op(ADD_IMM, 2, imm=field), _op(STORE64, structure, 2, at)]


def _op(code: int, target: int = 0, source: int = 0, offset: int = 0, *, imm: int = 0) -> bytes:
    return struct.pack("<BBhi", code, source << 4 | target, offset, imm)


# --- the file ------------------------------------------------------------------------------

SYSCALL_NAME = b"sol_invoke_signed_c"
DYNAMIC, DYNAMIC_STRINGS, DYNAMIC_SYMBOLS, RELOCATIONS, PROGRAM_BITS = 6, 3, 11, 9, 1
R_BPF_64_32 = 10
TEXT_AT = 0x1000


def _elf(text: bytes) -> bytes:
    """One code section, and what resolves the system call in it."""
    call_at = TEXT_AT + len(text) - 16
    strings = b"\0" + SYSCALL_NAME + b"\0"
    symbols = bytes(24) + struct.pack("<IBBHQQ", 1, 0x10, 0, 0, 0, 0)
    relocations = struct.pack("<QQ", call_at, 1 << 32 | R_BPF_64_32)
    strings_at = _aligned(TEXT_AT + len(text))
    symbols_at = _aligned(strings_at + len(strings))
    relocations_at = symbols_at + len(symbols)
    dynamic_at = relocations_at + len(relocations)
    tags = (
        (5, strings_at),
        (6, symbols_at),
        (10, len(strings)),
        (11, 24),
        (17, relocations_at),
        (18, len(relocations)),
        (19, 16),
        (0, 0),
    )
    dynamic = b"".join(struct.pack("<QQ", *tag) for tag in tags)
    names = b"\0.text\0.dynstr\0.dynsym\0.rel.dyn\0.dynamic\0.shstrtab\0"
    names_at = dynamic_at + len(dynamic)
    sections = [
        bytes(64),
        _section(names, b".text", PROGRAM_BITS, 6, TEXT_AT, len(text)),
        _section(names, b".dynstr", DYNAMIC_STRINGS, 2, strings_at, len(strings)),
        _section(names, b".dynsym", DYNAMIC_SYMBOLS, 2, symbols_at, len(symbols), 2, 24),
        _section(names, b".rel.dyn", RELOCATIONS, 2, relocations_at, len(relocations), 3, 16),
        _section(names, b".dynamic", DYNAMIC, 3, dynamic_at, len(dynamic), 2, 16),
        _section(names, b".shstrtab", DYNAMIC_STRINGS, 0, names_at, len(names)),
    ]
    sections_at = _aligned(names_at + len(names))
    segments = [
        _segment(1, 5, TEXT_AT, len(text)),
        _segment(1, 4, strings_at, names_at - strings_at),
        _segment(2, 6, dynamic_at, len(dynamic)),
    ]
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        3,
        247,
        1,
        TEXT_AT,
        64,
        sections_at,
        0,
        64,
        56,
        len(segments),
        64,
        len(sections),
        len(sections) - 1,
    )
    return _laid_out(
        (0, header + b"".join(segments)),
        (TEXT_AT, text),
        (strings_at, strings),
        (symbols_at, symbols),
        (relocations_at, relocations),
        (dynamic_at, dynamic),
        (names_at, names),
        (sections_at, b"".join(sections)),
    )


def _section(
    names: bytes, name: bytes, kind: int, flags: int, at: int, size: int, *more: int
) -> bytes:
    link, entry = (*more, 0, 0)[:2]
    name_at = names.index(b"\0" + name + b"\0") + 1
    address = at if flags else 0
    return struct.pack("<IIQQQQIIQQ", name_at, kind, flags, address, at, size, link, 0, 8, entry)


def _segment(kind: int, flags: int, at: int, size: int) -> bytes:
    return struct.pack("<IIQQQQQQ", kind, flags, at, at, at, size, size, 0x1000)


def _aligned(at: int) -> int:
    return (at + 7) // 8 * 8


def _laid_out(*parts: tuple[int, bytes]) -> bytes:
    file = bytearray(max(at + len(content) for at, content in parts))
    for at, content in parts:
        file[at : at + len(content)] = content
    return bytes(file)

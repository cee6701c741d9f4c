//! `memcpy`, `memmove`, `memcmp` and `bcmp` for the static binary on x86-64.
//!
//! musl copies with one repeated instruction, which is slow to get going, and nearly everything that is copied here is a
//! word or a name: by `perf` a tenth of a run of a thousand states was spent so. Up to 128 octets are read whole before
//! any is written, in pieces of which the last two overlap, so it makes no difference whether source and target
//! do; more is musl's repeated instruction again, or backwards, piece by piece, where the target lies above the source and
//! in it.
//!
//! musl compares octet by octet, and nearly everything that is compared is a name, too. Here the last piece overlaps with
//! the one before it: what they share is equal.
//!
//! In assembly, because a compiler makes a call of `memcpy` of a loop that copies.

#![allow(unsafe_code)]

use std::arch::global_asm;

// rdi target, rsi source, rdx length; gives the target in rax. Changes rcx, r8 and xmm0 to xmm7 (System V ABI).
global_asm!(
    ".pushsection .text.halite_copy, \"ax\", @progbits",
    ".p2align 5",
    ".globl halite_copy",
    ".type halite_copy, @function",
    "halite_copy:",
    "mov rax, rdi",
    "cmp rdx, 16",
    "jb 20f",
    "movups xmm0, [rsi]",
    "movups xmm1, [rsi + rdx - 16]",
    "cmp rdx, 32",
    "ja 10f",
    "movups [rdi], xmm0",
    "movups [rdi + rdx - 16], xmm1",
    "ret",
    // 33 to 64
    "10:",
    "movups xmm2, [rsi + 16]",
    "movups xmm3, [rsi + rdx - 32]",
    "cmp rdx, 64",
    "ja 11f",
    "movups [rdi], xmm0",
    "movups [rdi + 16], xmm2",
    "movups [rdi + rdx - 32], xmm3",
    "movups [rdi + rdx - 16], xmm1",
    "ret",
    // 65 to 128
    "11:",
    "cmp rdx, 128",
    "ja 30f",
    "movups xmm4, [rsi + 32]",
    "movups xmm5, [rsi + 48]",
    "movups xmm6, [rsi + rdx - 64]",
    "movups xmm7, [rsi + rdx - 48]",
    "movups [rdi], xmm0",
    "movups [rdi + 16], xmm2",
    "movups [rdi + 32], xmm4",
    "movups [rdi + 48], xmm5",
    "movups [rdi + rdx - 64], xmm6",
    "movups [rdi + rdx - 48], xmm7",
    "movups [rdi + rdx - 32], xmm3",
    "movups [rdi + rdx - 16], xmm1",
    "ret",
    // Less than 16
    "20:",
    "cmp edx, 8",
    "jb 21f",
    "mov rcx, [rsi]",
    "mov r8, [rsi + rdx - 8]",
    "mov [rdi], rcx",
    "mov [rdi + rdx - 8], r8",
    "ret",
    "21:",
    "cmp edx, 4",
    "jb 22f",
    "mov ecx, [rsi]",
    "mov r8d, [rsi + rdx - 4]",
    "mov [rdi], ecx",
    "mov [rdi + rdx - 4], r8d",
    "ret",
    "22:",
    "test edx, edx",
    "je 23f",
    "movzx ecx, byte ptr [rsi]",
    "cmp edx, 1",
    "je 24f",
    "movzx r8d, word ptr [rsi + rdx - 2]",
    "mov [rdi + rdx - 2], r8w",
    "24:",
    "mov [rdi], cl",
    "23:",
    "ret",
    // More than 128: the last 16 octets are in xmm1, and are written last.
    "30:",
    "mov r8, rdi",
    "sub r8, rsi",
    "cmp r8, rdx",
    "jb 40f",
    "lea r8, [rdi + rdx - 16]",
    "mov rcx, rdx",
    "shr rcx, 3",
    "rep movsq",
    "movups [r8], xmm1",
    "ret",
    // Backwards: the first 16 octets are in xmm0, and are written last.
    "40:",
    "movups xmm1, [rsi + rdx - 16]",
    "movups [rdi + rdx - 16], xmm1",
    "sub rdx, 16",
    "cmp rdx, 16",
    "ja 40b",
    "movups [rdi], xmm0",
    "ret",
    ".size halite_copy, . - halite_copy",
    ".popsection",
);

// rdi and rsi two stretches, rdx their length; gives in eax less than, more than or 0. Changes rcx, rdx, rdi, rsi, xmm0 and
// xmm1.
global_asm!(
    ".pushsection .text.halite_compare, \"ax\", @progbits",
    ".p2align 5",
    ".globl halite_compare",
    ".type halite_compare, @function",
    "halite_compare:",
    "cmp rdx, 16",
    "jb 20f",
    "10:",
    "movups xmm0, [rdi]",
    "movups xmm1, [rsi]",
    "pcmpeqb xmm0, xmm1",
    "pmovmskb eax, xmm0",
    "xor eax, 0xffff",
    "jne 11f",
    "sub rdx, 16",
    "je 12f",
    "add rdi, 16",
    "add rsi, 16",
    "cmp rdx, 16",
    "jae 10b",
    "lea rdi, [rdi + rdx - 16]",
    "lea rsi, [rsi + rdx - 16]",
    "mov edx, 16",
    "jmp 10b",
    "11:",
    "bsf eax, eax",
    "movzx ecx, byte ptr [rsi + rax]",
    "movzx eax, byte ptr [rdi + rax]",
    "sub eax, ecx",
    "12:",
    "ret",
    // Less than 16
    "20:",
    "cmp edx, 8",
    "jb 21f",
    "mov rax, [rdi]",
    "mov rcx, [rsi]",
    "cmp rax, rcx",
    "jne 24f",
    "mov rax, [rdi + rdx - 8]",
    "mov rcx, [rsi + rdx - 8]",
    "jmp 23f",
    "21:",
    "cmp edx, 4",
    "jb 22f",
    "mov eax, [rdi]",
    "mov ecx, [rsi]",
    "bswap eax",
    "bswap ecx",
    "cmp eax, ecx",
    "jne 25f",
    "mov eax, [rdi + rdx - 4]",
    "mov ecx, [rsi + rdx - 4]",
    "bswap eax",
    "bswap ecx",
    "cmp eax, ecx",
    "jne 25f",
    "xor eax, eax",
    "ret",
    // Octet by octet
    "22:",
    "xor eax, eax",
    "test edx, edx",
    "je 12b",
    "movzx eax, byte ptr [rdi]",
    "movzx ecx, byte ptr [rsi]",
    "inc rdi",
    "inc rsi",
    "dec edx",
    "sub eax, ecx",
    "je 22b",
    "ret",
    "23:",
    "cmp rax, rcx",
    "je 26f",
    "24:",
    "bswap rax",
    "bswap rcx",
    "cmp rax, rcx",
    "25:",
    "sbb eax, eax",
    "or eax, 1",
    "ret",
    "26:",
    "xor eax, eax",
    "ret",
    ".size halite_compare, . - halite_compare",
    ".popsection",
);

#[cfg(target_env = "musl")]
global_asm!(
    ".globl memcpy, memmove, memcmp, bcmp",
    ".type memcmp, @function",
    ".type bcmp, @function",
    ".set memcmp, halite_compare",
    ".set bcmp, halite_compare",
    ".type memcpy, @function",
    ".type memmove, @function",
    ".set memcpy, halite_copy",
    ".set memmove, halite_copy",
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    unsafe extern "C" {
        fn halite_copy(target: *mut u8, source: *const u8, length: usize) -> *mut u8;
        fn halite_compare(one: *const u8, other: *const u8, length: usize) -> i32;
    }

    const ROOM: usize = 1500;

    /// Copies within one piece of memory, and looks at all of it afterwards.
    #[allow(clippy::cast_possible_truncation, reason = "any octets will do")]
    fn check(target: usize, source: usize, length: usize) {
        let mut memory: Vec<u8> = (0..ROOM).map(|at| (at * 167 + at / 256 * 13) as u8).collect();
        let mut expected = memory.clone();
        expected.copy_within(source..source + length, target);
        assert!(target + length <= ROOM && source + length <= ROOM);
        let start = memory.as_mut_ptr();
        // SAFETY: both stretches are in `memory`.
        let given = unsafe { halite_copy(start.add(target), start.add(source), length) };
        assert_eq!(given.addr(), start.addr() + target);
        assert!(memory == expected, "{length} octets from {source} to {target}");
    }

    #[test]
    fn every_short_length_at_every_distance() {
        for length in 0..300 {
            for target in (380..=620).step_by(if length > 160 { 7 } else { 1 }) {
                check(target, 500, length);
            }
            check(0, ROOM - length, length);
            check(ROOM - length, 0, length);
        }
    }

    fn compare(one: &[u8], other: &[u8]) -> std::cmp::Ordering {
        let length = one.len().min(other.len());
        // SAFETY: both are that long.
        unsafe { halite_compare(one.as_ptr(), other.as_ptr(), length) }.cmp(&0)
    }

    #[test]
    fn every_difference_at_every_place_of_every_length() {
        for length in 0..80 {
            let one = vec![0x41_u8; length];
            assert_eq!(compare(&one, &one.clone()), std::cmp::Ordering::Equal, "{length}");
            for (place, last) in (0..length).flat_map(|place| (place..length).map(move |last| (place, last)))
            {
                for (octet, second) in [(0, 0xff), (0xff, 0), (0x40, 0x42), (0xc1, 0x01)] {
                    let mut other = one.clone();
                    other[last] = second;
                    other[place] = octet;
                    assert_eq!(compare(&one, &other), one.cmp(&other), "{length} octets, {octet} at {place}");
                    assert_eq!(compare(&other, &one), other.cmp(&one), "{length} octets, {octet} at {place}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_two_stretches(one in proptest::collection::vec(0..3_u8, 0..70), other in proptest::collection::vec(0..3_u8, 0..70)) {
            let length = one.len().min(other.len());
            proptest::prop_assert_eq!(compare(&one, &other), one[..length].cmp(&other[..length]));
        }

        #[test]
        fn any_stretch_to_anywhere(target in 0..700_usize, source in 0..700_usize, length in 0..800_usize) {
            check(target, source, length);
        }
    }
}

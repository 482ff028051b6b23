//! The time of day, and what it means in the calendar.
//!
//! A program cannot read the kernel's wall clock, but its atomic time (`CLOCK_TAI`, Linux 6.1),
//! which runs ahead of it by whole seconds. By how many, and where the kernel's time zone lies,
//! stands in a map that the runtime fills.

use crate::asm::{Alu, Asm, Helper, R0, R1, R2, R3, R4, Reg, Size, Width};
use crate::emitter::Emitter;
use bpfc_artifact::{MapDef, MapIndex, MapKind, MapRole};
use bpfc_ir::CalendarField;

const NANOSECONDS: i32 = 1_000_000_000;
const DAY: i32 = 86_400;

/// By how many seconds the atomic time runs ahead, and the time zone lies west.
fn offsets(emitter: &mut Emitter<'_>) -> MapIndex {
    emitter.map(&MapRole::Clock, || MapDef {
        value_size: 16,
        ..MapDef::new("clock", MapKind::Array, MapRole::Clock)
    })
}

/// r0 = nanoseconds since 1970 began in UTC. Clobbers r1 to r5.
pub(crate) fn read_nanoseconds(emitter: &mut Emitter<'_>, asm: &mut Asm) {
    let map = offsets(emitter);
    asm.helper(Helper::TaiNanoseconds);
    asm.map_value(R1, map, 0);
    asm.load(Size::D, R2, R1, 0);
    asm.alu_imm(Alu::Mul, Width::W64, R2, NANOSECONDS);
    asm.alu(Alu::Sub, Width::W64, R0, R2);
}

/// r0 = seconds since 1970 began in UTC, or in the kernel's time zone. Clobbers r1 to r5.
pub(crate) fn read(emitter: &mut Emitter<'_>, asm: &mut Asm, local: bool) {
    let map = offsets(emitter);
    asm.helper(Helper::TaiNanoseconds);
    asm.alu_imm(Alu::Div, Width::W64, R0, NANOSECONDS);
    asm.map_value(R1, map, 0);
    asm.load(Size::D, R2, R1, 0);
    asm.alu(Alu::Sub, Width::W64, R0, R2);
    if local {
        asm.load(Size::D, R2, R1, 8);
        asm.alu(Alu::Sub, Width::W64, R0, R2);
    }
}

/// r0 = the field of the time in `seconds`, as [`CalendarField::of`] computes it. Clobbers r1 to
/// r4.
pub(crate) fn calendar(asm: &mut Asm, field: CalendarField, seconds: Reg) {
    let width = Width::W64;
    let divided = |asm: &mut Asm, to: Reg, from: Reg, by: i32| {
        asm.mov(to, from);
        asm.alu_imm(Alu::Div, width, to, by);
    };
    match field {
        CalendarField::DaySecond => {
            asm.mov(R0, seconds);
            asm.alu_imm(Alu::Mod, width, R0, DAY);
        }
        CalendarField::Weekday => {
            divided(asm, R0, seconds, DAY);
            asm.alu_imm(Alu::Add, width, R0, 3);
            asm.alu_imm(Alu::Mod, width, R0, 7);
            asm.alu_imm(Alu::Add, width, R0, 1);
        }
        CalendarField::MonthDay => {
            divided(asm, R1, seconds, DAY);
            asm.alu_imm(Alu::Add, width, R1, 719_468);
            asm.alu_imm(Alu::Mod, width, R1, 146_097);
            // The year in r0.
            asm.mov(R0, R1);
            divided(asm, R2, R1, 1_460);
            asm.alu(Alu::Sub, width, R0, R2);
            divided(asm, R2, R1, 36_524);
            asm.alu(Alu::Add, width, R0, R2);
            divided(asm, R2, R1, 146_096);
            asm.alu(Alu::Sub, width, R0, R2);
            asm.alu_imm(Alu::Div, width, R0, 365);
            // The day of the year in r1.
            asm.mov(R3, R0);
            asm.alu_imm(Alu::Mul, width, R3, 365);
            asm.alu(Alu::Sub, width, R1, R3);
            divided(asm, R4, R0, 4);
            asm.alu(Alu::Sub, width, R1, R4);
            divided(asm, R4, R0, 100);
            asm.alu(Alu::Add, width, R1, R4);
            // The month in r2, and what its first day is.
            asm.mov(R2, R1);
            asm.alu_imm(Alu::Mul, width, R2, 5);
            asm.alu_imm(Alu::Add, width, R2, 2);
            asm.alu_imm(Alu::Div, width, R2, 153);
            asm.alu_imm(Alu::Mul, width, R2, 153);
            asm.alu_imm(Alu::Add, width, R2, 2);
            asm.alu_imm(Alu::Div, width, R2, 5);
            asm.alu(Alu::Sub, width, R1, R2);
            asm.mov(R0, R1);
            asm.alu_imm(Alu::Add, width, R0, 1);
        }
    }
}

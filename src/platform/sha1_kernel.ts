/**
 * SHA-1 of four or eight messages at once, as a WebAssembly module that is put together here.
 *
 * Why: `node:crypto` is fast where the processor has SHA instructions (1.4 GB/s a core) and slow where it
 * has not: 0.14 GB/s on a Cascade Lake Xeon, where `crypto.subtle` and OpenSSL reach 0.55 to 0.88 GB/s. Four
 * messages in the four lanes of a 128-bit vector cost what one costs: 1.25 GB/s on that same machine. WebAssembly
 * has no wider vectors, but V8 makes one 256-bit instruction of two when it is started with
 * `--experimental-wasm-revectorize`: eight messages then come to 2.3 GB/s.
 *
 * ```
 * update(blocks, p0, p1, …)   hashes `blocks` 64-byte blocks of each message, from its pointer into `data` on
 * the start of `state`        h0 of all lanes, h1 of all lanes, … h4; the kernel works in the rest
 * ```
 *
 * The rounds are those of RFC 3174, method 2 (16 words of schedule, used in a ring), unrolled so that
 * every value has a register or a fixed place. https://www.rfc-editor.org/rfc/rfc3174
 *
 * How V8 pairs instructions: it begins at two stores side by side and follows both operands up to loads side
 * by side. Nothing else may stand between two of a pair, not even the check of an address; so what is paired
 * lies at addresses that are known beforehand, in a memory of the kernel's own.
 *
 * @module
 */

/** Messages that a kernel hashes for the price of one. */
export type LaneCount = 4 | 8;

/** The module's exports. */
export interface Sha1Kernel {
  /** Hashes blocks; see the head of this file. `blocks` is at least 1, and there is a pointer for each lane. */
  update(blocks: number, ...pointers: number[]): void;
}

/** What a kernel works on; both must be shared memories. */
export interface KernelMemory {
  /** Its first {@link KERNEL_BYTES} are the kernel's. */
  readonly state: WebAssembly.Memory;
  /** Where the messages are. */
  readonly data: WebAssembly.Memory;
}

/** Bytes at the start of its memory that a kernel works in. */
export const KERNEL_BYTES: number = 1024;

const compiled = new Map<LaneCount, WebAssembly.Module>();

/**
 * A kernel of so many lanes.
 *
 * @throws where the machine has no 128-bit vectors for WebAssembly.
 */
export function makeSha1Kernel({ state, data }: KernelMemory, lanes: LaneCount): Sha1Kernel {
  let module = compiled.get(lanes);
  if (!module) compiled.set(lanes, module = new WebAssembly.Module(assemble(lanes / 4)));
  const { exports } = new WebAssembly.Instance(module, { m: { s: state, d: data } });
  return exports as unknown as Sha1Kernel;
}

type Code = readonly number[];
type Four = [number, number, number, number];

// Where things are in the kernel's memory: the state, and for eight lanes the rows of their blocks.
const STATE_AT = 0;
const ROWS_AT = 256;

const LANES = [0, 1, 2, 3];

// Local variables: the number of blocks and the pointers, then for each group of four lanes the schedule, a to e,
// one to spare, and the round constant. The constant has one since the compiler would else build it anew in every
// round, at a tenth of the speed.
const BLOCKS = 0;
const POINTERS = 1;
const WORKING = 16;
const SPARE = 21;
const CONSTANT = 22;
const VECTOR_LOCALS = 23;

const ROUND_CONSTANTS = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6];

// Opcodes (https://webassembly.github.io/spec/core/binary/instructions.html).
const I32 = 0x7f;
const V128 = 0x7b;
const LOOP = [0x03, 0x40];
const BRANCH_IF_TO_LOOP = [0x0d, 0x00];
const END = 0x0b;
const I32_ADD = [0x6a];
const I32_SUB = [0x6b];
const AND = vector(78);
const OR = vector(80);
const XOR = vector(81);
const SHIFT_LEFT = vector(171);
const SHIFT_RIGHT = vector(173);
const ADD = vector(174);
const SHIFT_HALVES_LEFT = vector(139);
const SHIFT_HALVES_RIGHT = vector(141);

// Byte orders for shuffles; 16 and more are bytes of the second operand.
const LOW_HALVES = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
const HIGH_HALVES = [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31];
const EVEN_WORDS = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];
const ODD_WORDS = [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31];

// A shared memory must have a largest size; any memory that has one fits this.
const MEMORY = [0x02, 0x03, 1, ...unsigned(65_536)];
const STATE = 0;
const DATA = 1;

function assemble(groups: number): Uint8Array<ArrayBuffer> {
  const body = [1, groups * VECTOR_LOCALS, V128, ...kernel(groups)];
  const parameters = 1 + 4 * groups;
  const type = [0x60, parameters, ...Array(parameters).fill(I32), 0];
  const name = (text: string) => [text.length, ...new TextEncoder().encode(text)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, ...type]),
    ...section(2, [
      2,
      ...name("m"),
      ...name("s"),
      ...MEMORY,
      ...name("m"),
      ...name("d"),
      ...MEMORY,
    ]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name("update"), 0, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ]);
}

/** The places of one group of four lanes. */
interface Group {
  /** Which it is. */
  readonly index: number;
  /** How many there are. */
  readonly of: number;
  /** Its first local variable. */
  readonly first: number;
}

function kernel(count: number): number[] {
  const out: number[] = [...LOOP];
  const groups = Array.from({ length: count }, (_, index): Group => {
    return { index, of: count, first: POINTERS + 4 * count + index * VECTOR_LOCALS };
  });
  const emit = (code: (group: Group) => Code) => {
    for (const group of groups) out.push(...code(group));
  };
  emit((group) => range(16).flatMap((row) => fetchRow(group, row)));
  if (count > 1) emit((group) => range(16).flatMap((row) => takeRow(group, row)));
  for (let quad = 0; quad < 4; quad++) {
    emit((group) => range(4).flatMap((row) => swapBytes(group, 4 * quad + row)));
    emit((group) => transpose(group, quad));
  }
  for (let i = 0; i < 5; i++) {
    emit((group) => [...constant(0), ...load(STATE, stateAt(group, i)), ...set(letter(group, i))]);
  }
  let order = [0, 1, 2, 3, 4];
  for (let round = 0; round < 80; round++) {
    if (round % 20 === 0) {
      emit(({ first }) => [...splat(ROUND_CONSTANTS[round / 20]!), ...set(first + CONSTANT)]);
    }
    if (round >= 16) emit((group) => extend(group, round));
    emit((group) => step(group, round, order.map((i) => letter(group, i))));
    order = [order[4]!, ...order.slice(0, 4)];
  }
  // All sums before the first store, which a load must not stand behind.
  order.forEach((from, i) =>
    emit((group) => {
      const sum = [...get(letter(group, from)), ...ADD, ...set(letter(group, from))];
      return [...constant(0), ...load(STATE, stateAt(group, i)), ...sum];
    })
  );
  order.forEach((from, i) =>
    emit((group) => [...constant(0), ...get(letter(group, from)), ...store(stateAt(group, i))])
  );
  for (let pointer = POINTERS; pointer < POINTERS + 4 * count; pointer++) {
    out.push(...get(pointer), ...constant(64), ...I32_ADD, ...set(pointer));
  }
  out.push(...get(BLOCKS), ...constant(1), ...I32_SUB, ...tee(BLOCKS), ...BRANCH_IF_TO_LOOP);
  return [...out, END, END];
}

// A row is four words of one message as they lie in memory. With one group it goes straight to its place, with two by way of
// the kernel's memory, where two rows lie side by side.
function fetchRow(group: Group, row: number): number[] {
  const pointer = POINTERS + 4 * group.index + (row & 3);
  const fetch = [...get(pointer), ...load(DATA, 16 * (row >> 2))];
  if (group.of === 1) return [...fetch, ...set(word(group, row))];
  return [...constant(0), ...fetch, ...store(rowAt(group, row))];
}

function takeRow(group: Group, row: number): number[] {
  return [...constant(0), ...load(STATE, rowAt(group, row)), ...set(word(group, row))];
}

// Big-endian words: halves change places, then the bytes of each half.
function swapBytes(group: Group, row: number): number[] {
  const [at, spare] = [word(group, row), group.first + SPARE];
  return [
    ...[...rotate(at, 16), ...set(spare)],
    ...[...get(spare), ...constant(8), ...SHIFT_HALVES_LEFT],
    ...[...get(spare), ...constant(8), ...SHIFT_HALVES_RIGHT, ...OR, ...set(at)],
  ];
}

// Four rows become one word each of the four messages.
function transpose(group: Group, quad: number): number[] {
  const [r0, r1, r2, r3] = LANES.map((lane) => word(group, 4 * quad + lane)) as Four;
  const [t0, t1, t2, t3] = LANES.map((i) => letter(group, i)) as Four;
  const mix = (a: number, b: number, order: Code, to: number) => {
    return [...get(a), ...get(b), ...shuffle(order), ...set(to)];
  };
  return [
    ...[...mix(r0, r1, LOW_HALVES, t0), ...mix(r0, r1, HIGH_HALVES, t1)],
    ...[...mix(r2, r3, LOW_HALVES, t2), ...mix(r2, r3, HIGH_HALVES, t3)],
    ...[...mix(t0, t2, EVEN_WORDS, r0), ...mix(t0, t2, ODD_WORDS, r1)],
    ...[...mix(t1, t3, EVEN_WORDS, r2), ...mix(t1, t3, ODD_WORDS, r3)],
  ];
}

// W(t) = ROTL1(W(t-3) XOR W(t-8) XOR W(t-14) XOR W(t-16))
function extend(group: Group, t: number): number[] {
  const spare = group.first + SPARE;
  return [
    ...[...get(word(group, t - 3)), ...get(word(group, t - 8)), ...XOR],
    ...[...get(word(group, t - 14)), ...XOR, ...get(word(group, t)), ...XOR],
    ...[...set(spare), ...rotate(spare, 1), ...set(word(group, t))],
  ];
}

// TEMP = ROTL5(a) + f(b, c, d) + e + W(t) + K; it takes e's place, and the letters move on by one.
function step(group: Group, t: number, order: readonly number[]): number[] {
  const [a, b, c, d, e] = order as [number, number, number, number, number];
  const quarter = Math.floor(t / 20);
  return [
    ...[...get(e), ...get(group.first + CONSTANT), ...ADD, ...get(word(group, t)), ...ADD],
    ...[...choice(quarter, b, c, d), ...ADD, ...rotate(a, 5), ...ADD, ...set(e)],
    ...[...rotate(b, 30), ...set(b)],
  ];
}

function choice(quarter: number, b: number, c: number, d: number): number[] {
  // (b AND c) OR ((NOT b) AND d), in three operations.
  if (quarter === 0) return [...get(c), ...get(d), ...XOR, ...get(b), ...AND, ...get(d), ...XOR];
  if (quarter === 2) {
    const either = [...get(b), ...get(c), ...XOR, ...get(d), ...AND];
    return [...get(b), ...get(c), ...AND, ...either, ...OR];
  }
  return [...get(b), ...get(c), ...XOR, ...get(d), ...XOR];
}

function rotate(local: number, by: number): number[] {
  const left = [...get(local), ...constant(by), ...SHIFT_LEFT];
  return [...left, ...get(local), ...constant(32 - by), ...SHIFT_RIGHT, ...OR];
}

function word({ first }: Group, t: number): number {
  return first + (t & 15);
}

function letter({ first }: Group, i: number): number {
  return first + WORKING + i;
}

function rowAt({ index, of }: Group, row: number): number {
  return ROWS_AT + 16 * (of * row + index);
}

function stateAt({ index, of }: Group, i: number): number {
  return STATE_AT + 16 * (of * i + index);
}

function get(local: number): number[] {
  return [0x20, local];
}

function set(local: number): number[] {
  return [0x21, local];
}

function tee(local: number): number[] {
  return [0x22, local];
}

function constant(value: number): number[] {
  // Signed LEB128; every value here is below 128.
  return value < 64 ? [0x41, value] : [0x41, (value & 0x7f) | 0x80, 0];
}

function splat(value: number): number[] {
  const bytes = [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
  return [...vector(12), ...bytes, ...bytes, ...bytes, ...bytes];
}

// An alignment with bit 6 is followed by the number of the memory. Those of the kernel's own are aligned.
function load(memory: number, offset: number): number[] {
  return memory === STATE
    ? [...vector(0), 4, ...unsigned(offset)]
    : [...vector(0), 0x40, memory, ...unsigned(offset)];
}

function store(offset: number): number[] {
  return [...vector(11), 4, ...unsigned(offset)];
}

function shuffle(order: Code): number[] {
  return [...vector(13), ...order];
}

function vector(opcode: number): number[] {
  return [0xfd, ...unsigned(opcode)];
}

function section(id: number, content: Code): number[] {
  return [id, ...unsigned(content.length), ...content];
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

// Unsigned LEB128.
function unsigned(value: number): number[] {
  const out: number[] = [];
  for (; value >= 0x80; value >>>= 7) out.push((value & 0x7f) | 0x80);
  return [...out, value];
}

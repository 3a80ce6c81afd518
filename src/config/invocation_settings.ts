import { bytes, duration, integer } from "./kinds.ts";
import { type Rows, setting } from "./setting.ts";

const TIMEOUT = duration({ min: "100ms", max: "1d" });
const CPU_TIME = duration({ min: "1s", max: "1d" });
const MEMORY = bytes({ min: "32MiB", max: "64GiB" });

/** Limits of one invocation, and of the invocations that run and wait at the same time. */
export const INVOCATION_SETTINGS = {
  timeoutMs: setting("invocation-timeout", TIMEOUT, {
    default: "60s",
    description: "Wall-clock time of one invocation",
  }),
  /** Undefined for `timeoutMs`. */
  maxTimeoutMs: setting("max-timeout", TIMEOUT, {
    description: "Longest timeout of a function; --invocation-timeout by default",
  }),
  cpuTimeMs: setting("cpu-time", CPU_TIME, {
    default: "30s",
    description: "CPU time of one invocation, counted in whole seconds",
  }),
  /** Undefined for `cpuTimeMs`. */
  maxCpuTimeMs: setting("max-cpu-time", CPU_TIME, {
    description: "Longest cpuTimeout of a function; --cpu-time by default",
  }),
  memoryBytes: setting("memory", MEMORY, {
    default: "128MiB",
    description: "Memory of an invocation of a function without memoryMib",
  }),
  /** Undefined for `memoryBytes`; without a setting `resolveConfig` takes that of `default_memory.ts`. */
  maxMemoryBytes: setting("max-memory", MEMORY, {
    description: "Largest memoryMib of a function; a share of the machine's memory by default",
  }),
  maxInputBytes: setting("max-input", bytes({ min: "1KiB", max: "512MiB" }), {
    default: "6MiB",
    description: "Size of the input of one invocation, as JSON",
  }),
  maxOutputBytes: setting("max-output", bytes({ min: "1KiB", max: "512MiB" }), {
    default: "6MiB",
    description: "Size of the output of one invocation, as JSON",
  }),
  maxLogBytes: setting("max-log", bytes({ min: "1KiB", max: "256MiB" }), {
    default: "1MiB",
    description: "Size of the log of one invocation; a longer log is cut and ends with a note",
  }),
  poolSize: setting("pool-size", integer({ min: "1", max: "1000" }), {
    default: "8",
    description: "Instances that wait for any function, in addition to provisionedConcurrency",
  }),
  poolMemoryBytes: setting("pool-memory", bytes({ min: "16MiB", max: "1024GiB" }), {
    default: "1GiB",
    description: "Estimated memory of script templates and their waiting instances",
  }),
  maxRunning: setting("max-running", integer({ min: "1", max: "10000" }), {
    default: "32",
    description: "Invocations that run at the same time",
  }),
  maxRunningPerFunction: setting("max-running-per-function", integer({ min: "1", max: "10000" }), {
    default: "32",
    description: "Running invocations of one function; the largest value of maxConcurrency",
  }),
  /** Undefined for half of the slots. */
  asyncSlots: setting("async-slots", integer({ min: "1", max: "10000" }), {
    description: "Slots for asynchronous invocations; by default half of all, rounded up",
  }),
  maxQueued: setting("max-queued", integer({ min: "0", max: "1000000" }), {
    default: "1000",
    description: "Invocations that wait for a slot; further invocations are rejected",
  }),
  maxQueuedBytes: setting("max-queued-bytes", bytes({ min: "1KiB", max: "64GiB" }), {
    default: "256MiB",
    description: "Inputs of all queued invocations; further invocations are rejected",
  }),
  maxWaitMs: setting("max-wait", duration({ min: "1ms", max: "7d" }), {
    default: "1s",
    description: "Longest expected wait for a slot with which an invocation is accepted",
  }),
  queueTimeoutMs: setting("queue-timeout", duration({ min: "10ms", max: "7d" }), {
    default: "60s",
    description: "How long a synchronous invocation waits for a slot, without its run time",
  }),
  maxInvokeDepth: setting("max-invoke-depth", integer({ min: "0", max: "64" }), {
    default: "8",
    description: "Depth of nested invocations, below the invocation from outside",
  }),
  maxInvokeFanOut: setting("max-invoke-fan-out", integer({ min: "0", max: "100000" }), {
    default: "100",
    description: "Nested invocations that one invocation can start",
  }),
  maxAttempts: setting("max-attempts", integer({ min: "1", max: "100" }), {
    default: "1",
    description: "Attempts of an asynchronous invocation whose server ends while it runs",
  }),
  maxDelayMs: setting("max-delay", duration({ min: "1s", max: "3650d" }), {
    default: "366d",
    description: "How far in the future the Invoke-At of an invocation may be",
  }),
  maxBulk: setting("max-bulk", integer({ min: "1", max: "1000000" }), {
    default: "10000",
    description: "Invocations that one request replays or cancels",
  }),
  maxDestinationAttempts: setting("destination-attempts", integer({ min: "1", max: "100" }), {
    default: "12",
    description: "Attempts to send the result of an invocation to its destination",
  }),
  maxDestinationDepth: setting("max-destination-depth", integer({ min: "0", max: "64" }), {
    default: "8",
    description: "Length of a chain of functions that start one another as destinations",
  }),
  maxDelayed: setting("max-delayed", integer({ min: "1", max: "1000000" }), {
    default: "10000",
    description: "Invocations of one function that wait for their start time or for a limit",
  }),
} satisfies Rows;

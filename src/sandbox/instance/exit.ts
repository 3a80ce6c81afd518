/** How a process ended. */
import type { Isolation } from "../../isolation/mod.ts";

/**
 * Which process ended first and took this one with it: the zygote or template that forked it, the wrapper that started it,
 * or `script`, a template of its script that ended by what the script does.
 */
export type Lost = "zygote" | "template" | "script" | "wrapper";

/** An exit code, or the signal that ended the process. */
export type Exit =
  & (
    | { readonly code: number; readonly signal: null }
    | { readonly code: number; readonly signal: string }
  )
  & {
    /** Processor time of the process, if its fork server measured it. */
    readonly cpuMs?: number;
    /** Peak of its resident memory, if its fork server measured it. */
    readonly peakBytes?: number;
    /** Absent if it ended alone. */
    readonly lost?: Lost;
  };

/** An exit code of this plus a number means the signal with that number, as in shells. */
const SIGNAL_BASE = 128;

/** Signals that end processes, by their numbers on the Linux architectures of Deno. */
const SIGNALS: Readonly<Record<number, string>> = {
  4: "SIGILL",
  5: "SIGTRAP",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  15: "SIGTERM",
  24: "SIGXCPU",
  25: "SIGXFSZ",
  31: "SIGSYS",
};

/**
 * The exit of a spawned process. An exit code of a wrapper in the range of signals is reported as that signal. A wrapper
 * that was killed has taken the process with it.
 */
export function exitOf({ code, signal }: Deno.CommandStatus, { expected }: Isolation): Exit {
  if (signal !== null) {
    return expected.ownProcessNamespace ? { code, signal, lost: "wrapper" } : { code, signal };
  }
  const forwarded = expected.ownProcessNamespace ? SIGNALS[code - SIGNAL_BASE] : undefined;
  return forwarded === undefined ? { code, signal } : { code, signal: forwarded };
}

/** Whether a wait status of Linux is that of an end: not of a stop, and not one that the kernel never gives. */
export function isEnd(status: number): boolean {
  return status <= 0xffff && (status & 0x7f) !== 0x7f;
}

/** The exit in a wait status of Linux (`man 2 wait`). */
export function exitOfWaitStatus(
  status: number,
  usage: { readonly cpuMs: number; readonly peakBytes: number },
): Exit {
  const number = status & 0x7f;
  const code = (status >>> 8) & 0xff;
  if (number === 0) return { code, signal: null, ...usage };
  return { code: SIGNAL_BASE + number, signal: SIGNALS[number] ?? `signal ${number}`, ...usage };
}

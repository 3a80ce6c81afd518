/** How a process ended, seen through its wrappers. */
import type { Isolation } from "../../isolation/mod.ts";

/** An exit code, or the signal that ended the process. */
export type Exit =
  | { readonly code: number; readonly signal: null }
  | { readonly code: number; readonly signal: string };

/** A wrapper that waits for the process reports a signal as this plus its number, as shells do. */
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

/** The exit of the function's process. An exit code in the range of signals is reported as that signal. */
export function exitOf({ code, signal }: Deno.CommandStatus, { expected }: Isolation): Exit {
  if (signal !== null) return { code, signal };
  const forwarded = expected.ownProcessNamespace ? SIGNALS[code - SIGNAL_BASE] : undefined;
  return forwarded === undefined ? { code, signal } : { code, signal: forwarded };
}

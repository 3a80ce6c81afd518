/** How a process ended by itself, whatever wrappers stood around it. */
import type { Isolation } from "../../isolation/mod.ts";

/** An exit code, or the signal that ended the process. */
export type Exit =
  | { readonly code: number; readonly signal: null }
  | { readonly code: number; readonly signal: string };

/** A wrapper that stays, like a shell, reports a signal as this plus its number. */
const SIGNAL_BASE = 128;

/** Signals that end processes, by their numbers on every architecture of Linux that Deno runs on. */
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

/** The exit of the function's own process; a code that a function chose to look like a signal is told as one. */
export function exitOf({ code, signal }: Deno.CommandStatus, { expected }: Isolation): Exit {
  if (signal !== null) return { code, signal };
  const passedOn = expected.ownProcessNamespace ? SIGNALS[code - SIGNAL_BASE] : undefined;
  return passedOn === undefined ? { code, signal } : { code, signal: passedOn };
}

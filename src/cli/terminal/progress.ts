import process from "node:process";
import { note } from "./output.ts";

/** Work that ends within this time shows no progress, in milliseconds. */
const PATIENCE_MS = 500;

/** Shows progress on stderr: a spinner at a terminal, otherwise one line at the start. */
export async function withProgress<T>(message: string, work: () => Promise<T>): Promise<T> {
  if (Deno.stderr.isTerminal()) return await spin(message, work);
  note(message);
  return await work();
}

/** As {@link withProgress}, for work that may end at once. Prints nothing then, and nothing without a terminal. */
export async function withPatience<T>(message: string, work: () => Promise<T>): Promise<T> {
  const result = work();
  if (!Deno.stderr.isTerminal()) return await result;
  const { promise: patience, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => resolve("late"), PATIENCE_MS);
  try {
    const isLate = await Promise.race([result.then(() => "done"), patience]) === "late";
    return isLate ? await spin(message, () => result) : await result;
  } finally {
    clearTimeout(timer);
  }
}

async function spin<T>(message: string, work: () => Promise<T>): Promise<T> {
  const { spinner } = await import("@clack/prompts");
  const shown = spinner({ output: process.stderr, indicator: "timer" });
  shown.start(message);
  try {
    const result = await work();
    shown.stop(message);
    return result;
  } catch (error) {
    shown.error(message);
    throw error;
  }
}

import { spinner } from "@clack/prompts";
import process from "node:process";
import { note } from "./output.ts";

/** What ends sooner than this needs no word that it takes a while. */
const PATIENCE_MS = 500;

/** Tells on stderr that something takes a while: moving at a terminal, otherwise one line when it begins. */
export async function withProgress<T>(message: string, work: () => Promise<T>): Promise<T> {
  if (Deno.stderr.isTerminal()) return await spin(message, work);
  note(message);
  return await work();
}

/** As {@link withProgress}, for what may also end at once: tells nothing then, and nothing without a terminal. */
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

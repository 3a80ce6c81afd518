import { spinner } from "@clack/prompts";
import process from "node:process";
import { note } from "./output.ts";

/** Tells on stderr that something takes a while: moving at a terminal, otherwise one line when it begins. */
export async function withProgress<T>(message: string, work: () => Promise<T>): Promise<T> {
  if (!Deno.stderr.isTerminal()) note(message);
  return await withSpinner(message, work);
}

/** As {@link withProgress}, but tells nothing where there is no terminal. */
export async function withSpinner<T>(message: string, work: () => Promise<T>): Promise<T> {
  if (!Deno.stderr.isTerminal()) return await work();
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

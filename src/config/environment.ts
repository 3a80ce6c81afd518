/** Reads the environment of this process. No other function does. */
export function readEnvironment(): Readonly<Record<string, string>> {
  return Deno.env.toObject();
}

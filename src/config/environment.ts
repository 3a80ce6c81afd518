/** The environment of this process: the one place that reads it. */
export function readEnvironment(): Readonly<Record<string, string>> {
  return Deno.env.toObject();
}

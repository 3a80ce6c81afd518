import type { JSONObject } from "@c1/functions-sdk";

/** The functions of a server; tests give made-up ones. */
export interface Functions {
  /** The id of a published function. */
  find(displayName: string): Promise<string>;
  /** Calls a function with an input and gives its output. */
  call(functionId: string, input: JSONObject): Promise<JSONObject>;
}

/** Has `hello` greet everybody at the same time; greetings are in the order of the names. */
export async function greetAll(
  names: readonly string[],
  { find, call }: Functions,
): Promise<string[]> {
  const hello = await find("hello");
  const outputs = await Promise.all(names.map((name) => call(hello, { name })));
  return outputs.map(({ message }) => String(message));
}

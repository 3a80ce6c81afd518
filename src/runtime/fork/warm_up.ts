/**
 * Warms the root up by a call without effects. What a call compiles and what it allocates for good is then ready in
 * every fork.
 */
import { captureConsole } from "../console.ts";
import type { ConsoleClass } from "../harden.ts";
import { encode } from "../primordials.ts";
import { frameWriter } from "../request.ts";
import { type Outside, run } from "../run.ts";
import { codeCacheOf, compile } from "../script.ts";
import type { Receive } from "../host.ts";
import { advanceRandom } from "./unique.ts";
import { HOST_REPLY_HEAD_BYTES, HostStatus, LoadPurpose, NONCE_BYTES } from "../wire.ts";

/** Calls that succeed and fail. */
const SCRIPTS = [
  `async function () {
    return {
      fetch: async (request) => Response.json(await request.json(), { headers: { a: "b" } }),
    };
  }`,
  `async function (meta) {
    const { key } = meta.invoked.secrets;
    return { default: async (input) => { console.log("warm-up", key, [input]); return input; } };
  }`,
  `async function () { return { default() { throw new Error("warm-up"); } }; }`,
] as const;
const INPUT = '{"a":[1,"b",null]}';
const REQUEST = '{"method":"POST","url":"http://localhost/","headers":[["a","b"]],"hasBody":true}';
/** The reply to the first host call of a request, with its body. */
const REPLY_JSON = '{"end":true}';
const CONFIG = '{"secrets":{"key":"value"}}';
const LIMIT_BYTES = 65_536;

/** Resolves once every call has answered. */
export async function warmUp(ConsoleOf: ConsoleClass): Promise<void> {
  for (const script of SCRIPTS) {
    const compiled = compile(script);
    for (const codeCache of [undefined, compiled && codeCacheOf(compiled)]) {
      await warmUpCall(ConsoleOf, script, codeCache);
    }
  }
  // Compiles it for all forks.
  advanceRandom("template");
  // Reactions that follow the answer end here, too.
  await new Promise((resolve) => setTimeout(resolve));
}

async function warmUpCall(
  ConsoleOf: ConsoleClass,
  script: string,
  codeCache: Uint8Array | undefined,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const nonce = encode("-".repeat(NONCE_BYTES));
  const frame = frameWriter(nonce, () => {});
  const outside: Outside = {
    frame,
    receive: receiverOf(replyOf(REPLY_JSON, INPUT)),
    mark() {},
    exit: (() => resolve()) as () => never,
    listen() {},
    resetLog: captureConsole(ConsoleOf, frame, LIMIT_BYTES),
  };
  const purpose = LoadPurpose.CALL;
  const isFetch = script.includes("fetch:");
  run(
    { nonce, purpose, outputBytes: LIMIT_BYTES, logBytes: LIMIT_BYTES, script, codeCache },
    { keep: false, isFetch, inputJson: isFetch ? REQUEST : INPUT, configJson: CONFIG },
    outside,
    () => undefined,
  );
  await promise;
}

/** A reply to the first host call of a process. */
function replyOf(json: string, body: string): Uint8Array {
  const text = encode(json + body);
  const reply = new Uint8Array(HOST_REPLY_HEAD_BYTES + text.length);
  const head = new DataView(reply.buffer);
  head.setUint32(0, 1);
  head.setUint8(4, HostStatus.DONE);
  head.setUint32(5, json.length);
  head.setUint32(9, body.length);
  reply.set(text, HOST_REPLY_HEAD_BYTES);
  return reply;
}

/** Reads these bytes, and then waits for ever. */
function receiverOf(bytes: Uint8Array): Receive {
  let at = 0;
  return (into) => {
    const part = bytes.subarray(at, at + into.length);
    if (part.length === 0) return new Promise(() => {});
    into.set(part);
    at += part.length;
    return Promise.resolve(part.length);
  };
}

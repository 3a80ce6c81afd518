/**
 * Rehearses in the zygote what every fork does, with ways that lead nowhere. V8 compiles a function at its first call:
 * each fork compiles unrehearsed functions anew. Permanent allocations of an invocation are ready in every fork, too.
 */
import { awaitKill, serveInvocations, type Ways } from "../invocations.ts";
import type { ConsoleClass } from "../harden.ts";
import type { Receive } from "../host.ts";
import { encode, writeStderr } from "../primordials.ts";
import { NOTHING, putUint32, type Read } from "../request.ts";
import { codeCacheOf, compile } from "../script.ts";
import {
  HOST_REPLY_HEAD_BYTES,
  HostStatus,
  INVOCATION_HEAD_BYTES,
  InvocationFlag,
  LOAD_HEAD_BYTES,
  NONCE_BYTES,
} from "../wire.ts";

/** Invocations that succeed and fail. */
const SCRIPTS = [
  `async function () {
    return {
      fetch: async (request) => Response.json(await request.json(), { headers: { a: "b" } }),
    };
  }`,
  `async function (meta) {
    const { key } = meta.invoked.secrets;
    return { default: async (input) => { console.log("rehearsal", key, [input]); return input; } };
  }`,
  `async function () { return { default() { throw new Error("rehearsal"); } }; }`,
] as const;
const INPUT = '{"a":[1,"b",null]}';
const REQUEST = '{"method":"POST","url":"http://localhost/","headers":[["a","b"]],"hasBody":true}';
/** The reply to the first host call of a request, with its body. */
const REPLY_JSON = '{"end":true}';
const CONFIG = '{"secrets":{"key":"value"}}';
const LIMIT_BYTES = 65_536;

/** Resolves once every invocation has answered. More than one of a kind makes forks slower: see bench/README.md. */
export async function rehearse(ConsoleOf: ConsoleClass): Promise<void> {
  for (const script of SCRIPTS) {
    const compiled = compile(script);
    const codeCache = compiled && codeCacheOf(compiled);
    await rehearseInvocation(ConsoleOf, script, NOTHING);
    await rehearseInvocation(ConsoleOf, script, codeCache ?? NOTHING);
  }
  // Draws from the generator that each fork seeds anew.
  const form = new FormData();
  form.append("rehearsal", new Blob(["a"]));
  new Response(form);
  // Reactions that follow the answer end here, too.
  await new Promise((resolve) => setTimeout(resolve));
}

async function rehearseInvocation(
  ConsoleOf: ConsoleClass,
  script: string,
  codeCache: Uint8Array,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const isFetch = script.includes("fetch:");
  const ways: Ways = {
    read: readerOf([loadOf(script, codeCache), messageOf(isFetch)]),
    readLater: receiverOf(replyOf(REPLY_JSON, INPUT)),
    write() {},
    writeError: () => writeStderr(NOTHING),
    listen: ((type: string, listener: () => void) => {
      addEventListener(type, listener);
      removeEventListener(type, listener);
    }) as typeof addEventListener,
    end: () => awaitKill(0, resolve as () => never),
  };
  serveInvocations(ConsoleOf, ways, undefined);
  await promise;
}

/** A load message. */
function loadOf(script: string, codeCache: Uint8Array): Uint8Array {
  const text = encode(script);
  const load = new Uint8Array(LOAD_HEAD_BYTES + text.length + codeCache.length);
  const numbers = [LIMIT_BYTES, LIMIT_BYTES, text.length, codeCache.length];
  numbers.forEach((number, index) => putUint32(load, NONCE_BYTES + 1 + 4 * index, number));
  load.set(text, LOAD_HEAD_BYTES);
  load.set(codeCache, LOAD_HEAD_BYTES + text.length);
  return load;
}

/** An invocation message. */
function messageOf(isFetch: boolean): Uint8Array {
  const input = encode(isFetch ? REQUEST : INPUT);
  const config = encode(CONFIG);
  const message = new Uint8Array(INVOCATION_HEAD_BYTES + input.length + config.length);
  message[0] = isFetch ? InvocationFlag.FETCH : 0;
  putUint32(message, 1, input.length);
  putUint32(message, 5, config.length);
  message.set(input, INVOCATION_HEAD_BYTES);
  message.set(config, INVOCATION_HEAD_BYTES + input.length);
  return message;
}

/** Reads these messages, one after the other. */
function readerOf(messages: readonly Uint8Array[]): Read {
  let rest = new Uint8Array(messages.flatMap((message) => [...message]));
  return (into) => {
    const part = rest.subarray(0, into.length);
    into.set(part);
    rest = rest.subarray(part.length);
    return part.length;
  };
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

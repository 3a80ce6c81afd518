/**
 * Bodies of `FormData`. Deno draws their boundaries from V8's own random numbers, whose state all forks of a process
 * share: one invocation could compute the boundaries of another, and a field's value with such a boundary would become a
 * field of its own.
 *
 * Here a boundary has 128 bits of the generator that each fork seeds anew, so that no boundary follows from another one,
 * of the same process either. Deno encodes forms in the constructors of `Request` and `Response`, and in `fetch`. These
 * pass on a Blob with the encoded form instead.
 */
import { anonymous, getterOf, uncurry } from "./anonymous.ts";
import { drawBytes } from "./fork/unique.ts";
import { dataDescriptor, defineProperty, dictionary, ProxyOf } from "./primordials.ts";
import * as primordials from "./primordials.ts";

/** The source of boundaries: an object, because a template observes whether its script draws one. */
export const boundarySource = { fill: drawBytes };

/** What the functions below use, which cannot use imports. */
const TOOLS = {
  ...primordials,
  BlobOf: Blob,
  boundarySource,
  find: uncurry(
    String.prototype.indexOf as (this: string, search: string, from: number) => number,
  ),
  forEachField: uncurry(FormData.prototype.forEach),
  formPrototype: FormData.prototype,
  isPrototypeOf: uncurry(Object.prototype.isPrototypeOf as (this: object, v: object) => boolean),
  keysOf: FormData.prototype.keys,
  nameOf: getterOf<File, string>(File.prototype, "name"),
  typeOf: getterOf<Blob, string>(Blob.prototype, "type"),
};

/** Makes the functions that write names of fields and files. */
const makeEscapes = anonymous(({ find, slice }: typeof TOOLS) => ({
  /** Each line break as CRLF. */
  withCrlf: (text: string): string => {
    let clean = "";
    let from = 0;
    let cr = find(text, "\r", 0);
    let lf = find(text, "\n", 0);
    while (cr >= 0 || lf >= 0) {
      const isCr = cr >= 0 && (lf < 0 || cr < lf);
      const at = isCr ? cr : lf;
      clean += slice(text, from, at) + "\r\n";
      from = isCr && lf === cr + 1 ? at + 2 : at + 1;
      if (cr >= 0 && cr < from) cr = find(text, "\r", from);
      if (lf >= 0 && lf < from) lf = find(text, "\n", from);
    }
    return clean + slice(text, from);
  },
  escaped: (text: string): string => {
    let clean = "";
    for (let at = 0; at < text.length; at++) {
      const unit = text[at] as string;
      clean += unit === "\n" ? "%0A" : unit === "\r" ? "%0D" : unit === '"' ? "%22" : unit;
    }
    return clean;
  },
}));

/** Encodes forms as `multipart/form-data` (RFC 7578), as Deno does. */
const makeEncoder = anonymous((
  tools: typeof TOOLS,
  { withCrlf, escaped }: ReturnType<typeof makeEscapes>,
) => {
  const { apply, BlobOf, boundarySource, defineProperty, forEachField, formPrototype } = tools;
  const { isPrototypeOf, keysOf, nameOf, plainDescriptor, typeOf } = tools;
  const CRLF = "\r\n";
  const HEX = "0123456789abcdef";
  const bytes = new Uint8Array(16);

  const drawBoundary = (): string => {
    boundarySource.fill(bytes);
    let text = "----";
    for (let at = 0; at < 16; at++) {
      const byte = bytes[at] as number;
      text += (HEX[byte >>> 4] as string) + (HEX[byte & 15] as string);
    }
    return text;
  };
  return {
    /** Whether Deno would encode the value as a form. */
    isForm: (value: unknown): value is FormData => {
      if (typeof value !== "object" || value === null) return false;
      if (!isPrototypeOf(formPrototype, value)) return false;
      try {
        apply(keysOf, value, []);
        return true;
      } catch {
        // Deno rejects what only inherits from the class.
        return false;
      }
    },
    encode: (form: FormData): Blob => {
      const boundary = drawBoundary();
      const parts: BlobPart[] = [];
      let count = 0;
      const add = (part: BlobPart) => defineProperty(parts, count++, plainDescriptor(part));
      forEachField(form, (value, name) => {
        const head = `--${boundary}\r\nContent-Disposition: form-data; name="` +
          escaped(withCrlf(name)) + '"';
        if (typeof value === "string") {
          add(head + CRLF + CRLF + withCrlf(value) + CRLF);
          return;
        }
        add(
          `${head}; filename="${escaped(nameOf(value))}"\r\n` +
            `Content-Type: ${typeOf(value) || "application/octet-stream"}\r\n\r\n`,
        );
        add(value);
        add(CRLF);
      });
      add(`--${boundary}--`);
      return new BlobOf(parts, { type: `multipart/form-data; boundary=${boundary}` });
    },
  };
});

/** What encodes forms before Deno does. */
const encoders = anonymous((
  tools: typeof TOOLS,
  { isForm, encode }: ReturnType<typeof makeEncoder>,
) => {
  const { construct, createObject, dictionary, getOwnPropertyDescriptor, getProperty, ProxyOf } =
    tools;
  type Class = new (...args: never[]) => object;
  const encoded = (body: unknown): unknown => isForm(body) ? encode(body) : body;
  /** The `init` of a request, whose `body` may be a form. A getter of the function is called as often as Deno reads it. */
  const encodedInit = (init: unknown): unknown => {
    if ((typeof init !== "object" && typeof init !== "function") || init === null) return init;
    const own = getOwnPropertyDescriptor(init, "body");
    const isPlain = own === undefined ? !("body" in init) : own.get === undefined;
    if (isPlain && !isForm(own?.value)) return init;
    const get = (_: object, key: PropertyKey) =>
      key === "body" ? encoded(getProperty(init, key)) : getProperty(init, key);
    return new ProxyOf(createObject(null), dictionary<unknown>({ get }) as ProxyHandler<object>);
  };
  /** Encodes the argument at this position before the constructor gets it. */
  const trap = (at: number, encode: (argument: unknown) => unknown) => ({
    construct(target: Class, args: unknown[], newTarget: Class) {
      if (args.length > at) args[at] = encode(args[at]);
      return construct(target, args as never[], newTarget);
    },
  });
  const traps = { Response: trap(0, encoded), Request: trap(1, encodedInit) };
  return { traps, encodedInit };
})(TOOLS, makeEncoder(TOOLS, makeEscapes(TOOLS)));

/** Gives the second argument for the `fetch` of Deno. */
export const { encodedInit } = encoders;

/** Replaces the classes that encode forms. */
export function wrapBodies(): void {
  for (const key of ["Request", "Response"] as const) {
    const original = globalThis[key];
    const handler = dictionary<unknown>(encoders.traps[key]) as ProxyHandler<typeof original>;
    const value = new ProxyOf(original, handler);
    defineProperty(original.prototype, "constructor", dataDescriptor(value, true));
    defineProperty(globalThis, key, dataDescriptor(value, true));
  }
}
